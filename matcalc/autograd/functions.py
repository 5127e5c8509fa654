"""Functions of Variables: sums and extremes along axes, shapes, and by name every function of rules/.

`autograd.tanh` and every other function of rules/ is made when it is first asked for; functions of shape are written out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..errors import DomainError, NotSupported, ShapeError, UnknownName, nearest
from ..expr import Expr, number
from ..knowledge import known
from .conditions import Condition
from .elementwise import TWO, elementwise, two
from .matrixwise import matrixwise
from .operations import CONCATENATE, kronecker, masked, shape_of
from .variable import Variable, _reduced, depends, operand, plain, record


# ---------------------------------------------------------------- along an axis
def by_rows(name: str, x: Any, axis: int | None, *, keeps: bool, keepdims: bool = False) -> Any:
    """A function of rows along any axis: the axis is moved to the end. `keeps`: the result is like x; else one number for each row."""
    if isinstance(x, Expr):
        return symbolic(name, [x])
    x = _array(name, x)
    shape = shape_of(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
        total = True
    else:
        total = False
        axis = axis_of(name, x, axis)
    n = len(shape_of(x))
    if not shape_of(x)[axis]:
        if keeps:
            return x
        raise DomainError(f"{name} of no entries: the shape is {shape}")
    order = (*(i for i in range(n) if i != axis), axis)
    moved = x.transpose(*order) if axis != n - 1 else x
    rows = moved if n > 1 else moved.reshape(1, -1)
    with_axis = next((f.head.axis for f in known().functions[name] if f.head.axis == 1), None)
    found = matrixwise(name, ("matrix",), with_axis)(rows)
    if keeps:
        found = found if n > 1 else found.reshape(-1)
        found = found.transpose(*np.argsort(order)) if axis != n - 1 else found
        return found.reshape(*shape) if total else found
    lead = tuple(shape_of(moved)[:-1])
    found = found.reshape(lead) if lead else found.reshape(())
    if keepdims:
        found = found.reshape(tuple(1 for _ in shape) if total else tuple(1 if i == axis else k for i, k in enumerate(shape)))
    return found if shape_of(found) or isinstance(found, Variable) else float(found)


def axis_of(name: str, x: Any, axis: Any) -> int:
    """A single axis, counted from the front."""
    n = len(shape_of(x))
    if not isinstance(axis, int | np.integer):
        raise DomainError(f"{name} is along one axis, not {axis!r}", detail="reshape, or take one axis after the other")
    if not -n <= axis < n:
        raise ShapeError(f"there is no axis {axis} in shape {shape_of(x)}")
    return int(axis) % n


def given(name: str, x: Any) -> Any:
    """A Variable or plain numbers; anything else is an error."""
    found = operand(x)
    if found is NotImplemented:
        from inspect import isgenerator

        several = "stack([...]) makes one Variable of several; Python's own are builtins.sum, max and min"
        raise DomainError(f"{name} takes a Variable or numbers, not {_kind(x)}", detail=several if isgenerator(x) else "")
    return found


def _kind(x: Any) -> str:
    return f"a {type(x).__name__}" if type(x).__module__ == "builtins" else type(x).__name__


def _array(name: str, x: Any) -> Any:
    x = given(name, x)
    if not shape_of(x):
        return x.reshape(1) if isinstance(x, Variable) else np.array([x])
    return x


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis, by default the last: of a matrix, each row. Never overflows."""
    return by_rows("softmax", x, axis, keeps=True)


def logsumexp(x: Any, axis: int | None = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along an axis, by default the last: of a matrix, one number for each row. Never overflows."""
    return by_rows("logsumexp", x, axis, keeps=False, keepdims=keepdims)


def max(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The largest entry, of all or along an axis. Entries tied for the largest share the derivative."""
    return by_rows("max", x, axis, keeps=False, keepdims=keepdims)


def min(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The smallest entry, of all or along an axis."""
    return by_rows("min", x, axis, keeps=False, keepdims=keepdims)


def argmaxmask(x: Any, axis: int | None = None) -> Any:
    """1 at the largest entry and 0 elsewhere; k entries tied for it have 1 / k each."""
    return by_rows("argmaxmask", x, axis, keeps=True)


def cumsum(x: Any, axis: int | None = None) -> Any:
    """The running sum of all entries, or along an axis."""
    if isinstance(x, Expr):
        return symbolic("cumsum", [x])
    x = _array("cumsum", x)
    shape = shape_of(x)
    axis = None if axis is None else axis_of("cumsum", x, axis)
    if axis is None or len(shape) == 1:
        return matrixwise("cumsum", ("vector",))(x.reshape(-1, 1)).reshape(-1)
    columns = x.swapaxes(axis, 0)
    return (np.tri(shape[axis]) @ columns.reshape(shape[axis], -1)).reshape(shape_of(columns)).swapaxes(axis, 0)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of all entries, or along one or several axes."""
    if isinstance(x, Expr):
        return symbolic("sum", [x], axis)
    x = given("sum", x)
    if x.__class__ is float:
        return x
    if x.__class__ is Variable:
        return x.sum(axis, keepdims)
    found = _reduced(np.sum, x, axis, keepdims)
    return found if np.ndim(found) else float(found)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of all entries, or along one or several axes."""
    if isinstance(x, Expr):
        return symbolic("mean", [x], axis)
    x = given("mean", x)
    if x.__class__ is Variable:
        return x.mean(axis, keepdims)
    if x.__class__ is float:
        return x
    found = _reduced(np.mean, x, axis, keepdims)
    return found if np.ndim(found) else float(found)


# ---------------------------------------------------------------- shapes
def reshape(x: Any, shape: Any) -> Any:
    """The entries in another shape."""
    return given("reshape", x).reshape(shape)


def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order; without one, reversed."""
    if isinstance(x, Expr):
        return x.T
    return given("transpose", x).transpose(*(axes or ()))


def concatenate(parts: Sequence[Any], axis: int | None = 0) -> Any:
    """Arrays one after the other along an axis that they have; None: all their entries in one vector."""
    kept = tuple(given("concatenate", p) for p in parts)
    if axis is None:
        kept, axis = tuple(p.reshape(-1) if shape_of(p) else stack([p]) for p in kept), 0
    values = [plain(p) for p in kept]
    try:
        v = np.concatenate(values, axis=axis)
    except ValueError:
        raise ShapeError(f"arrays of shapes {', '.join(str(np.shape(p)) for p in values)} are not joined along axis {axis}") from None
    if not any(p.__class__ is Variable for p in kept):
        return v
    return record(CONCATENATE, v, kept, axis % v.ndim)


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape along a new axis."""
    def widened(p: Any) -> Any:
        p = given("stack", p)
        shape = list(shape_of(p))
        shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
        return p.reshape(tuple(shape)) if p.__class__ is not float else np.full(shape, p)
    return concatenate([widened(p) for p in parts], axis=axis)


def where(mask: Any, a: Any, b: Any) -> Any:
    """a where the mask holds, b elsewhere; what is not chosen gets no gradient, also where it is not finite."""
    if isinstance(mask, Condition):
        return mask.chosen(given("where", a), given("where", b))
    mask = np.asarray(mask._v if isinstance(mask, Variable) else mask, dtype=bool)
    a, b = given("where", a), given("where", b)
    try:
        shape = np.broadcast_shapes(mask.shape, shape_of(a), shape_of(b))
    except ValueError:
        raise ShapeError(f"where of shapes {mask.shape}, {shape_of(a)} and {shape_of(b)}") from None
    zero = np.zeros(shape)
    one, other = (x if shape_of(x) == shape else x + zero for x in (a, b))
    if one.__class__ is not Variable and other.__class__ is not Variable:
        return np.where(mask, one, other)
    return masked(one, mask) + masked(other, ~mask)


def trace(x: Any) -> Any:
    """The sum of the diagonal of the last two axes."""
    if isinstance(x, Expr):
        return symbolic("tr", [x])
    x = given("trace", x)
    found = (x * np.eye(_square("trace", x))).sum(axis=(-2, -1))
    return found if shape_of(found) or isinstance(found, Variable) else float(found)


tr = trace


def diag(x: Any) -> Any:
    """A vector as a diagonal matrix; of a matrix, its diagonal (as in NumPy)."""
    if isinstance(x, Expr):
        return symbolic("diag" if x.shape[1] == 1 else "diagv", [x])
    x = given("diag", x)
    if len(shape_of(x)) == 1:
        return x.reshape(-1, 1) * np.eye(shape_of(x)[0])
    return diagv(x)


def diagv(x: Any) -> Any:
    """The diagonal of the last two axes."""
    if isinstance(x, Expr):
        return symbolic("diagv", [x])
    x = given("diagv", x)
    return (x * np.eye(_square("diagv", x))).sum(axis=-1)


def _square(name: str, x: Any) -> int:
    shape = shape_of(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"{name} takes a square matrix; this has shape {shape}")
    return shape[-1]


def outer(a: Any, b: Any) -> Any:
    """The products of all pairs of entries of two vectors."""
    if isinstance(a, Expr) or isinstance(b, Expr):
        return a @ b.T
    return given("outer", a).reshape(-1, 1) * given("outer", b).reshape(1, -1)


def kron(a: Any, b: Any) -> Any:
    """The Kronecker product of two matrices."""
    if isinstance(a, Expr) or isinstance(b, Expr):
        return symbolic("kron", [a, b])
    a, b = given("kron", a), given("kron", b)
    if len(shape_of(a)) < 2 or len(shape_of(b)) < 2:
        raise ShapeError(f"kron takes matrices; these have shapes {shape_of(a)} and {shape_of(b)}")
    return kronecker(a, b)


def vec(x: Any) -> Any:
    """The columns of a matrix one below the other, as a vector."""
    if isinstance(x, Expr):
        return symbolic("vec", [x])
    return transpose(x).reshape(-1)


def matmul(a: Any, b: Any) -> Any:
    return a @ b


def dot(a: Any, b: Any) -> Any:
    """a @ b of vectors and matrices; with a number, the product. Of stacks use @, which NumPy's dot does not agree with."""
    if isinstance(a, Expr) or isinstance(b, Expr):
        return a @ b
    a, b = given("dot", a), given("dot", b)
    if not shape_of(a) or not shape_of(b):
        return a * b
    if len(shape_of(b)) > 2:
        raise ShapeError(f"dot is of vectors and matrices, not of shapes {shape_of(a)} and {shape_of(b)}", detail="a @ b is of stacks")
    return a @ b


def polygamma(k: int, x: Any) -> Any:
    """The k-th derivative of digamma."""
    if not isinstance(k, int) or k < 0:
        raise DomainError(f"the order of polygamma is a whole number, not {k!r}")
    return elementwise("polygamma", (k,))(x)


def mpow(x: Any, k: int) -> Any:
    """A square matrix to a whole power."""
    if isinstance(x, Expr):
        return symbolic("mpow", [x, number(k)])
    x = given("mpow", x)
    if not isinstance(k, int):
        raise DomainError(f"mpow takes a whole power, not {k!r}")
    if k < 0:
        return mpow(made("inv")(x), -k)
    total: Any = np.eye(_square("mpow", x))
    for _ in range(k):
        total = x if total is None else total @ x
    return total


def norm(x: Any, p: float | None = None) -> Any:
    """The square root of the sum of squares of all entries; with p, the p-norm."""
    if isinstance(x, Expr):
        return symbolic("norm", [x] if p is None else [x, p])
    column = _array("norm", x).reshape(-1, 1)
    if p is not None and p <= 0:
        raise DomainError(f"a p-norm has p > 0, not {p}")
    if p == np.inf:
        return made("norminf")(x)
    if not np.any(plain(column)):  # the rule's convention: norm'(0) = 0
        return sum(column * 0.0)
    if p is None or p == 2:
        return matrixwise("norm", ("vector",))(column).reshape(())
    return sum(made("abs")(column) ** float(p)) ** (1.0 / p)


def norm_as_numpy(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """numpy.linalg.norm, whose 2 is the largest singular value of a matrix."""
    if axis is not None or keepdims:
        if ord in (None, 2) and isinstance(axis, int | None):
            return sum(given("norm_as_numpy", x) ** 2, axis, keepdims) ** 0.5
        raise NotSupported("norms along several axes have no derivative here", detail="sums and powers of abs(x) do")
    matrix = len(shape_of(given("norm_as_numpy", x))) == 2
    if matrix and ord not in (None, "fro", 2, "nuc"):
        raise NotSupported(f"numpy.linalg.norm(X, {ord!r}) of a matrix has no derivative here",
                           detail="max and sum of abs(X) along an axis do")
    return norm(x, None if ord == "fro" else ord) if not matrix or ord in (None, "fro") else made({2: "spectral", "nuc": "nuclear"}[ord])(x)


def nuclear(x: Any) -> Any:
    """The sum of the singular values; a wide matrix is transposed first, for the rule wants full column rank."""
    if isinstance(x, Expr):
        return symbolic("nuclear", [x])
    x = given("nuclear", x)
    shape = shape_of(x)
    wide = len(shape) > 1 and shape[-2] < shape[-1] and not depends(x)  # in a formula the sizes are letters
    return made("nuclear")(x.swapaxes(-1, -2) if wide else x)


# ---------------------------------------------------------------- every other function of rules/
def symbolic(name: str, args: Sequence[Any], axis: Any = None) -> Expr:
    """The function of expressions of the engine, so that a Python function can be read as a formula."""
    from ..operands import applied

    found: Expr = applied(name, args, axis)
    return found


@cache
def made(name: str) -> Callable[..., Any]:
    """The function of this name, by rules/."""
    language = known()
    name = language.aliases.get(name, name) if hasattr(language, "aliases") else name
    overloads = language.functions.get(name)
    if not overloads:
        from .arrays import ARRAYS

        hint = nearest(name, {*language.functions, *STRUCTURAL, *ARRAYS})
        raise UnknownName(f"autograd has no function '{name}'" + (f"; '{hint}' comes closest" if hint else ""))
    first = overloads[0]
    arrays = [p for p in first.signature.params if p.kind not in ("axis", "integer")]
    if len(arrays) == 1 and arrays[0].kind == "any" and first.signature.result.kind == "like":
        return elementwise(name)
    if name in TWO:
        return two(name)

    def function(x: Any, *more: Any) -> Any:
        if isinstance(x, Expr):
            return symbolic(name, [x, *more])
        x = _array(name, x)
        n = len(shape_of(x))
        if arrays[0].kind == "any":
            return matrixwise(name, ("vector",))(x.reshape(-1, 1)).reshape(())
        if arrays[0].kind == "vector" or (n == 1 and any(f.signature.params[0].kind == "vector" for f in overloads)):
            found = matrixwise(name, ("vector",))(x.reshape(-1, 1))
            return found.reshape(()) if shape_of(found)[-2:] == (1, 1) else found.reshape(-1)
        if n < 2:
            raise ShapeError(f"{name} takes a matrix; this has shape {shape_of(x)}")
        if len(set(arrays[0].dims)) == 1:
            _square(name, x)
        found = matrixwise(name, ("matrix", *("matrix" for _ in more)))(x, *more)
        if first.signature.result.kind == "scalar":
            found = found.reshape(shape_of(found)[:-2])
        return found if shape_of(found) or isinstance(found, Variable) else float(found)

    function.__name__ = name
    function.__doc__ = f"{name} of a matrix, on the last two axes. Its derivative: rules/, [{first.entry}]."
    return function


STRUCTURAL = ("sum", "mean", "max", "min", "softmax", "logsumexp", "argmaxmask", "cumsum", "reshape", "transpose", "concatenate", "stack",
              "where", "trace", "tr", "diag", "diagv", "outer", "kron", "vec", "matmul", "dot", "polygamma", "mpow", "norm", "nuclear")
