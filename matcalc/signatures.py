"""Which signature a call has, and the kind of its result.

A kind is a number: bit 0 says one row, bit 1 one column. So 0 is a matrix, 1 a row, 2 a column, 3 a scalar; a transpose
swaps the bits, a product takes the rows of its left and the columns of its right factor.
"""

from __future__ import annotations

from collections.abc import Sequence

from .dims import Dim, Shape, multiply, substitute
from .syntax import Language, Param, Signature

MATRIX, ROW, COLUMN, SCALAR_KIND = 0, 1, 2, 3
TRANSPOSED = (0, 2, 1, 3)
KIND_WORDS = {"scalar": SCALAR_KIND, "integer": SCALAR_KIND, "vector": COLUMN, "matrix": MATRIX}


def _operator(name: str, params: tuple[Param, ...], result: Param) -> tuple[Signature, ...]:
    return (Signature(name, params, result),)


_ANY, _SCALAR = Param("x", "any"), Param("", "scalar")
_SQUARE, _MATRIX = Param("X", "matrix", ("n", "n")), Param("X", "matrix", ("m", "n"))
OPERATOR_SIGNATURES: dict[str, tuple[Signature, ...]] = {
    "tr": _operator("tr", (_SQUARE,), _SCALAR),
    "sum": _operator("sum", (_ANY,), _SCALAR),
    "mean": _operator("mean", (_ANY,), _SCALAR),
    "diag": _operator("diag", (Param("x", "vector", ("n",)),), Param("", "matrix", ("n", "n"))),
    "diagv": _operator("diagv", (_SQUARE,), Param("", "vector", ("n",))),
    "vec": _operator("vec", (_MATRIX,), Param("", "vector", (multiply("m", "n"),))),
    "kron": _operator("kron", (_MATRIX, Param("Y", "matrix", ("p", "q"))), Param("", "matrix", (multiply("m", "p"), multiply("n", "q")))),
}
CONSTRUCTORS = frozenset({"eye", "ones", "zeros", "commat"})


def kind_of(shape: Shape) -> int:
    return (shape[0] == 1) + 2 * (shape[1] == 1)


def overloads(language: Language, function: str) -> tuple[Signature, ...]:
    return OPERATOR_SIGNATURES.get(function) or language.signatures.get(function, ())


def choose(candidates: Sequence[Signature], kinds: Sequence[int]) -> Signature | None:
    """The first signature that takes exactly these kinds, or else the first whose matrix takes a vector or a scalar."""
    loose: Signature | None = None
    for signature in candidates:
        if len(signature.params) == len(kinds):
            exact = fits = True
            for param, kind in zip(signature.params, kinds, strict=True):
                if param.kind != "any" and KIND_WORDS.get(param.kind) != kind:
                    exact = False
                    fits = fits and param.kind == "matrix"
            if exact:
                return signature
            if fits and loose is None:
                loose = signature
    if loose is not None and SCALAR_KIND in kinds and by_row(candidates):
        return None  # softmax of a number is a mistake
    return loose


def takes_axis(candidates: Sequence[Signature]) -> bool:
    """Whether `axis=` is allowed: a reduction of anything to a scalar."""
    if any(param.kind == "axis" for signature in candidates for param in signature.params):
        return True
    if not candidates:
        return False
    first = candidates[0]
    if len(first.params) != 1 or first.result.kind != "scalar":
        return False
    param = first.params[0]
    return param.kind == "any" or (param.kind == "matrix" and param.dims[:1] != param.dims[1:])


def by_row(candidates: Sequence[Signature]) -> bool:
    """Whether a function takes a vector, and a matrix row by row (softmax, logsumexp)."""
    kinds = {signature.params[0].kind for signature in candidates if len(signature.params) == 1}
    return {"vector", "matrix"} <= kinds


def makes_vector(candidates: Sequence[Signature], position: int) -> bool:
    """Whether a soft name in this argument is a vector: the argument of a reduction, or of a function of a vector."""
    for signature in candidates:
        if position < len(signature.params):
            kind = signature.params[position].kind
            if kind == "vector" or (kind == "any" and signature.result.kind == "scalar" and not signature.elementwise):
                return True
    return False


def result_kind(signature: Signature, kinds: Sequence[int], axis: int | None) -> int:
    """The kind of a call's result."""
    result = signature.result
    if axis is not None and result.kind != "like":
        return kinds[0] | (ROW if axis == 0 else COLUMN)
    if result.kind == "scalar":
        return SCALAR_KIND
    if result.kind == "like":
        kind = kinds[0]
        for other in kinds[1:]:
            kind = kind & other
        first = next((i for i, param in enumerate(signature.params) if param.kind != "integer"), 0)
        return kind if signature.elementwise else kinds[first]
    ones: dict[str, Dim] = {}
    for param, kind in zip(signature.params, kinds, strict=True):
        for bit, dim in zip((ROW, COLUMN), param.dims, strict=False):
            if kind & bit and isinstance(dim, str):
                ones[dim] = 1
    return kind_of(result_shape(result, ones))


def result_shape(result: Param, values: dict[str, Dim]) -> Shape:
    """The shape of a result whose dimensions are those of its signature with their values put in."""
    dims = [substitute(dim, values) for dim in result.dims]
    if result.kind == "vector":
        return dims[0], 1
    if result.kind == "row":
        return 1, dims[0]
    return dims[0], dims[1]
