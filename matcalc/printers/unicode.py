"""Expressions as people write them in a mail: `(A + Aᵀ) x`. matcalc reads this notation, too."""

from __future__ import annotations

from ..expr import Expr
from .forms import ATOM, POSTFIX, PRODUCT, Form, fill
from .layout import Printer
from .names import LETTER, parts

RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Unicode(Printer, format="unicode"):
    minus, negative = " − ", "−"
    scaled, times, chained, digits = " ", " ⊙ ", " ", " · "
    transposed = "{0}ᵀ"
    spelling = "unicode"
    script = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ"
    juxtaposes = True

    def name(self, name: str) -> str:
        found = parts(name)
        if found.accent:
            return name
        base = LETTER.get(found.letter, found.letter)
        return base + (found.subscript.translate(LOWERED) if found.joined else f"_{found.subscript}" if found.subscript else "")

    def between(self, before: Expr, form: Form, needed: int) -> str:
        """A size before a bracket would be read as a function."""
        return self.digits if before.op == "size" and form.begins_with("(", needed) else ""

    def _pi(self, e: Expr) -> Form:
        return Form(ATOM, ["π"])

    def _kron(self, e: Expr) -> Form:
        left, right = e.args
        if 1 in (left.shape[1], right.shape[1]):  # of columns, ⊗ is the outer product to many
            return self._plain_call("kron", [(self._form(left), 0), (self._form(right), 0)])
        return Form(PRODUCT, [(self._form(left), POSTFIX), " ⊗ ", (self._form(right), POSTFIX)])

    def _transpose(self, e: Expr) -> Form:
        return self.inverse_transposed(e, "⁻ᵀ") or super()._transpose(e)

    def _flipped(self, form: Form) -> Form:
        return Form(POSTFIX, [(form, ATOM), "ᵀ"])

    def _repeated(self, base: Expr, k: int) -> Form:
        inner = self.inverse_base(base)
        form = self._form(base if inner is None else inner)
        return fill("{0}" + str(k if inner is None else -k).translate(RAISED), {"0": form}, self.script)

    def _power(self, base: Expr, inner: Form, exponent: Form) -> Form:
        digits = exponent.parts[0]
        if base.is_scalar and isinstance(digits, str) and digits.isdigit():
            return Form(POSTFIX, [(inner, ATOM), digits.translate(RAISED)])
        return super()._power(base, inner, exponent)
