r"""Expressions as a paper sets them: `\left(A + A^{\top}\right) x`. amsmath is all that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from .. import dims
from ..algebra import ones
from ..dims import Dim
from ..expr import Expr, Number, symbols
from ..knowledge import Function
from ..names import canonical
from .forms import ATOM, POSTFIX, POWER, PRODUCT, SUM, Form, fill
from .layout import Part, Printer
from .names import is_greek_word, parts
from .signs import Flips

LATIN = {"Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K", "Mu": "M", "Nu": "N",
         "Omicron": "O", "Rho": "P", "Tau": "T", "Chi": "X", "omicron": "o"}  # letters for which LaTeX has no command


class Latex(Printer, format="latex"):
    scaled, times, chained, digits = " ", r" \odot ", " ", r" \cdot "
    transposed = r"{0}^{\top}"
    called = r"\operatorname{{name}}({args})"
    spelling = "latex"
    script = "^"
    broadcasts = False
    operators = {  # noqa: RUF012 - a table of the class
        "tr": r"\operatorname{tr}({0})", "diag": r"\operatorname{diag}({0})", "diagv": r"\operatorname{diag}({0})",
        "vec": r"\operatorname{vec}({0})",
    }

    def __init__(self, decimals: bool = False, typed: Iterable[Expr] = ()) -> None:
        super().__init__(decimals, typed)
        self.names: dict[str, str] = {}

    def form(self, e: Expr) -> Form:
        for name in symbols(e):
            self.name(name)
        return super().form(e)

    # ------------------------------------------------------------ leaves
    def name(self, name: str) -> str:
        """Letters, Greek or Latin, with an index; a name that would look like another one is spelled out."""
        plain = canonical(name)
        if plain not in self.names:
            text = self._letters(plain)
            self.names[plain] = text if text not in self.names.values() else rf"\mathit{{{escaped(plain)}}}"
        return self.names[plain]

    def _letters(self, name: str) -> str:
        base, accent, index, _ = parts(name)
        tangent = re.fullmatch(r"d([A-Z][a-z]*|[a-z]+)", base)
        if is_greek_word(base):
            text = rf"\mathrm{{{LATIN[base]}}}" if base in LATIN else rf"\{base}"
        elif len(base) == 1 or not base:
            text = base
        elif tangent and (len(tangent[1]) == 1 or is_greek_word(tangent[1])):
            text = rf"\mathrm{{d}}{self._letters(tangent[1])}"
        else:
            text = rf"\mathit{{{escaped(base)}}}"
        if accent:
            text = rf"\{accent}{{{text}}}"
        if not index:
            return text
        shown = index if len(index) == 1 or index.isdigit() else rf"\mathrm{{{escaped(index)}}}"
        return f"{text}_{{{shown}}}"

    def dimension(self, dim: Dim) -> str:
        if not isinstance(dim, dims.Poly):
            return str(dim) if isinstance(dim, int) else self.name(dim)
        return re.sub(r"[A-Za-z_]\w*", lambda m: self.name(m[0]), dims.text(dim)).replace(" * ", " ")

    def _size(self, e: Expr) -> Form:
        return Form(SUM if isinstance(e.data, dims.Poly) else ATOM, [self.dimension(e.data)])

    def _pi(self, e: Expr) -> Form:
        return Form(ATOM, [r"\pi"])

    def _number(self, value: Number) -> tuple[str, int]:
        text, strength = super()._number(value)
        if strength != PRODUCT:
            return text, strength
        return rf"\frac{{{value.numerator}}}{{{value.denominator}}}", POWER

    def _exponent(self, value: Number) -> tuple[int, list[Part]]:
        text, strength = super()._number(value)
        return strength, [text.replace(" ", "")]

    def _function(self, function: Function, args: Sequence[Form], of_matrix: bool) -> Form:
        """A function with a letter for a name is spelled out where a variable has that letter: sigma * sigmoid(x)."""
        letter = function.get("latex").partition("(")[0]
        if letter in self.names.values():
            return fill(self.called.replace("{name}", function.name).replace("{args}", "{0}"), {"0": args[0]}, self.script)
        return super()._function(function, args, of_matrix)

    def _constant(self, e: Expr) -> Form:
        rows, columns = (self.dimension(d) for d in (e.data if e.op == "commat" else e.shape))
        if e.op == "eye":
            return Form(ATOM, [f"I_{{{rows}}}"])
        if e.op == "commat":
            return Form(ATOM, [f"K_{{{rows},{columns}}}"])
        sizes = rows if columns == "1" else rf"{rows} \times {columns}"
        if e.op == "ones" and rows == "1":
            return Form(POSTFIX, [rf"\mathbf{{1}}_{{{columns}}}^{{\top}}"])
        return Form(ATOM, [rf"\mathbf{{{'1' if e.op == 'ones' else '0'}}}_{{{sizes}}}"])

    _eye = _ones = _zeros = _commat = _constant

    # ------------------------------------------------------------ operators
    def _transpose(self, e: Expr) -> Form:
        return self.inverse_transposed(e, r"^{-\top}") or super()._transpose(e)

    def _flipped(self, form: Form) -> Form:
        return Form(POSTFIX, [(form, ATOM), r"^{\top}"])

    def _part(self, form: Form, inside: str) -> Form:
        below = f"_{{[{inside}]}}".replace(", ", ",")
        if any("_{" in part for part in form.parts if isinstance(part, str)):  # one letter takes one subscript
            return Form(ATOM, ["(", (form, 0), ")", below])
        return Form(POSTFIX if form.strength < ATOM else ATOM, [(form, ATOM), below])

    def _repeated(self, base: Expr, k: int) -> Form:
        inner = self.inverse_base(base)
        return Form(POSTFIX, [(self._form(base if inner is None else inner), ATOM), f"^{{{k if inner is None else -k}}}"])

    def _sum(self, e: Expr) -> Form:
        inner = e.args[0]
        left = Form(POSTFIX, [rf"\mathbf{{1}}_{{{self.dimension(inner.shape[0])}}}^{{\top}}"])
        right = Form(ATOM, [rf"\mathbf{{1}}_{{{self.dimension(inner.shape[1])}}}"])
        around: list[Part] = [(left, 0), " "] if inner.shape[0] != 1 else []
        behind: list[Part] = [" ", (right, 0)] if inner.shape[1] != 1 else []
        chain = inner.op == "matmul"
        return Form(PRODUCT, [*around, (self._form(inner), PRODUCT if chain else POWER), *behind])

    def _kron(self, e: Expr) -> Form:
        return Form(PRODUCT, [(self._form(e.args[0]), POWER), r" \otimes ", (self._form(e.args[1]), POWER)])

    # ------------------------------------------------------------ powers and quotients
    def _power(self, base: Expr, inner: Form, exponent: Form) -> Form:
        return Form(POSTFIX, [(inner, ATOM), "^{" if base.is_scalar else r"^{\odot ", (exponent, 0), "}"])

    def _fraction(self, c: Number, above: list[Expr], below: list[Expr], flips: Flips) -> Form:
        r"""Scalars as one \frac in front; a number alone below the line stands in front, too: \frac{1}{2} x^{\top} x."""
        decimal = self._is_decimal(c) if isinstance(c, Fraction) else None
        top, bottom = (decimal, "") if decimal else (str(c.numerator), "" if c.denominator == 1 else str(c.denominator))
        parts: list[Part] = [] if top == "1" else [top]
        under = [f for f in below if f.is_scalar]
        beside = [f for f in above if not f.is_scalar]
        if bottom and not under:
            parts, bottom = [rf"\frac{{{top}}}{{{bottom}}}"], ""
        if under:
            line: list[Part] = [bottom] if bottom else []
            self._join_forms(line, [self._under(f, flips) for f in under], self.scaled)
            self._join_factors(parts, [f for f in above if f.is_scalar], flips)
            if not parts and len(beside) == 1 and _is_short(beside[0]):  # x / norm(x)
                self._join_factors(parts, [beside.pop()], flips)
            parts = [r"\frac{", (_joined(parts), 0), "}{", (_joined(line), 0), "}"]
            if not beside and len(under) == len(below):
                return Form(POWER, parts)
            parts = [(Form(POWER, parts), POWER)]
        self._join_factors(parts, beside if under else above, flips)
        divisors = [f for f in below if not f.is_scalar]
        if divisors and not beside:
            parts += [self.scaled] if parts else []
            parts.append((self._form(ones(divisors[0].shape)), 0))
        for f in divisors:
            parts += [r" \oslash ", (self._under(f, flips), POWER)]
        return _joined(parts)

    def _join_forms(self, parts: list[Part], forms: Sequence[Form], sign: str) -> None:
        for form in forms:
            parts += [self.digits if form.begins_with_digit(POWER) else sign] if parts else []
            parts.append((form, POWER))

    # ------------------------------------------------------------ the whole
    @classmethod
    def finish(cls, body: str, definitions: Sequence[tuple[str, str]]) -> str:
        return aligned([typeset(body)], definitions) if definitions else typeset(body)


def aligned(bodies: Sequence[str], definitions: Sequence[tuple[str, str]]) -> str:
    """A line for each body, typeset already, and one for each definition below them."""
    lines = [rf"& {body}" for body in bodies]
    for i, (name, text) in enumerate(definitions):
        lines.append(("" if i else r"\text{where}\quad ") + f"{name} &= {typeset(text)}")
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def _joined(parts: list[Part]) -> Form:
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0][0]
    if len(parts) == 1 and isinstance(parts[0], str):
        return Form(POWER if parts[0].startswith("\\frac") else ATOM, parts)
    return Form(PRODUCT, parts or ["1"])


def _is_short(e: Expr) -> bool:
    """A letter, a call, or a product of a few letters: above the line they read well."""
    letters = ("sym", "transpose")
    return e.op in (*letters, "call") or (e.op == "matmul" and len(e.args) <= 3 and all(f.op in letters for f in e.args))


def escaped(word: str) -> str:
    """Letters of a longer name, as they may stand in text."""
    return word.replace("_", r"\_")


_CHANGE = re.compile(r"(?<=[\w})])(?<!\\odot)(?<!\\otimes)(?<!\\oslash)(?<!\\cdot) (?=\\mathrm\{d\})")


def typeset(text: str) -> str:
    r"""Brackets as high as what is in them, and a thin space between a factor and a differential behind it.

    >>> print(typeset(r"2 x^{\top} \mathrm{d}x + \mathrm{d}c"))
    2 x^{\top} \, \mathrm{d}x + \mathrm{d}c
    """
    return sized(_CHANGE.sub(r" \\, ", text))


_BARS = {r"\lVert": r"\rVert", r"\lvert": r"\rvert", "(": ")"}
_TALL = re.compile(r"\^|\\frac|\\sqrt|\\begin")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)


def sized(text: str) -> str:
    r"""Brackets and bars around what is tall get \left and \right; the others stay as they are.

    >>> print(sized(r"(A + A^{\top}) (x - y)"))
    \left(A + A^{\top}\right) (x - y)
    """
    tokens = _TOKEN.findall(text)
    stack: list[tuple[int, bool]] = []
    tall = False
    for i, token in enumerate(tokens):
        if token in _BARS:
            stack.append((i, tall))
            tall = False
        elif stack and token == _BARS[tokens[stack[-1][0]]]:
            start, outer = stack.pop()
            if tall:
                tokens[start], tokens[i] = r"\left" + tokens[start], r"\right" + token
            tall = tall or outer
        elif _TALL.match(token):
            tall = True
    return "".join(tokens)
