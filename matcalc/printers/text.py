"""Expressions as text in matcalc's own notation, in the user's order, with as few brackets and signs as the value allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from .. import dims
from ..algebra import divide, mul, run, scale, segments, transpose
from ..cost import cost, one_power, unrepeated
from ..errors import LimitError
from ..expr import Expr, Number, magnitude, make, number, postorder
from ..knowledge import known
from .forms import ATOM, POSTFIX, POWER, PRODUCT, SUM, Form, in_order, with_definitions

PRINTED_PARTS = 20_000  # of a result: signs, names and brackets, a shared part counted once
LETTERS = {"scalar": "tsrcqh", "vector": "srvzhq", "matrix": "SRPMHQ"}
Flips = dict[Expr, Expr]  # sums that are written the other way round, with their negatives


def expression_text(e: Expr, decimals: bool = False, typed: Iterable[Expr] = (), taken: Iterable[str] = ()) -> str:
    """The whole text, repeated parts named after `where`. `typed`: the sums as the user wrote them; `taken`: names in use."""
    form = TextPrinter(decimals, typed).form(e)
    if sum([len(f.parts) for f in in_order(form)]) > PRINTED_PARTS:
        raise LimitError(f"the answer has more than {PRINTED_PARTS:,} parts", detail="repeated parts named after `where` make it shorter")
    names = set(taken) | set(known().functions) | set(known().language().aliases) | {"pi", "I"}
    for node in postorder([e]):
        names |= {node.data.name} if node.op == "sym" else set()
        names |= {n for d in node.shape for n in dims.names(d)}
    return with_definitions(form, names, _letters, _join)


def _letters(e: Expr) -> str:
    return LETTERS["scalar" if e.is_scalar else "vector" if e.is_column else "matrix"]


def _join(body: str, definitions: list[tuple[str, str]]) -> str:
    return body + (" where " + "; ".join(f"{n} = {t}" for n, t in definitions) if definitions else "")


class TextPrinter:
    """Lays out each distinct node once."""

    def __init__(self, decimals: bool = False, typed: Iterable[Expr] = ()) -> None:
        self.decimals = decimals
        self.typed = {t.canon for e in typed for t in (e, transpose(e))}
        self.memo: dict[Expr, Form] = {}
        self.factors: dict[Expr, Form] = {}  # chains and powers as they stand inside products

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
        method = getattr(self, f"_{op}", None)
        return method(e) if method else self._plain_call(op, [(self._form(a), SUM) for a in e.args])

    def _turned(self, e: Expr) -> Form | None:
        """e as the transpose of what shows fewer `.T`: (X @ B + B @ X).T."""
        saved = 2 if e.op == "add" else 3
        if e.is_scalar or e.transposes < saved:
            return None
        flipped = transpose(e)
        if flipped.op != e.op or e.transposes - flipped.transposes < saved or cost(flipped) > cost(e):
            return None
        return Form(POSTFIX, [(self._form(flipped), POSTFIX), ".T"])

    # ------------------------------------------------------------ leaves and calls
    def _sym(self, e: Expr) -> Form:
        return Form(ATOM, [e.data.spelled or e.data.name])

    def _size(self, e: Expr) -> Form:
        return Form(ATOM, [e.data])

    def _pi(self, e: Expr) -> Form:
        return Form(ATOM, ["pi"])

    def _num(self, e: Expr) -> Form:
        text, strength = self._number(abs(e.data))
        return Form(strength, [text]) if e.data >= 0 else Form(SUM, ["-" + text])

    def _number(self, value: Number) -> tuple[str, int]:
        """A positive number: 2, 0.5 if decimals were typed, else 1 / 2."""
        if isinstance(value, int) or value.denominator == 1:
            return str(value), ATOM
        decimal = decimal_text(value)
        if decimal is not None and (self.decimals or value.denominator > 10**4):
            return decimal, ATOM
        return f"{value.numerator} / {value.denominator}", PRODUCT

    def _plain_call(self, name: str, args: Sequence[str | tuple[Form, int]]) -> Form:
        parts: list[str | tuple[Form, int]] = [f"{name}("]
        for i, arg in enumerate(args):
            parts += [", ", arg] if i else [arg]
        return Form(ATOM, [*parts, ")"])

    def _constant(self, e: Expr) -> Form:
        rows, columns = (dims.text(d) for d in e.shape)
        return Form(ATOM, [f"{e.op}({rows})" if e.op == "eye" or columns == "1" else f"{e.op}({rows}, {columns})"])

    _eye = _ones = _zeros = _constant

    def _commat(self, e: Expr) -> Form:
        return Form(ATOM, [f"commat({dims.text(e.data[0])}, {dims.text(e.data[1])})"])

    def _call(self, e: Expr) -> Form:
        args: list[str | tuple[Form, int]] = [(self._form(a), SUM) for a in e.args]
        if e.data.axis is not None:
            args.append(f"axis={e.data.axis}")
        return self._plain_call(e.data.name, args)

    def _transpose(self, e: Expr) -> Form:
        return Form(POSTFIX, [(self._form(e.args[0]), POSTFIX), ".T"])

    def _index(self, e: Expr) -> Form:
        rows, columns = (_selector(s) for s in e.data)
        inside = rows if e.args[0].is_column and columns == ":" else columns if e.args[0].is_row and rows == ":" else f"{rows}, {columns}"
        return Form(POSTFIX, [(self._form(e.args[0]), POSTFIX), f"[{inside}]"])

    # ------------------------------------------------------------ powers
    def _run(self, e: Expr) -> Form:
        if e.args[0].op == "transpose":
            return Form(POSTFIX, [(self._form(run(e.args[0].args[0], e.data)), POSTFIX), ".T"])
        base = self._form(e.args[0])
        if e.data == 2 and e.args[0].op in ("sym", "transpose") and base.length < 6:
            return Form(PRODUCT, [(base, POWER), " @ ", (base, POWER)])
        return self._plain_call(known().role("matrix power"), [(base, SUM), str(e.data)])

    def _pow(self, e: Expr) -> Form:
        return self._quotient(1, [e], {})

    def _raised(self, base: Expr, exponent: Expr, flips: Flips) -> Form:
        """base ** exponent, for an exponent without a minus in front."""
        inner = self._form(flips.get(base, base))
        if exponent.op == "num":
            if exponent.data == 1:
                return inner
            if exponent.data == Fraction(1, 2) and (root := known().role("square root")):
                return self._plain_call(root, [(inner, SUM)])
            text, strength = self._number(exponent.data)
            return Form(POWER, [(inner, POSTFIX), "**", text if strength == ATOM else f"({text})"])
        return Form(POWER, [(inner, POSTFIX), "**", (self._form(exponent), ATOM)])

    # ------------------------------------------------------------ products
    def _mul(self, e: Expr) -> Form:
        return self._signed(e.data, e)

    def _matmul(self, e: Expr) -> Form:
        return self._signed(1, e)

    def _signed(self, c: Number, core: Expr) -> Form:
        """A product that stands alone: the sign is hidden in a difference where one can be turned."""
        sign, flips = self.orient(c, core, must=True)
        return self._with_sign(sign, self._unsigned(c, core, flips))

    def _with_sign(self, sign: int, form: Form) -> Form:
        return form if sign > 0 else Form(SUM, ["-", (form, PRODUCT)])

    def orient(self, c: Number, core: Expr, must: bool) -> tuple[int, Flips]:
        """Which differences to turn: as the user typed them, and (if `must`) so that no minus stands in front."""
        sums = [s for s in _turnable(core) if any([d < 0 for d in s.data]) and any([d > 0 for d in s.data])]
        flips: Flips = {}
        sign = 1 if c > 0 else -1
        for s in sums:
            negative = scale(-1, s)
            if negative.canon in self.typed:
                flips[s] = negative
                sign = -sign
        if sign < 0 and must and sums:
            choice = min(sums, key=lambda s: (s.canon in self.typed or s in flips, cost(s)))
            if choice in flips:
                del flips[choice]
            else:
                flips[choice] = scale(-1, choice)
            sign = 1
        return sign, flips

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
        front, top, bottom = self._split_number(c, bool(above), below)
        under = [*bottom, *(self._under(f, flips) for f in below)]
        pieces = self._numerator(front, above, under, flips, scalar=all([f.is_scalar for f in below]))
        if pieces is None:
            return self._over(Form(ATOM, [top or "1"]), under)
        return pieces

    def _split_number(self, c: Number, has_factors: bool, below: Sequence[Expr]) -> tuple[str, str, list[Form]]:
        """c as text in front, as what stands above the line when nothing else does, and as forms below it."""
        if c == 1:
            return "", "", []
        decimal = decimal_text(c) if isinstance(c, Fraction) else None
        if isinstance(c, int) or c.denominator == 1 or (decimal and (self.decimals or c.denominator > 10**4)):
            text = str(c) if decimal is None else decimal
            return text, text, []
        top = str(c.numerator)
        if c.numerator == 1 or not has_factors or below:
            return ("" if c.numerator == 1 else top), top, [Form(ATOM, [str(c.denominator)])]
        return f"{top} / {c.denominator}", top, []

    def _under(self, f: Expr, flips: Flips) -> Form:
        base, exponent = f.args
        return self._raised(base, _negated(exponent), flips)

    def _numerator(self, front: str, above: list[Expr], under: list[Form], flips: Flips, scalar: bool) -> Form | None:
        if not above:
            return None
        parts: list[str | tuple[Form, int]] = []
        if front:
            parts.append(front)
        short = scalar and all([u.strength == ATOM and u.length < 12 for u in under])
        if front and " / " not in front and under and short and not above[-1].is_scalar:
            parts += [" / ", *self._divisor(under)]
            under = []
        scalar_so_far = True
        for i, f in enumerate(above):
            form = self._factor(f, flips)
            if parts:
                parts.append(" * ")
            open_chain = f.op == "matmul" and scalar_so_far and (i == len(above) - 1 or not f.is_scalar)
            parts.append((form, PRODUCT if open_chain or (not parts and i == len(above) - 1) else POWER))
            scalar_so_far = scalar_so_far and f.is_scalar
        if len(parts) == 1 and not under and not isinstance(parts[0], str):
            return parts[0][0]
        product = Form(PRODUCT, parts)
        return self._over(product, under) if under else product

    def _divisor(self, under: Sequence[Form]) -> list[str | tuple[Form, int]]:
        if len(under) == 1:
            return [(under[0], POWER)]
        parts: list[str | tuple[Form, int]] = ["("]
        for i, u in enumerate(under):
            parts += [" * ", (u, POWER)] if i else [(u, POWER)]
        return [*parts, ")"]

    def _over(self, top: Form, under: Sequence[Form]) -> Form:
        return Form(PRODUCT, [(top, PRODUCT), " / ", *self._divisor(under)]) if under else top

    def _factor(self, f: Expr, flips: Flips) -> Form:
        if f.op == "mul" and flips:
            return self._quotient(f.data, f.args, flips)
        if divides(f):
            return self._quotient(1, [f], flips)
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
        if middle:  # a scalar in one piece
            return self._factors(e.args, flips)
        cut = bool(left) and bool(right) and left[-1].shape[1] == 1
        if cut or e.is_column or e.is_row:
            parts = [self._axis(left, 1, flips)] if left else []
            parts += [self._axis(right, 0, flips)] if right else []
            flat = [p for part in parts for p in part]
            return flat[0] if len(flat) == 1 else self._joined(flat)
        return self._factors(e.args, flips)

    def _axis(self, chain: list[Expr], axis: int, flips: Flips) -> list[Form]:
        """The forms of one side of an outer product, or its single form as a sum along an axis."""
        end = chain[-1] if axis == 1 else chain[0]
        if len(chain) > 1 and end.op == "ones" and 1 in end.shape and end.shape[0 if axis == 0 else 1] == 1:
            rest = chain[:-1] if axis == 1 else chain[1:]
            if len(rest) == 1 and rest[0].op == "transpose":  # sum(X, axis=0).T rather than sum(X.T, axis=1)
                inner = self._plain_call("sum", [(self._form(rest[0].args[0]), SUM), f"axis={1 - axis}"])
                return [Form(POSTFIX, [(inner, POSTFIX), ".T"])]
            inner = self._factor(rest[0], flips) if len(rest) == 1 else self._factors(rest, flips)
            return [self._plain_call("sum", [(inner, SUM), f"axis={axis}"])]
        return [f for e in chain for f in self._chain_factor(e, flips)]

    def _factors(self, factors: Sequence[Expr], flips: Flips) -> Form:
        return self._joined([f for e in factors for f in self._chain_factor(e, flips)])

    def _chain_factor(self, e: Expr, flips: Flips) -> list[Form]:
        form = self._factor(e, flips)
        if e.op == "run" and form.strength == PRODUCT:  # X @ X inside a longer product
            return [self._form(e.args[0])] * e.data
        return [form]

    def _joined(self, forms: Sequence[Form]) -> Form:
        parts: list[str | tuple[Form, int]] = []
        for i, form in enumerate(forms):
            parts += [" @ ", (form, POWER)] if i else [(form, POWER)]
        return Form(PRODUCT, parts)

    # ------------------------------------------------------------ sums
    def _add(self, e: Expr) -> Form:
        e = _pairs_together(e)
        full = not e.is_scalar and any([unrepeated(a) is None for a in e.args])
        terms = [self._term(c, core, full) for c, core in zip(e.data, e.args, strict=True)]
        signs = [t[0] for t in terms]
        if not any([s > 0 for s in signs]):
            self._turn_one(e, terms, full)
        first = next((i for i, t in enumerate(terms) if t[0] > 0), 0)
        terms.insert(0, terms.pop(first))
        parts: list[str | tuple[Form, int]] = []
        for i, (sign, form) in enumerate(terms):
            lead = (" + " if sign > 0 else " - ") if i else ("" if sign > 0 else "-")
            parts += [lead, (form, PRODUCT)] if lead else [(form, PRODUCT)]
        return Form(SUM, parts)

    def _turn_one(self, e: Expr, terms: list[tuple[int, Form]], full: bool) -> None:
        """All terms are negative: the one with the simplest difference in it is written the other way round."""
        choices = [(cost(core), i) for i, core in enumerate(e.args) if self.orient(e.data[i], core, must=True)[0] > 0]
        if choices:
            i = min(choices)[1]
            sign, flips = self.orient(e.data[i], e.args[i], must=True)
            terms[i] = (sign, self._unsigned(e.data[i], e.args[i], flips))

    def _term(self, c: Number, core: Expr, full: bool) -> tuple[int, Form]:
        parts = unrepeated(core) if full else None
        if parts is not None:  # a scalar added to every entry, or a row to each row
            rest = mul(parts)
            if not parts:
                return (1 if c > 0 else -1), self._form(number(magnitude(c)))
            sign, flips = self.orient(c, rest, must=False)
            return sign, self._unsigned(c, rest, flips)
        if core.op == "num":
            return (1 if c > 0 else -1), self._form(number(magnitude(c)))
        sign, flips = self.orient(c, core, must=False)
        return sign, self._unsigned(c, core, flips)


def _pairs_together(e: Expr) -> Expr:
    """The sum with A.T right behind A: (A + A.T - B) rather than (A - B + A.T)."""
    if e.is_scalar or len(e.args) < 3:
        return e
    terms = list(zip(e.data, e.args, strict=True))
    for i in range(len(terms) - 2):
        flipped = transpose(terms[i][1])
        j = next((j for j in range(i + 2, len(terms)) if terms[j][1] is flipped and terms[j][0] == terms[i][0]), None)
        if j is not None and flipped is not terms[i][1]:
            terms.insert(i + 1, terms.pop(j))
    return make("add", tuple([core for _, core in terms]), tuple([c for c, _ in terms]), e.shape)


def _turnable(core: Expr) -> list[Expr]:
    """The sums in a product whose sign can be moved to the front."""
    found = []
    for f in core.args if core.op in ("mul", "matmul") else (core,):
        if f.op == "add":
            found.append(f)
        elif f.op in ("matmul", "mul"):
            found += _turnable(f)
        elif f.op == "pow" and f.args[0].op == "add" and f.args[1].op == "num" and isinstance(f.args[1].data, int) and f.args[1].data % 2:
            found.append(f.args[0])
    return found


def divides(f: Expr) -> bool:
    """A negative power, written below the line."""
    if f.op != "pow":
        return False
    exponent = f.args[1]
    return bool(exponent.op in ("num", "mul") and exponent.data < 0)


def _negated(exponent: Expr) -> Expr:
    return scale(-1, exponent)


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


