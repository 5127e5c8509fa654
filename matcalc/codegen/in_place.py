"""NumPy source for compiled functions: temporaries overwritten where nothing needs them any more, LAPACK called directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import runtime
from .graph import Graph, Op
from .places import Places, is_broadcast, is_filled
from .writer import ATOM, BROADCAST, ENTRIES, FACTORED, LEAVES, PLUS, POWER, TIMES, UNARY, VIEWS, Made, common_factor

# may be an argument itself, looked at otherwise, or no numbers: never written over
BORROWED = frozenset({"stacked", "reshape", "slice", "diagonal", "unstack", "transpose", "call", "above zero", "arranged", "widened"})
DETERMINANT = "numpy.linalg.det"
LARGE = 2_000  # entries from which a temporary is worth overwriting


class InPlace(Places):
    """Statements that do as little as an expert would."""

    importing = None

    def __init__(self, graph: Graph, roots: Sequence[Op], names: dict[str, str], single: bool = False, large: int | None = None,
                 known: Mapping[Op, str] | None = None) -> None:
        self.large = LARGE if large is None else large
        self.like = "dtype=np.float32" if single else ""
        self.single = single
        super().__init__(graph, roots, names, width=None, known=known)
        self.lu_uses: dict[Op, int] = {}
        for o in self.needed:
            if (o.kind in FACTORED and not o.data) or (o.kind == "call" and o.data[0] == DETERMINANT):
                a = _upright(o.args[0])
                self.lu_uses[a] = self.lu_uses.get(a, 0) + 1
        self.last = self._last_reads()

    def new(self, function: str, *args: str) -> str:
        return f"np.{function}({', '.join([*args, *([self.like] if self.like else [])])})"

    def is_named(self, o: Op) -> bool:
        if o.kind in LEAVES or o.kind in VIEWS:
            return False
        if o in self.within:
            return False
        if self.uses[o] > 1 or is_filled(o) or self.has_places(o) or o.kind in ("log determinant", "stacked"):
            return True
        return o.kind in ENTRIES and o.size >= self.large and o.kind != "above zero" and o not in self.divisors

    def _last_reads(self) -> dict[Op, Op | None]:
        """Who reads each named operation last; None: it is wanted at the end."""
        last: dict[Op, Op | None] = {}
        pinned: set[Op] = set()
        for o in self.named:
            for a in self.read_by(o):
                last[a] = o
                if o.kind in ("stacked", "kron", "arranged"):
                    pinned.add(a)
        for r in self.roots:
            for a in ({r} if r in self.is_named_op else self.read_by(r)):
                last[a] = None
        return last | dict.fromkeys(pinned)

    # ------------------------------------------------------------ statements
    def result(self, r: Op) -> str:
        """A new array, that may be written to: not an argument, and not what is only looked at otherwise."""
        seen = r
        while seen.kind in BORROWED and seen.kind != "call" and len(seen.args) == 1 and not is_broadcast(seen):
            seen = seen.args[0]
        borrowed = r.shape and (seen.kind in ("input", "call", "repeat") or r.kind == "diagonal")
        text = self.text(r, whole=True)
        if is_broadcast(seen) and not borrowed:  # in another shape it may be an array of its own
            return f'np.require({text}, requirements="W")'
        return f"np.array({text})" if borrowed else text

    def statement(self, o: Op) -> None:
        if (self.has_places(o) or (o.kind in ENTRIES and o.size >= self.large)) and self._in_place(o):
            return
        if is_filled(o):
            self.fill(o)
        elif self.uses[o] == 1 and o.kind in ENTRIES:
            self._put_off(o)
        else:
            self.assign(o, self.made(o)[0])

    def _put_off(self, o: Op) -> None:
        """o is written where it is used; so what it reads is read there, too."""
        self.is_named_op.discard(o)
        reader = self.last[o]
        for a in self.read_by(o):
            before = self.last[a]
            if before is not None and (reader is None or reader.number > before.number):
                self.last[a] = reader

    def _dying(self, o: Op) -> list[Op]:
        """Arrays of o's shape that o may overwrite: nothing reads them after it, and it reads them once, directly."""
        found = []
        for a in o.args:
            if a.shape != o.shape or a.kind in BORROWED or o.args.count(a) > 1:
                continue
            if a in self.variables and self.last.get(a) is o:
                deep = [b for b in o.args if b is not a and a in self._deep(b)]
                if all(b.kind == "repeat" for b in deep):
                    for b in deep:  # what is read of it otherwise is computed before
                        v = b.args[0]
                        while self.is_divisor(v):
                            v = v.args[0]
                        if v not in self.variables:
                            self.assign(v, self.made(v)[0])
                    found.append(a)
        return found

    def _started(self, o: Op) -> list[Op]:
        """A part of o that is a new array in any case gets a name, so that o may be written over it."""
        for a in o.args:
            if a.shape == o.shape and self.uses[a] == 1 and a not in self.variables and a.kind not in LEAVES | VIEWS | ENTRIES \
                    and a.kind not in BORROWED and a.kind not in ("diag", "outer") and not is_filled(a):
                self.assign(a, self.made(a)[0])
                return [a]
        return []

    def _deep(self, o: Op) -> set[Op]:
        return set() if o in self.is_named_op else self.read_by(o)

    def _over(self, o: Op, target: Op) -> str:
        """o takes the place of another operation."""
        self.variables[o] = self.variables.pop(target)
        return self.variables[o]

    def _in_place(self, o: Op) -> bool:
        """Write o as steps on one array; False where one expression is as good."""
        dying = self._dying(o) or self._started(o)
        write = self.lines.append
        if o.kind == "linear":
            return self._sum_in_place(o, dying)
        if o.kind == "product":
            return self._product_in_place(o, dying)
        if o.kind == "map":
            if not dying or (len(o.args) > 1 and o.args[0] is not dying[0] and o.args[1] is not dying[0]):
                return False
            text = ", ".join(self.text(a) for a in o.args)
            name = self._over(o, dying[0])
            write(f"np.{o.data}({text}, out={name})")
            return True
        if o.kind == "power" and dying and o.data in (2, -1, 0.5):
            name = self._over(o, dying[0])
            write({2: f"np.multiply({name}, {name}, out={name})", -1: f"np.divide(1, {name}, out={name})",
                   0.5: f"np.sqrt({name}, out={name})"}[o.data])
            return True
        if o.kind == "logistic":
            if dying:
                name = self._over(o, dying[0])
                write(f"np.exp({name}, out={name})")
            else:
                name = self.assign(o, f"np.exp({self.text(o.args[0])})")
            write(f"{name} += 1")
            write(f"np.divide(1, {name}, out={name})")
            return True
        return False

    def _sum_in_place(self, o: Op, dying: list[Op]) -> bool:
        """One term, written over or made anew, and the others added to it."""
        coefficients, constant = o.data
        common = common_factor(o)
        constant /= common
        terms = [(c / common, a) for c, a in zip(coefficients, o.args, strict=True)]
        write = self.lines.append
        fresh = not dying and not any(self._has_whole(a) for _, a in terms)
        if dying:
            target = next((a for c, a in terms if a in dying and c == 1), dying[0])
            c = next(c for c, a in terms if a is target)
            rest = [(d, a) for d, a in terms if a is not target]
            first = next((t for t in rest if t[0] == 1 and not self.has_place(t[1])), None) if c == -1 and not constant else None
            start = self.text(first[1], PLUS) if first is not None else ""
            name = self._over(o, target)
            if c == -1 and constant:
                write(f"np.subtract({self.number(constant)}, {name}, out={name})")
                constant = 0.0
            elif first is not None:
                rest.remove(first)
                write(f"np.subtract({start}, {name}, out={name})")
            elif c == -1:
                write(f"np.negative({name}, out={name})")
            elif c != 1:
                write(f"{name} *= {self.number(c)}")
        else:
            begun = self._begun(o, terms, constant)
            if begun is None:
                return False
            name, rest, constant = begun
        for d, a in rest:
            if self.has_place(a):
                write(f"{self.place(name, a, fresh)} {'-' if d < 0 else '+'}= {self.placed(abs(d), a)}")
            else:
                write(f"{name} {'-' if d < 0 else '+'}= {self.scaled(abs(d), a)}")
        if constant:
            write(f"{name} {'-' if constant < 0 else '+'}= {self.number(abs(constant))}")
        if common != 1:
            write(f"{name} *= {self.number(common)}")
        return True

    def _begun(self, o: Op, terms: list[tuple[float, Op]], constant: float) -> tuple[str, list[tuple[float, Op]], float] | None:
        """A new array for a sum: its name, the terms and the constant that remain to be added; None where one expression is as good."""
        starts = [t for t in terms if not self.has_place(t[1])]
        whole = [t for t in starts if t[1].kind not in BROADCAST and t[1].shape == o.shape]
        mixed = len({t[1].data for t in starts if t[1].kind == "repeat"}) > 1  # a column and a row
        if not whole and not mixed:  # nothing here has the whole shape
            return (self.assign(o, self.new("zeros", f"{o.shape}")), terms, constant) if self.has_places(o) else None
        if len(starts) < 2:
            if len(terms) == 1:
                return None
            (c, a), = starts
            rest = [t for t in terms if t is not starts[0]]
            if c != 1 or self._is_new(a):
                return self.assign(o, self.scaled(c, a)), rest, constant
            return self.assign(o, f"{self.text(a, TIMES)} + {self.number(constant)}"), rest, 0.0
        if whole:
            first = whole[0]
            second = next(t for t in starts if t is not first)
        else:
            first = next(t for t in starts if t[1].kind == "repeat")
            second = next(t for t in starts if t[1].kind == "repeat" and t[1].data != first[1].data)
        if terms.index(second) < terms.index(first):
            first, second = second, first
        text = f"{self.scaled(*first)} {'-' if second[0] < 0 else '+'} {self.scaled(abs(second[0]), second[1])}"
        return self.assign(o, text), [t for t in terms if t is not first and t is not second], constant

    def _is_new(self, a: Op) -> bool:
        """Is its text a new array, perhaps looked at in another shape?"""
        while (a.kind in ("reshape", "transpose") or (a.kind == "arranged" and len(a.args) == 1 and not is_broadcast(a))) \
                and a not in self.variables:
            a = a.args[0]
        return a.kind == "dot" and a not in self.variables

    def _quotient_in_place(self, o: Op) -> bool:
        """Over what it is divided by, which nothing reads any more."""
        divisor = next((f for f in o.args if f in self.divisors and f.shape == o.shape), None)
        if divisor is None or o.args.count(divisor) > 1:
            return False
        d, rest = divisor.args[0], [f for f in o.args if f is not divisor]
        if d.kind in BORROWED or d.kind in LEAVES or d.kind in VIEWS or any(d is f or d in self._deep(f) for f in rest):
            return False
        if d not in self.variables:
            if self.uses[d] > 1 or d.kind in ENTRIES or is_filled(d):
                return False
            self.assign(d, self.made(d)[0])
        elif self.last.get(d) is not o:
            return False
        above = self.text(self.graph.product(o.data, rest, o.shape)) if any(f.shape for f in rest) else self._scalars(o.data, rest) or "1"
        name = self._over(o, d)
        self.lines.append(f"np.divide({above}, {name}, out={name})")
        return True

    def _product_in_place(self, o: Op, dying: list[Op]) -> bool:
        if not dying and self._quotient_in_place(o):
            return True
        c, factors = o.data, list(o.args)
        write = self.lines.append
        scalars = [f for f in factors if not f.shape]
        if dying:
            target = dying[0]
            factors.remove(target)
            text = self._scalars(c, scalars)
            name = self._over(o, target)
        else:
            arrays = [f for f in factors if f.shape and not self.is_divisor(f) and f.kind != "above zero"]
            if len(arrays) < 2 or len(factors) + (c != 1) < 3 or (arrays[0].shape != o.shape and arrays[1].shape != o.shape):
                return False
            if all(f.kind in BROADCAST for f in arrays[:2]):
                return False
            for f in arrays[:2]:
                factors.remove(f)
            text = self._scalars(c, scalars)
            name = self.assign(o, f"{self.text(arrays[0], TIMES)} * {self.text(arrays[1], UNARY)}")
        if text:
            write(f"np.negative({name}, out={name})" if text == "-1" else f"{name} *= {text}")
        for f in factors:
            if f.shape:
                divisor = self.is_divisor(f)
                write(f"{name} {'/' if divisor else '*'}= {self.divisor(f) if divisor else self.text(f)}")
        return True

    def _scalars(self, c: float, scalars: Sequence[Op]) -> str:
        """The numbers of a product, as one."""
        if not scalars:
            return "" if c == 1 else self.number(c)
        return self.text(self.graph.product(c, scalars, ()))

    def _chosen(self) -> list[Op]:
        readers: dict[Op, list[Op]] = {}
        for o in self.needed:
            for a in o.args:
                readers.setdefault(a, []).append(o)
        self.find_places(readers)
        self.divisors = {a for a, found in readers.items() if a.kind == "power" and a.data == -1 and a not in self.roots and
                         len(found) == 1 and found[0].kind == "product"}
        return super()._chosen()

    def _has_whole(self, a: Op) -> bool:
        return bool(a.shape) and not self.has_place(a)

    # ------------------------------------------------------------ what is quicker written otherwise
    def helper(self, name: str, *args: str) -> Made:
        self.helpers[name] = f"runtime.{name}"
        return self.call(name, *args)

    def function(self, dotted: str, args: Sequence[str]) -> Made:
        module, _, _ = dotted.rpartition(".")
        if module in ("", "numpy", "numpy.linalg"):
            return super().function(dotted, args)
        name = dotted.replace(".", "_")
        self.helpers[name] = dotted
        return self.call(name, *args)

    def _text_call(self, o: Op) -> Made:
        value, axis = o.data
        lu = self.lu(o) if value == DETERMINANT else None
        if lu:
            return self.helper("determinant_of_lu", lu)
        args = [self.operand(a) for a in o.args] + ([] if axis is None else [f"axis={axis}"])
        text = self.function(value, args)[0]
        return self.helper("last", text) if not value.startswith("numpy.") or value.endswith("slogdet") else (text, ATOM)

    def whole(self, o: Op) -> Made:
        if o.kind == "full":
            return self.new("full", f"{o.shape}", repr(float(o.data))), ATOM
        return super().whole(o)

    def _text_float(self, o: Op) -> Made:
        return f"float({self.text(o.args[0])})", ATOM

    def _text_map(self, o: Op) -> Made:
        if self.single and not o.shape:  # a function of a Python float is double
            return f"np.float32(np.{o.data}({', '.join(self.text(a) for a in o.args)}))", ATOM
        return f"np.{o.data}({', '.join(self.text(a) for a in o.args)})", ATOM

    def _text_power(self, o: Op) -> Made:
        a = o.args[0]
        if not a.shape and o.data != int(o.data):  # a root of a negative number of Python's is complex
            if a.kind in ("inner", "dot") and a.args[0] is a.args[1] and o.data == 0.5:
                return f"{self.text(a, ATOM)} ** 0.5", POWER
            return f"np.power({self.text(a)}, {self.number(o.data)})", ATOM
        if a.shape and abs(o.data) == 1.5 and a.kind not in BROADCAST:
            return (self._three_halves(a), ATOM) if o.data > 0 else (f"1 / {self._three_halves(a)}", TIMES)
        return super()._text_power(o)

    def _three_halves(self, a: Op) -> str:
        """a**1.5, by a root, which is quicker than a power."""
        name = self.text(a) if a in self.variables or a.kind == "input" else self.assign(a, self.made(a)[0])
        return f"({name} * np.sqrt({name}))"

    def _text_raised(self, o: Op) -> Made:
        if not o.shape:
            return f"np.power({', '.join(self.text(a) for a in o.args)})", ATOM
        return super()._text_raised(o)

    def _text_dot(self, o: Op) -> Made:
        a, b = o.args
        return f"{self.operand(a, TIMES)} @ {self.operand(b, UNARY)}", TIMES

    def _text_kron(self, o: Op) -> Made:
        return self.blocks(o)

    def _text_outer(self, o: Op) -> Made:
        u, v = o.args
        return f"{self.operand(u, ATOM)}[:, None] * {self.operand(v, UNARY)}", TIMES

    def _text_inner(self, o: Op) -> Made:
        a, b = (self.operand(x) for x in o.args)
        if o.data is None and not any(x.kind == "transpose" for x in o.args):
            return f"np.vdot({a}, {b})", ATOM
        return f"np.einsum('ij,ij->{'' if o.data is None else 'ij'[1 - o.data]}', {a}, {b})", ATOM

    def _text_diagonal(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}.diagonal()", ATOM

    def reshaped(self, text: str, shape: Sequence[int]) -> str:
        return f"{text}.reshape({', '.join(map(str, shape))})" if shape else f"{text}.item()"

    # ------------------------------------------------------------ linear algebra
    def lu(self, o: Op) -> str | None:
        """The LU factors that o shares with others, made where they are first needed."""
        a = _upright(o.args[0])
        if self.lu_uses.get(a, 0) < 2 or not runtime.HAS_LAPACK or not a.size:
            return None
        key = self.graph.op("lu", (a,), a.shape)
        if key not in self.variables:
            self.assign(key, self.helper("lu_factors", self.operand(a))[0])
        return self.variables[key]

    def cholesky(self, a: str) -> str:
        return self.helper("cholesky_factor", a)[0]

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        return self.helper("inverse_of_factored", factor)

    def solution_of_factored(self, factor: str, b: str, o: Op) -> Made:
        return self.helper("solution_of_factored", factor, b)

    def _text_inverse(self, o: Op) -> Made:
        lu = None if o.data else self.lu(o)
        if lu:
            text, level = self.helper("inverse_of_lu", lu)
            return (text, level) if o.args[0] is _upright(o.args[0]) else (f"{text}.T", ATOM)
        factor = self.factored(o) or (self.cholesky(self.operand(o.args[0])) if o.data else None)
        return self.inverse_of_factored(factor, o) if factor else self.helper("inverse", self.operand(o.args[0]))

    def _text_solve(self, o: Op) -> Made:
        if self.factored(o):
            return super()._text_solve(o)
        lu = None if o.data else self.lu(o)
        if lu:
            a, b = o.args
            return self.helper("solution_of_lu", lu, self.operand(b), *([] if a is _upright(a) else ["True"]))
        return self.helper("solution_spd" if o.data else "solution", *(self.operand(x) for x in o.args))

    def _text_log_determinant(self, o: Op) -> Made:
        factor, lu = self.factored(o), None if o.data else self.lu(o)
        if lu:
            return self.helper("log_determinant_of_lu", lu)
        return self.helper("log_determinant_of_factored", factor) if factor else super()._text_log_determinant(o)

    def _text_weighted_gram(self, o: Op) -> Made:
        return self.helper("weighted_gram", *(self.operand(a) for a in o.args))


def _upright(a: Op) -> Op:
    """A matrix whose factors serve its transpose, too."""
    return a.args[0] if a.kind == "transpose" else a
