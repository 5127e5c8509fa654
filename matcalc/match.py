"""A pattern of rules/ against an expression: up to the order of sums and elementwise products, along any stretch of a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from . import dims
from .algebra import ONE, add, content, matmul, mul, ones, power, run, scale, size, split, transpose
from .dims import Dim
from .expr import Expr, Number, make, number
from .rebuild import substitute

CUTS = 12  # a chain of up to that many factors is cut at every place, a longer one after its first factor


class Binding(NamedTuple):
    """What the variables and the dimension names of a pattern stand for. Never changed: extending makes a new one."""

    values: dict[Expr, Expr]
    sizes: dict[str, Dim]

    def with_value(self, variable: Expr, value: Expr) -> Binding | None:
        """The binding that says this too, or None if it contradicts what is said already."""
        if variable in self.values:
            return self if self.values[variable].canon is value.canon else None
        sizes = self.sizes
        for wanted, found in zip(variable.shape, value.shape, strict=True):
            if not isinstance(wanted, str) or found == 1:  # a vector is not taken for a matrix
                if dims.substitute(wanted, sizes) != found or wanted != found == 1:
                    return None
            elif wanted not in sizes:
                sizes = {**sizes, wanted: found}
            elif sizes[wanted] != found:
                return None
        return Binding({**self.values, variable: value}, sizes)


EMPTY = Binding({}, {})
Accept = Callable[[Binding], bool]


class Pattern:
    """A left side, compiled: its variables, the names of functions that its outermost parts must have, and the operators."""

    __slots__ = ("left", "variables", "anchors", "_operators")

    def __init__(self, left: Expr, variables: frozenset[Expr]) -> None:
        self.left, self.variables = left, variables
        self.anchors = frozenset(heads(left))
        parts = [p.args[0] if left.op == "mul" and p.op == "pow" else p for p in left.args]
        self._operators = [p.op for p in parts if p not in variables and p.op not in ("transpose", "mul")]

    def may_match(self, names: frozenset[str], operators: frozenset[str]) -> bool:
        """Does an expression with these `heads` and `part_operators` have all that the pattern asks for?"""
        return self.anchors <= names and all([op in operators or (op == "matmul" and "run" in operators) for op in self._operators])

    def rewrite(self, e: Expr, right: Expr, accept: Accept) -> Expr | None:
        """e with one occurrence of the pattern at its root (or among its terms or factors) replaced, or None; e `may_match`."""
        op = self.left.op
        if op != e.op:
            return None
        if op == "add":
            return self._rewrite_sum(e, right, accept)
        if op == "mul":
            return self._rewrite_product(e, right, accept)
        if op == "matmul":
            return self._rewrite_chain(e, right, accept)
        for found in self.match_all([(self.left, e)], EMPTY, strict=True):
            if accept(found):
                return substitute(right, found.values, found.sizes)
        return None

    def find(self, e: Expr, accept: Accept) -> Binding | None:
        """The binding for which the whole of e is the pattern."""
        if self.left.op == e.op or self.left in self.variables:
            for found in self.match_all([(self.left, e)], EMPTY):
                if accept(found):
                    return found
        return None

    # ------------------------------------------------------------ at the root: a part of a sum, of a product, of a chain
    def _rewrite_sum(self, e: Expr, right: Expr, accept: Accept) -> Expr | None:
        wanted = _concrete_first(list(zip(self.left.data, self.left.args, strict=True)), self.variables)
        have = list(zip(e.data, e.args, strict=True))
        if len(wanted) > len(have):
            return None
        for i, (c, core) in enumerate(have):
            if not self._may_match(wanted[0][1], core):
                continue
            ratio = _over(c, wanted[0][0])
            for found, rest in self._terms(wanted, have, ratio, EMPTY, i):
                if accept(found):
                    new = substitute(right, found.values, found.sizes)
                    others = [scale(d, a) for j, (d, a) in enumerate(have) if j not in rest]
                    place = min(rest)
                    before = sum(1 for j in range(place) if j not in rest)
                    return add([*others[:before], scale(ratio, new), *others[before:]], e.shape)
        return None

    def _terms(self, wanted: Sequence[tuple[Number, Expr]], have: Sequence[tuple[Number, Expr]], ratio: Number, b: Binding,
               first: int | None = None) -> Iterator[tuple[Binding, frozenset[int]]]:
        """All ways to find the wanted terms among those of a sum, each `ratio` times as large."""
        wanted = [(_plain(ratio * c), p) for c, p in wanted]
        places: dict[Number, list[int]] = {}
        for i, (c, _) in enumerate(have):
            places.setdefault(c, []).append(i)

        def go(k: int, b: Binding, used: frozenset[int]) -> Iterator[tuple[Binding, frozenset[int]]]:
            if k == len(wanted):
                yield b, used
                return
            c, p = wanted[k]
            free = p in self.variables and (p not in b.values or b.values[p].op in ("mul", "num", "add"))
            if free and p not in b.values:
                return
            whole = scale(c, b.values[p]).canon if free else None
            for i in [first] if k == 0 and first is not None else range(len(have)) if free else places.get(c, ()):
                if i in used:
                    continue
                if free:
                    if scale(have[i][0], have[i][1]).canon is whole:
                        yield from go(k + 1, b, used | {i})
                elif have[i][0] == c and self._may_match(p, have[i][1]):
                    for found in self.match_all([(p, have[i][1])], b):
                        yield from go(k + 1, found, used | {i})

        return go(0, b, frozenset())

    def _rewrite_product(self, e: Expr, right: Expr, accept: Accept) -> Expr | None:
        for found, rest, coefficient in self._factors(self.left, e, EMPTY):
            if accept(found):
                return mul([number(coefficient), *rest, substitute(right, found.values, found.sizes)])
        return None

    def _factors(self, p: Expr, e: Expr, b: Binding) -> Iterator[tuple[Binding, list[Expr], Number]]:
        """All ways to take the factors of p out of e: the binding, what is left of the factors, and of the number."""
        wanted = sorted(p.args, key=lambda f: f in self.variables)

        def go(k: int, b: Binding, left: list[Expr], c: Number) -> Iterator[tuple[Binding, list[Expr], Number]]:
            if k == len(wanted):
                yield b, left, c
                return
            f = wanted[k]
            if f in self.variables:
                if f in b.values:
                    taken = _take(b.values[f], left)
                    if taken is not None:
                        yield from go(k + 1, b, taken[0], taken[1] * c)
                return
            base, exponent = (f.args[0], f.args[1]) if f.op == "pow" else (f, ONE)
            for i, g in enumerate(left):
                have, k_have = (g.args[0], g.args[1]) if g.op == "pow" else (g, ONE)
                if not self._may_match(base, have):
                    continue
                rest, tasks = ONE, [(base, have)]
                if exponent.op != "num":
                    tasks.append((exponent, k_have))
                elif k_have is not exponent:
                    if k_have.op != "num" or k_have.data * exponent.data <= 0 or abs(k_have.data) < abs(exponent.data):
                        continue
                    rest = power(have, number(k_have.data - exponent.data))
                for sign, found in self._signed(tasks, b, exponent):
                    kept = [*left[:i], *([rest] if rest.op != "num" else []), *left[i + 1:]]
                    yield from go(k + 1, found, kept, c * sign)

        return go(0, b, list(e.args), _over(e.data, p.data))

    def _may_match(self, p: Expr, e: Expr) -> bool:
        """A cheap look at the roots, before anything is built."""
        if p.op == e.op:
            return p.op != "call" or p.data.name == e.data.name
        return p in self.variables or p.op in ("transpose", "mul") or (p.op == "matmul" and e.op == "run")

    def _signed(self, tasks: list[tuple[Expr, Expr]], b: Binding, exponent: Expr) -> Iterator[tuple[int, Binding]]:
        """Matches of a factor; a sum among them also the other way round, for an odd power."""
        for found in self.match_all(tasks, b):
            yield 1, found
        base, have = tasks[0]
        if base.op == "add" and have.op == "add" and exponent.op == "num" and isinstance(exponent.data, int):
            for found in self.match_all([(scale(-1, base), have)], b):
                yield (-1 if exponent.data % 2 else 1), found

    def _rewrite_chain(self, e: Expr, right: Expr, accept: Accept) -> Expr | None:
        chain = _spread(e.args)
        for found, start, stop, sign in self._stretches(self.left.args, chain, EMPTY):
            if accept(found):
                new = substitute(right, found.values, found.sizes)
                return matmul([number(sign), *chain[:start], new, *chain[stop:]])
        return None

    def _stretches(self, wanted: Sequence[Expr], chain: list[Expr], b: Binding) -> Iterator[tuple[Binding, int, int, int]]:
        """All stretches of a chain that are the wanted factors: binding, start, stop, sign."""
        anchor = next((i for i, p in enumerate(wanted) if not self._is_variable(p)), 0)
        for i, e in enumerate(chain):
            if not self._may_match(wanted[anchor], e):
                continue
            for sign, found in self._signed([(wanted[anchor], e)], b, ONE):
                yield from self._extend(wanted, anchor, chain, i, found, sign)

    def _extend(self, wanted: Sequence[Expr], anchor: int, chain: list[Expr], i: int, b: Binding,
                sign: int) -> Iterator[tuple[Binding, int, int, int]]:
        stop = i + 1
        for p in wanted[anchor + 1:]:
            step = self._step(p, chain[stop:], b, forward=True)
            if step is None:
                return
            b, length, s = step
            stop, sign = stop + length, sign * s
        start = i
        for p in reversed(wanted[:anchor]):
            step = self._step(p, chain[:start], b, forward=False)
            if step is None:
                return
            b, length, s = step
            start, sign = start - length, sign * s
        yield b, start, stop, sign

    def _step(self, p: Expr, chain: list[Expr], b: Binding, forward: bool) -> tuple[Binding, int, int] | None:
        """One wanted factor beside a stretch: a variable that is bound to a product takes several places."""
        if not chain:
            return None
        variable = p.args[0] if p.op == "transpose" else p
        if self._is_variable(p) and variable in b.values:
            value = b.values[variable] if p.op != "transpose" else transpose(b.values[variable])
            parts = _spread(value.args) if value.op == "matmul" else _spread((value,))
            have = chain[: len(parts)] if forward else chain[-len(parts):]
            if len(have) == len(parts) and all(x.canon is y.canon for x, y in zip(have, parts, strict=True)):
                return b, len(parts), 1
            if value.op == "add" and have and have[0].op == "add" and scale(-1, value).canon is have[0].canon:
                return b, 1, -1
            return None
        e = chain[0] if forward else chain[-1]
        for sign, found in self._signed([(p, e)], b, number(1)):
            return found, 1, sign
        return None

    def _is_variable(self, p: Expr) -> bool:
        return p in self.variables or (p.op == "transpose" and p.args[0] in self.variables)

    # ------------------------------------------------------------ below the root: the whole of an expression
    def match_all(self, tasks: list[tuple[Expr, Expr]], b: Binding, strict: bool = False) -> Iterator[Binding]:
        """All bindings for which every expression is its pattern. strict: a sign or a scalar in an argument must really be there."""
        if not tasks:
            yield b
            return
        (p, e), rest = tasks[0], tasks[1:]
        if p in self.variables:
            if p in b.values:
                if b.values[p].canon is e.canon:
                    yield from self.match_all(rest, b)
            elif (bound := b.with_value(p, e)) is not None:
                yield from self.match_all(rest, bound)
        elif p.op == "transpose":
            yield from self.match_all([(p.args[0], transpose(e)), *rest], b)
        elif p.op == "mul":
            for found in self._whole_product(p, e, b, strict):
                yield from self.match_all(rest, found)
        elif p.op == e.op or (p.op == "matmul" and e.op == "run"):
            for found in self._same(p, e, b, strict):
                yield from self.match_all(rest, found)

    def _same(self, p: Expr, e: Expr, b: Binding, strict: bool) -> Iterator[Binding]:
        op = p.op
        if op == "size":
            if p.data not in b.sizes:
                yield Binding(b.values, {**b.sizes, p.data: e.data})
            elif size(b.sizes[p.data]) is e:
                yield b
        elif op in ("eye", "ones", "zeros"):
            if (found := _shape(p, e, b)) is not None:
                yield found
        elif op == "add":
            if len(p.args) == len(e.args):
                wanted = _concrete_first(list(zip(p.data, p.args, strict=True)), self.variables)
                yield from (found for found, _ in self._terms(wanted, list(zip(e.data, e.args, strict=True)), 1, b))
            yield from self._rest_of_sum(p, e, b)
        elif op == "matmul":
            yield from self._whole_chain(p, e, b)
        elif op == "call":
            if p.data.name == e.data.name and p.data.axis == e.data.axis and len(p.args) == len(e.args):
                yield from self.match_all(list(zip(p.args, e.args, strict=True)), b, strict)
        elif p.data == e.data and len(p.args) == len(e.args):
            yield from self.match_all(list(zip(p.args, e.args, strict=True)), b)

    def _rest_of_sum(self, p: Expr, e: Expr, b: Binding) -> Iterator[Binding]:
        """A pattern of one free variable and other terms: the variable is all that the other terms leave."""
        free = [i for i, a in enumerate(p.args) if a in self.variables and a not in b.values]
        if len(free) != 1 or len(p.args) < 2:
            if len(free) == 2 and len(p.args) == 2:  # A + B: the first term, and the rest
                first, second = p.args
                head = scale(_over(e.data[0], p.data[0]), e.args[0])
                rest = add([scale(c, a) for c, a in zip(e.data[1:], e.args[1:], strict=True)], e.shape)
                bound = b.with_value(first, head)
                if bound is not None and (bound := bound.with_value(second, scale(_over(1, p.data[1]), rest))) is not None:
                    yield bound
            return
        i = free[0]
        wanted = [(c, a) for j, (c, a) in enumerate(zip(p.data, p.args, strict=True)) if j != i]
        have = list(zip(e.data, e.args, strict=True))
        if len(wanted) >= len(have):
            return
        for found, used in self._terms(_concrete_first(wanted, self.variables), have, 1, b):
            rest = add([scale(c, a) for j, (c, a) in enumerate(have) if j not in used], e.shape)
            bound = found.with_value(p.args[i], scale(_over(1, p.data[i]), rest))
            if bound is not None:
                yield bound

    def _whole_product(self, p: Expr, e: Expr, b: Binding, strict: bool) -> Iterator[Binding]:
        free = [f for f in p.args if f in self.variables and f not in b.values]
        if not free:
            if e.op == "mul":
                yield from (found for found, left, c in self._factors(p, e, b) if not left and c == 1)
            return
        if strict and p.data == -1 and len(p.args) == 1 and not _is_negative(e):
            return
        fixed = [f for f in p.args if f not in free]
        if not fixed:
            yield from self._free_product(p, e, b, free, strict)
            return
        core = e if e.op == "mul" else mul_node(e)
        if core is None:
            return
        inner = mul_pattern(p, fixed)
        for found, left, c in self._factors(inner, core, b):
            yield from self._bind_rest(free, left, c, found, e, strict)

    def _free_product(self, p: Expr, e: Expr, b: Binding, free: list[Expr], strict: bool) -> Iterator[Binding]:
        c, core = split(e)
        if e.op == "add" and strict:
            c, core = content(e)
        factors = list(core.args) if core.op == "mul" else [] if core.op == "num" else [core]
        yield from self._bind_rest(free, factors, _over(c, p.data), b, e, strict)

    def _bind_rest(self, free: list[Expr], left: list[Expr], c: Number, b: Binding, e: Expr, strict: bool) -> Iterator[Binding]:
        """The factors that are left over go to the free variables: scalars to a scalar, the others to the other."""
        if len(free) == 1:
            value = mul([number(c), *left])
            if value.shape != free[0].shape and free[0].shape != (1, 1) and value.is_scalar:
                value = mul([value, ones(e.shape)])
            if (bound := b.with_value(free[0], value)) is not None:
                yield bound
            return
        if len(free) != 2:
            return
        scalar = [f for f in free if f.is_scalar]
        if len(scalar) == 1:
            other = free[1] if free[0] is scalar[0] else free[0]
            outside = mul([number(c), *[f for f in left if f.is_scalar]])
            inside = mul([f for f in left if not f.is_scalar])
            if (strict and outside is number(1)) or inside.is_scalar != other.is_scalar:
                return
            pairs = [(scalar[0], outside), (other, inside)]
        else:
            if len(left) < 2:
                return
            pairs = [(free[0], mul([number(c), left[0]])), (free[1], mul(left[1:]))]
        both: Binding | None = b
        for variable, value in pairs:
            both = both.with_value(variable, value) if both is not None else None
        if both is not None:
            yield both

    def _whole_chain(self, p: Expr, e: Expr, b: Binding) -> Iterator[Binding]:
        chain = _spread(e.args if e.op == "matmul" else (e,))
        if len(chain) == 1:  # a long run
            chain = [e.args[0], run(e.args[0], e.data - 1)]
        whole = (0, len(chain), 1)
        yield from (found for found, *place in self._stretches(p.args, chain, b) if tuple(place) == whole)
        if len(p.args) == 2 and len(chain) > 2 and all(f in self.variables and f not in b.values for f in p.args):  # A @ B, cut anywhere
            for cut in range(1, len(chain) if len(chain) <= CUTS else 2):
                first = b.with_value(p.args[0], matmul(chain[:cut]))
                both = first.with_value(p.args[1], matmul(chain[cut:])) if first is not None else None
                if both is not None:
                    yield both
        yield from self._around(p.args, chain, b)
        if len(p.args) == 3 and len(chain) > 3 and len(chain) % 2 == 1:  # A.T @ S @ A with a product for A
            middle = len(chain) // 2
            parts = (matmul(chain[:middle]), chain[middle], matmul(chain[middle + 1:]))
            yield from self.match_all(list(zip(p.args, parts, strict=True)), b)
        if len(p.args) == 2 and len(chain) > 2 and len(chain) % 2 == 0 and self._is_variable(p.args[0]):  # A.T @ A
            middle = len(chain) // 2
            yield from self.match_all([(p.args[0], matmul(chain[:middle])), (p.args[1], matmul(chain[middle:]))], b)


    def _around(self, wanted: Sequence[Expr], chain: list[Expr], b: Binding) -> Iterator[Binding]:
        """B @ f(A) @ C in a longer chain: the free ends take all that stands beside the one fixed factor."""
        fixed = [i for i, p in enumerate(wanted) if not self._is_variable(p)]
        if len(fixed) != 1 or len(wanted) > 3 or len(chain) <= len(wanted):
            return
        middle, before, after = fixed[0], fixed[0], len(wanted) - 1 - fixed[0]
        if before > 1 or after > 1:
            return
        for i, e in enumerate(chain):
            if (i > 0) == bool(before) and (i < len(chain) - 1) == bool(after) and self._may_match(wanted[middle], e):
                sides = [(wanted[0], chain[:i])] * before + [(wanted[-1], chain[i + 1:])] * after
                yield from self.match_all([(wanted[middle], e), *[(p, matmul(part)) for p, part in sides]], b)


# ---------------------------------------------------------------- helpers
def heads(e: Expr) -> list[str]:
    """The names of the functions among the outermost parts of an expression, those of the terms of a sum in a product too."""
    parts = e.args if e.op in ("add", "mul", "matmul", "sum", "tr", "diagv", "diag") else (e,) if e.op == "call" else ()
    found: list[str] = []
    for f in parts:
        if f.op in ("pow", "transpose", "run"):
            f = f.args[0]
        if f.op == "call":
            found.append(f.data.name)
        elif f.op == "mul":
            found += [g.data.name for g in f.args if g.op == "call"]
        elif f.op == "add":
            found += heads(f)
    return found


def part_operators(e: Expr) -> frozenset[str]:
    """The operators at the root of an expression's parts, of powers also those of their bases."""
    found = {a.op for a in e.args}
    if "pow" in found or "run" in found:
        found |= {a.args[0].op for a in e.args if a.op in ("pow", "run")}
    return frozenset(found)


def _plain(value: Number) -> Number:
    return value.numerator if type(value) is not int and value.denominator == 1 else value


def _over(a: Number, b: Number) -> Number:
    return a if b == 1 else -a if b == -1 else _plain(Fraction(a) / b)


def _concrete_first(terms: list[tuple[Number, Expr]], variables: frozenset[Expr]) -> list[tuple[Number, Expr]]:
    return sorted(terms, key=lambda t: (t[1] in variables, t[1].op in ("num", "ones")))


def _is_negative(e: Expr) -> bool:
    if e.op == "add":
        return content(e)[0] < 0
    return e.op in ("mul", "num") and e.data < 0


def _spread(factors: Sequence[Expr]) -> list[Expr]:
    """A chain with short powers written out."""
    return [g for f in factors for g in ([f.args[0]] * f.data if f.op == "run" and f.data <= 8 else [f])]


def _take(value: Expr, left: list[Expr]) -> tuple[list[Expr], Number] | None:
    """The factors `left` without those of `value`, and the number by which they have to be multiplied."""
    c, core = split(value)
    for f in core.args if core.op == "mul" else (core,):
        base, exponent = (f.args[0], f.args[1]) if f.op == "pow" else (f, number(1))
        for i, g in enumerate(left):
            have, k = (g.args[0], g.args[1]) if g.op == "pow" else (g, number(1))
            sign = 1 if have.canon is base.canon else -1 if base.op == "add" and scale(-1, base).canon is have.canon else 0
            if not sign:
                continue
            if exponent is k:
                rest = number(1)
            elif exponent.op == "num" and k.op == "num" and k.data * exponent.data > 0 and abs(k.data) > abs(exponent.data):
                rest = power(have, number(k.data - exponent.data))
            else:
                continue
            left = [*left[:i], *([rest] if rest.op != "num" else []), *left[i + 1:]]
            c = c if sign > 0 else -c
            break
        else:
            return None
    return left, _over(1, c)


def _shape(p: Expr, e: Expr, b: Binding) -> Binding | None:
    sizes = b.sizes
    for wanted, found in zip(p.shape, e.shape, strict=True):
        if isinstance(wanted, str) and wanted not in sizes and found != 1:
            sizes = {**sizes, wanted: found}
        elif dims.substitute(wanted, sizes) != found or wanted != found == 1:
            return None
    return Binding(b.values, sizes)


def mul_node(e: Expr) -> Expr | None:
    """e as a product of one factor, so that factors can be taken from it."""
    return make("mul", (e,), 1, e.shape) if e.op not in ("num", "add") else None


def mul_pattern(p: Expr, factors: list[Expr]) -> Expr:
    return make("mul", tuple(factors), p.data, p.shape)
