"""What a caller gets in index form: `dF[i,j]/dX[k,l] = A[i,k] * B[l,j]`, checked against the differential that it is read off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import dims
from .answer import Answer
from .checker import Evidence, verify_index
from .errors import DomainError, Fix, NotSupported
from .expr import Expr, symbol
from .indices import IndexForm
from .knowledge import known
from .printers.indexed import einsums, index_latex, index_text

if TYPE_CHECKING:
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

    def code(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> str:
        """A complete function with one einsum for each term."""
        from .codegen.einsum import by_einsum
        from .codegen.exported import Function, language, written

        self._ensure_checked()
        arrays = {s.name: s.shape for s in self._reading.symbols.values()}
        form = self._form
        shape = ", ".join(dims.text(d) for e in (form.function, form.wrt) for d in e.shape if d != 1)
        axes = len(form.of) + len(form.by)
        result = f"array ({shape}{',' if axes == 1 else ''})" if axes else "float"
        roots = [array for _, _, parts in einsums(form) for array in parts]
        function = Function(self._request.verb, arrays, self._printed(), [result])
        return written(language(target), [*roots, form.function, form.wrt], lambda lowering: [by_einsum(form, lowering)], function, sizes)

    def compile(self, backend: str = "numpy", *, tensor: bool = False) -> Callable[..., Any]:
        """A function of keyword arrays that gives the tensor, shape(f) + shape(wrt)."""
        from .compiler import Program, axes

        if backend != "numpy":
            raise NotSupported(f"there is no backend {backend!r} yet", fixes=[Fix(say='d.compile(backend="numpy")')])
        self._ensure_checked()
        wanted = {s.name: symbol(s.name, s.shape) for s in self._reading.symbols.values()}
        terms = einsums(self._form)
        programs = {array: Program(array, wanted, self._reading.dims) for _, _, arrays in terms for array in arrays}
        frame = Program(self._form.function, wanted, self._reading.dims)

        def compiled(values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
            import numpy as np

            if more or (values is not None and not isinstance(values, Mapping)):
                raise DomainError("arrays are passed by name", detail="as keywords, f(A=..., x=...), or as one mapping")
            given = {**(values or {}), **arrays}
            sizes = frame.run(given)[1]
            shape = [dims.evaluate(d, sizes) for e in (self._form.function, self._form.wrt) for d in e.shape if d != 1]
            out = "".join([*self._form.of, *self._form.by])
            computed = {array: program.run({**sizes, **given})[0] for array, program in programs.items()}
            total = np.zeros(shape)
            for number, subscripts, parts in terms:
                operands = [computed[a].reshape([n for n, d in zip(computed[a].shape, a.shape, strict=True) if d != 1]) for a in parts]
                part = np.einsum(subscripts, *operands) if operands else np.ones(())
                met = subscripts.partition("->")[2]
                total = total + float(number) * part.reshape([n if x in met else 1 for x, n in zip(out, shape, strict=True)])
            kept = [*axes(self._form.function.shape, sizes), *axes(self._form.wrt.shape, sizes)]
            return total.reshape(kept) if kept else total.item()

        return compiled
