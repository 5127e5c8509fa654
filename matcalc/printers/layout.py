"""How an expression is laid out, in every format: terms in the user's order, as few brackets and signs as the value allows.

A format is a subclass: a table of spellings (`printers/text.py`), and a method where its habits differ by more than a spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import ClassVar

from .. import dims
from ..algebra import divide, matmul, mul, run, scale, segments, transpose
from ..cost import LINEAR, OPERATOR, cost, one_power, unrepeated
from ..dims import Dim
from ..expr import Expr, Number, magnitude, make, number, postorder
from ..functions import of_call
from ..knowledge import Function, known
from .forms import ATOM, POSTFIX, POWER, PRODUCT, SUM, Form, fill
from .signs import Flips, orient

Part = str | tuple[Form, int]
Under = tuple[Form, bool]  # a divisor, and whether it is a scalar


FORMATS: dict[str, type[Printer]] = {}


class Printer:
    """Lays out each distinct node once. The class attributes are the table of a format; those here are matcalc's own notation.

    A pattern has its operands in braces; names between `{` and `}` that are no operands stay. `spelling` is the key of rules/
    under which a function may have a pattern of its own; functions without one are called by name.
    """

    brackets: ClassVar[tuple[str, str]] = ("(", ")")
    plus, minus, negative = " + ", " - ", "-"
    scaled, times, chained = " * ", " * ", " @ "  # by a scalar, elementwise, matrix product
    digits = " * "  # between a factor and a number behind it
    transposed = "{0}.T"
    called = "{name}({args})"
    spelling = ""
    script = "^"  # what raises: a pattern that has it is no atom
    operators: ClassVar[dict[str, str]] = {}  # patterns of tr, sum, diag ..., where they are not called by name
    juxtaposes = False  # factors stand side by side, so that none may follow a quotient
    hides_signs = True  # a difference is written the other way round where that saves a minus in front
    broadcasts = True  # a scalar is added to every entry, and products with ones at an end are sums along an axis

    def __init_subclass__(cls, format: str = "") -> None:
        FORMATS[format] = cls

    def __init__(self, decimals: bool = False, typed: Iterable[Expr] = ()) -> None:
        self.decimals = decimals
        self.typed = {t.canon for e in typed if e.op != "matmul" for t in (e, transpose(e))}
        self.chains = dict([self._flipped_chain(e) for e in typed if e.op == "matmul"])  # inner products as they were typed
        self.memo: dict[Expr, Form] = {}
        self.turnable: dict[Expr, list[Expr]] = {}
        self.factors: dict[Expr, Form] = {}  # chains and powers as they stand inside products

    @staticmethod
    def _flipped_chain(typed: Expr) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        return tuple([transpose(f) for f in reversed(typed.args)]), typed.args

    def form(self, e: Expr) -> Form:
        """The form of a node; parts first, so that depth costs no recursion."""
        for node in postorder([e]):
            self._form(node)
        return self._form(e)

    def _form(self, e: Expr) -> Form:
        found = self.memo.get(e)
        if found is None:
            made = self._layout(e)
            if made.of is None:
                made.of = e
            self.memo[e] = found = made
        return found

    def _layout(self, e: Expr) -> Form:
        op = e.op
        if op in ("add", "kron", "pow") or (op == "mul" and e.data == 1):
            turned = self._turned(e)
            if turned is not None:
                return turned
        layout: Callable[[Expr], Form] = getattr(self, f"_{op}", self._operator)
        return layout(e)

    def _turned(self, e: Expr) -> Form | None:
        """e as the transpose of what shows fewer `.T`: (X @ B + B @ X).T."""
        saved = 2 if e.op == "add" else 3
        if e.is_scalar or not e.transposes:
            return None
        flipped = transpose(e)
        fewer_signs = cost(flipped) < cost(e) - OPERATOR and any([_repeats_symbol(a) for a in e.args])  # X.T - u @ ones(1, m): X - u.T
        if flipped.op != e.op or not (fewer_signs or (e.transposes - flipped.transposes >= saved and cost(flipped) <= cost(e))):
            return None
        return self._flipped(self._form(flipped))

    @classmethod
    def finish(cls, body: str, definitions: Sequence[tuple[str, str]]) -> str:
        """The whole, with the definitions of its named parts."""
        return body + (f" where {'; '.join(f'{n} = {t}' for n, t in definitions)}" if definitions else "")

    # ------------------------------------------------------------ leaves and calls
    def name(self, name: str) -> str:
        """A name as this format writes it."""
        return name

    def dimension(self, dim: Dim) -> str:
        """A size as this format writes it."""
        return dims.text(dim)

    def _sym(self, e: Expr) -> Form:
        return Form(ATOM, [self.name(e.data.spelled or e.data.name)])

    def _size(self, e: Expr) -> Form:
        return Form(ATOM, [self.dimension(e.data)])

    def _pi(self, e: Expr) -> Form:
        return Form(ATOM, ["pi"])

    def _num(self, e: Expr) -> Form:
        text, strength = self._number(abs(e.data))
        return Form(strength, [text]) if e.data >= 0 else Form(SUM, [self.negative + text])

    def _number(self, value: Number) -> tuple[str, int]:
        """A positive number: 2, 0.5 if decimals were typed, else 1 / 2."""
        if isinstance(value, int) or value.denominator == 1:
            return str(value), ATOM
        if decimal := self._is_decimal(value):
            return decimal, ATOM
        return f"{value.numerator} / {value.denominator}", PRODUCT

    def _plain_call(self, name: str, args: Sequence[Part]) -> Form:
        before, _, after = self.called.replace("{name}", name).partition("{args}")
        parts: list[Part] = [before]
        for i, arg in enumerate(args):
            parts += [", ", arg] if i else [arg]
        return Form(ATOM, [*parts, after])

    def _operator(self, e: Expr) -> Form:
        args = [self._form(a) for a in e.args]
        if e.op in self.operators:
            return fill(self.operators[e.op], {str(i): a for i, a in enumerate(args)}, self.script)
        return self._plain_call(e.op, [(a, SUM) for a in args])

    def _constant(self, e: Expr) -> Form:
        sizes = e.data if e.op == "commat" else e.shape[:1] if e.op == "eye" or e.shape[1] == 1 else e.shape
        return Form(ATOM, [f"{e.op}({', '.join(map(self.dimension, sizes))})"])

    _eye = _ones = _zeros = _commat = _constant

    def _call(self, e: Expr) -> Form:
        return self._function(of_call(e), [self._form(a) for a in e.args], of_matrix=1 not in e.args[0].shape)

    def _function(self, function: Function, args: Sequence[Form], of_matrix: bool) -> Form:
        """A call as rules/ spells it in this format; of a matrix, by the spelling for matrices if it has one."""
        pattern = function.get(self.spelling) if self.spelling else ""
        if pattern:
            pattern = (function.get(f"{self.spelling}_matrix") if of_matrix else "") or pattern
            return fill(pattern, dict(zip([p.name for p in function.signature.params], args, strict=False)), self.script)
        axis = function.head.axis
        return self._plain_call(function.name, [*((a, SUM) for a in args), *([] if axis is None else [f"axis={axis}"])])

    def _transpose(self, e: Expr) -> Form:
        return self._flipped(self._form(e.args[0]))

    def _flipped(self, form: Form) -> Form:
        return Form(POSTFIX, [(form, POSTFIX), self.transposed[3:]])

    def inverse_base(self, e: Expr) -> Expr | None:
        """X of inv(X)."""
        return e.args[0] if e.op == "call" and e.data.name == known().role("inverse") else None

    def inverse_transposed(self, e: Expr, script: str) -> Form | None:
        """inv(X).T with one script for both."""
        base = self.inverse_base(e.args[0])
        return None if base is None else Form(POSTFIX, [(self._form(base), ATOM), script])

    def _flipped_vector(self, form: Form) -> Form:
        return self._flipped(form)

    def _index(self, e: Expr) -> Form:
        rows, columns = (_selector(s) for s in e.data)
        inside = rows if e.args[0].is_column and columns == ":" else columns if e.args[0].is_row and rows == ":" else f"{rows}, {columns}"
        return self._part(self._form(e.args[0]), inside)

    def _part(self, form: Form, inside: str) -> Form:
        return Form(POSTFIX, [(form, POSTFIX), f"[{inside}]"])

    # ------------------------------------------------------------ powers
    def _run(self, e: Expr) -> Form:
        if e.args[0].op == "transpose":
            return self._flipped(self._form(run(e.args[0].args[0], e.data)))
        return self._repeated(e.args[0], e.data)

    def _repeated(self, base: Expr, k: int) -> Form:
        """The k-th power of a matrix."""
        form = self._form(base)
        if k == 2 and base.op == "sym" and form.length < 6:
            return Form(PRODUCT, [(form, POWER), self.chained, (form, POWER)])
        return self._plain_call(known().role("matrix power"), [(form, SUM), str(k)])

    def _pow(self, e: Expr) -> Form:
        return self._quotient(1, [e], {})

    def _raised(self, base: Expr, exponent: Expr, flips: Flips) -> Form:
        """base ** exponent, for an exponent without a minus in front."""
        inner = self._form(flips.get(base, base))
        if exponent.op == "num":
            if exponent.data == 1:
                return inner
            if exponent.data == Fraction(1, 2) and (root := known().role("square root")):
                return self._function(known().functions[root][0], [inner], of_matrix=False)
            return self._power(base, inner, Form(*self._exponent(exponent.data)))
        return self._power(base, inner, self._form(exponent))

    def _exponent(self, value: Number) -> tuple[int, list[Part]]:
        text, strength = self._number(value)
        return strength, [text]

    def _power(self, base: Expr, inner: Form, exponent: Form) -> Form:
        return Form(POWER, [(inner, POSTFIX), "**", (exponent, ATOM)])

    # ------------------------------------------------------------ products
    def _mul(self, e: Expr) -> Form:
        return self._signed(e.data, e)

    def _matmul(self, e: Expr) -> Form:
        return self._signed(1, e)

    def _signed(self, c: Number, core: Expr) -> Form:
        """A product that stands alone: the sign is hidden in a difference where one can be turned."""
        sign, flips = self._orient(c, core, must=self.hides_signs)
        return self._with_sign(sign, self._unsigned(c, core, flips))

    def _with_sign(self, sign: int, form: Form) -> Form:
        return form if sign > 0 else Form(SUM, [self.negative, (form, PRODUCT)])

    def _orient(self, c: Number, core: Expr, must: bool) -> tuple[int, Flips]:
        return orient(c, core, self.typed, must, self.turnable)

    def _unsigned(self, c: Number, core: Expr, flips: Flips) -> Form:
        """|c| * core."""
        factors = list(core.args) if core.op == "mul" else [] if core.op == "num" else [core]
        return self._quotient(magnitude(c), factors, flips)

    def _quotient(self, c: Number, factors: Sequence[Expr], flips: Flips) -> Form:
        """c > 0 times the factors; negative powers below the line."""
        for f, g in one_power(factors):
            quotient = make("pow", (divide(f.args[0], g.args[0]), f.args[1]), None, f.shape if g.is_scalar else g.shape)
            factors = [quotient if h is f else h for h in factors if h is not g]
        above = [f for f in factors if not divides(f)]
        below = [f for f in factors if divides(f)]
        above.sort(key=lambda f: not f.is_scalar)  # scalars first; the sort keeps the typed order
        return self._fraction(c, above, below, flips)

    def _fraction(self, c: Number, above: list[Expr], below: list[Expr], flips: Flips) -> Form:
        """On one line: top / bottom."""
        front, top, bottom = self._split_number(c, bool(above), below)
        under = [*bottom, *((self._under(f, flips), f.is_scalar) for f in below)]
        if not above:
            return self._over(Form(ATOM, [top or "1"]), under)
        return self._numerator(front, above, under, flips, scalar=all([f.is_scalar for f in below]))

    def _is_decimal(self, c: Fraction) -> str | None:
        """The decimal to print for c, if decimals were typed or the fraction is too long to be read."""
        return decimal_text(c) if self.decimals or c.denominator > 10**4 else None

    def _split_number(self, c: Number, has_factors: bool, below: Sequence[Expr]) -> tuple[str, str, list[Under]]:
        """c as text in front, as what stands above the line when nothing else does, and as forms below it."""
        if c == 1:
            return "", "", []
        if isinstance(c, int) or c.denominator == 1:
            return str(c), str(c), []
        if decimal := self._is_decimal(c):
            return decimal, decimal, []
        top = str(c.numerator)
        if c.numerator == 1 or not has_factors or below:
            return ("" if c.numerator == 1 else top), top, [(Form(ATOM, [str(c.denominator)]), True)]
        return f"{top} / {c.denominator}", top, []

    def _under(self, f: Expr, flips: Flips) -> Form:
        base, exponent = f.args
        return self._raised(base, scale(-1, exponent), flips)

    def _numerator(self, front: str, above: list[Expr], under: list[Under], flips: Flips, scalar: bool) -> Form:
        parts: list[Part] = [front] if front else []
        short = scalar and all([u.strength == ATOM and u.length < 12 for u, _ in under])
        leaf = len(above) == 1 and above[0].op in ("sym", "transpose")  # 2 * T / d, but 2 / m * X.T @ (X @ w - y)
        if front and " / " not in front and under and short and not leaf and not above[-1].is_scalar and not self.juxtaposes:
            parts += [" / ", *self._divisor(under)]
            under = []
        self._join_factors(parts, above, flips)
        if len(parts) == 1 and not under and not isinstance(parts[0], str):
            return parts[0][0]
        product = Form(PRODUCT, parts)
        return self._over(product, under) if under else product

    def _join_factors(self, parts: list[Part], factors: Sequence[Expr], flips: Flips) -> None:
        """Put the factors behind what stands in `parts`; scalars come first."""
        scalar_so_far = True
        for i, f in enumerate(factors):
            form = self._factor(f, flips)
            last = i == len(factors) - 1
            open_chain = f.op == "matmul" and scalar_so_far and (last or not f.is_scalar)
            needed = PRODUCT if open_chain or (not parts and last) else POWER
            if parts:
                apart = self.between(factors[i - 1], form, needed) if i else ""
                parts.append(apart or (self.digits if form.begins_with_digit(needed) else self.scaled if scalar_so_far else self.times))
            parts.append((form, needed))
            scalar_so_far = scalar_so_far and f.is_scalar

    def between(self, before: Expr, form: Form, needed: int) -> str:
        """The sign between two factors, where it is not the usual one."""
        return ""

    def _divisor(self, under: Sequence[Under]) -> list[Part]:
        if len(under) == 1:
            return [(under[0][0], POWER)]
        parts: list[Part] = []
        scalar_so_far = True
        for form, scalar in under:
            if parts:
                parts.append(self.digits if form.begins_with_digit(POWER) else self.scaled if scalar_so_far else self.times)
            parts.append((form, POWER))
            scalar_so_far = scalar_so_far and scalar
        return [(Form(PRODUCT, parts), POWER)]

    def _over(self, top: Form, under: Sequence[Under]) -> Form:
        return Form(PRODUCT, [(top, PRODUCT), " / ", *self._divisor(under)]) if under else top

    def _factor(self, f: Expr, flips: Flips) -> Form:
        if f.op == "mul" and flips:
            return self._quotient(f.data, f.args, flips)
        if divides(f):
            return self._quotient(1, [f], flips)
        if flips and f.op in LINEAR and not flips.keys().isdisjoint(f.args):
            return self._form(make(f.op, tuple([flips.get(a, a) for a in f.args]), f.data, f.shape))
        if f.op not in ("matmul", "pow"):
            return self._form(flips.get(f, f))
        if flips:
            return self._chain(f, flips) if f.op == "matmul" else self._raised(f.args[0], f.args[1], flips)
        if f not in self.factors:  # its sign is that of the whole product, so it has none of its own
            chain = f.op == "matmul"
            self.factors[f] = self._turned(f) or self._chain(f, {}) if chain else self._raised(f.args[0], f.args[1], {})
            self.factors[f].of = f
        return self.factors[f]

    def _chain(self, e: Expr, flips: Flips) -> Form:
        """factor @ factor ...; a product with ones at an end is a sum along an axis."""
        left, middle, right = segments(list(e.args))
        if e.is_scalar:
            typed = self.chains.get(e.args)
            if typed is None:
                return self._factors(e.args, flips)
            return self._factors(typed, {transpose(s): transpose(negative) for s, negative in flips.items()} | flips)
        if middle or not self.broadcasts:
            return self._factors(e.args, flips)
        cut = bool(left) and bool(right) and left[-1].shape[1] == 1
        if cut or e.is_column or e.is_row:
            parts = [self._axis(left, 1, flips)] if left else []
            parts += [self._axis(right, 0, flips)] if right else []
            flat = [p for part in parts for p in part]
            return flat[0][0] if len(flat) == 1 else self._joined(flat)
        return self._factors(e.args, flips)

    def _axis(self, chain: list[Expr], axis: int, flips: Flips) -> list[tuple[Form, int]]:
        """The forms of one side of an outer product, or its single form as a sum along an axis."""
        end = chain[-1] if axis == 1 else chain[0]
        if len(chain) > 1 and end.op == "ones" and 1 in end.shape and end.shape[0 if axis == 0 else 1] == 1:
            rest = chain[:-1] if axis == 1 else chain[1:]
            flipped = transpose(matmul(rest))
            fewer = flipped.transposes + 1 < sum([f.transposes for f in rest]) or rest[0].op == "transpose"
            if fewer and not flips and cost(flipped) <= cost(transpose(flipped)):
                inner = self._plain_call("sum", [(self._form(flipped), SUM), f"axis={1 - axis}"])  # sum(X, axis=0).T, not sum(X.T, axis=1)
                return [(self._flipped_vector(inner), POWER)]
            inner = self._factor(rest[0], flips) if len(rest) == 1 else self._factors(rest, flips)
            return [(self._plain_call("sum", [(inner, SUM), f"axis={axis}"]), POWER)]
        return [f for e in chain for f in self._chain_factor(e, flips)]

    def _factors(self, factors: Sequence[Expr], flips: Flips) -> Form:
        return self._joined([f for e in factors for f in self._chain_factor(e, flips)])

    def _chain_factor(self, e: Expr, flips: Flips) -> list[tuple[Form, int]]:
        """A factor with the strength that it needs in a chain: one that is a chain itself needs no brackets."""
        form = self._factor(e, flips)
        if e.op == "run" and form.strength == PRODUCT:  # X @ X inside a longer product
            return [(self._form(e.args[0]), POWER)] * e.data
        return [(form, PRODUCT if e.op == "matmul" else POWER)]

    def _joined(self, forms: Sequence[tuple[Form, int]]) -> Form:
        parts: list[Part] = []
        for i, form in enumerate(forms):
            parts += [self.chained, form] if i else [form]
        return Form(PRODUCT, parts)

    # ------------------------------------------------------------ sums
    def _add(self, e: Expr) -> Form:
        e = e if e.canon in self.typed else _in_reading_order(e)
        full = self.broadcasts and not e.is_scalar and any([unrepeated(a) is None for a in e.args])
        terms = [self._term(c, core, full) for c, core in zip(e.data, e.args, strict=True)]
        signs = [t[0] for t in terms]
        if self.hides_signs and not any([s > 0 for s in signs]):
            self._turn_one(e, terms, full)
        first = next((i for i, t in enumerate(terms) if t[0] > 0), 0)
        terms.insert(0, terms.pop(first))
        parts: list[Part] = []
        for i, (sign, form) in enumerate(terms):
            lead = (self.plus if sign > 0 else self.minus) if i else ("" if sign > 0 else self.negative)
            parts += [lead, (form, PRODUCT)] if lead else [(form, PRODUCT)]
        return Form(SUM, parts)

    def _turn_one(self, e: Expr, terms: list[tuple[int, Form]], full: bool) -> None:
        """All terms are negative: the one with the simplest difference in it is written the other way round."""
        choices = [(cost(core), i) for i, core in enumerate(e.args) if self._orient(e.data[i], core, must=True)[0] > 0]
        if choices:
            i = min(choices)[1]
            sign, flips = self._orient(e.data[i], e.args[i], must=True)
            terms[i] = (sign, self._unsigned(e.data[i], e.args[i], flips))

    def _term(self, c: Number, core: Expr, full: bool) -> tuple[int, Form]:
        parts = unrepeated(core) if full else None
        if parts is not None:  # a scalar added to every entry, or a row to each row
            rest = mul(parts)
            if not parts:
                return (1 if c > 0 else -1), self._form(number(magnitude(c)))
            sign, flips = self._orient(c, rest, must=False)
            return sign, self._unsigned(c, rest, flips)
        if core.op == "num":
            return (1 if c > 0 else -1), self._form(number(magnitude(c)))
        sign, flips = self._orient(c, core, must=False)
        return sign, self._unsigned(c, core, flips)



def _in_reading_order(e: Expr) -> Expr:
    """The sum with relatives (the same letters in another order, or transposed) side by side, A before A.T, a @ b.T before b @ a.T."""
    if e.is_scalar:
        return e
    groups: dict[object, list[tuple[Number, Expr]]] = {}
    for i, (c, core) in enumerate(zip(e.data, e.args, strict=True)):
        related = core.op in ("sym", "transpose", "matmul") and all([f.op in ("sym", "transpose", "run") for f in _chain_of(core)])
        groups.setdefault((c, tuple(sorted(_ranks(core)))) if related else i, []).append((c, core))
    terms = [t for group in groups.values() for t in sorted(group, key=lambda t: (t[1].transposes, _ranks(t[1])))]
    return make("add", tuple([core for _, core in terms]), tuple([c for c, _ in terms]), e.shape)


def _repeats_symbol(e: Expr) -> bool:
    return e.op == "matmul" and len(e.args) == 2 and e.args[0].op == "sym" and e.args[1].op == "ones"


def _ranks(core: Expr) -> list[int]:
    """The letters of a product, in order."""
    return [f.rank for f in _chain_of(core) for _ in range(f.data if f.op == "run" else 1)]


def _chain_of(core: Expr) -> tuple[Expr, ...]:
    return core.args if core.op == "matmul" else (core,)


def divides(f: Expr) -> bool:
    """A negative power, written below the line."""
    if f.op != "pow":
        return False
    exponent = f.args[1]
    return bool(exponent.op in ("num", "mul") and exponent.data < 0)


def decimal_text(value: Number) -> str | None:
    """A fraction as a terminating decimal, if it is one of at most 15 digits."""
    value = Fraction(value)
    for digits in range(16):
        if (value * 10**digits).denominator == 1:
            text = str(abs(value.numerator) * 10**digits // value.denominator).rjust(digits + 1, "0")
            return (text[:-digits] + "." + text[-digits:]) if digits else text
    return None


def _selector(selector: int | tuple[int | None, int | None]) -> str:
    if isinstance(selector, int):
        return str(selector)
    start, stop = selector
    return f"{'' if start is None else start}:{'' if stop is None else stop}"
