"""What a caller gets in index form: `dF[i,j]/dX[k,l] = A[i,k] * B[l,j]`, checked against the differential that it is read off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import dims
from .answer import Answer
from .checker import Evidence, verify_index
from .errors import Fix, NotSupported
from .expr import Expr
from .indices import IndexForm
from .knowledge import known
from .printers.indexed import index_latex, index_text
from .syntax import Symbol

if TYPE_CHECKING:
    from .codegen.parts import Part
    from .derivation import Derivation


class IndexAnswer(Answer):
    """A derivative as index terms, with the same face as every other answer.

    >>> import matcalc as mc
    >>> d = mc.jacobian("softmax(X)", wrt="X", form="index")
    >>> print(d)
    dF[i,j]/dX[k,l] = S[i,j] * delta[i,k] * delta[j,l] - S[i,j] * S[i,l] * delta[i,k] where S = softmax(X)
    >>> d(X=[[0, 0], [0, 1]]).shape
    (2, 2, 2, 2)
    """

    def __init__(self, differential: Answer, form: IndexForm, convention: str = "free", structure: str = "") -> None:
        derived = differential._derived._replace(structure=convention)
        super().__init__(differential._request, differential._reading, differential._of, derived, check=differential._wants_check,
                         seed=differential._seed, notes=differential._notes)
        self._differential, self._form, self._structure = differential, form, structure

    def _printed(self) -> str:
        if self._text is None:
            self._text = index_text(self._form, self._reading.decimals, self._taken())
        return self._text

    def _checked(self) -> Evidence:
        before = self._differential.check()
        if before.verdict is not True or self._of is None or self._of.linear_in is None:
            return before
        names = (self._of.wrt.name, self._of.linear_in.name)
        return verify_index(self._differential.read(self._differential._printed()), names, self._printed(), self.read,
                            structure=(self._derived.structure, self._structure), seed=self._seed,
                            values=known().added_values(self._reading.text))

    @property
    def derivation(self) -> Derivation:
        """That of the differential; its last line is what is read off it, entry by entry."""
        from .derivation import Derivation

        if self._derivation is None:
            self._derivation = Derivation(self._differential, self)
        return self._derivation

    @property
    def expression(self) -> Expr:
        raise NotSupported("an index form is no expression", fixes=[Fix(options=(("form", "matrix"),))])

    def _in(self, format: str) -> str:
        self._ensure_checked()
        if format == "latex":
            return index_latex(self._form, self._reading.decimals, self._taken())
        if format == "mathml":
            from .printers.mathml import from_latex

            return from_latex(self._in("latex"))
        return self._printed()

    def _needed(self) -> dict[str, Symbol]:
        return dict(self._reading.symbols)

    def _part(self, tensor: bool = False) -> Part:
        from .codegen.einsum import as_entries

        return as_entries(self._form)

    def _result(self) -> dims.Shape | str:
        form = self._form
        shape = ", ".join(dims.text(d) for e in (form.function, form.wrt) for d in e.shape if d != 1)
        axes = len(form.of) + len(form.by)
        return f"array ({shape}{',' if axes == 1 else ''})" if axes else "float"
