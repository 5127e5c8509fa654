"""An expression as a callable: a plan on the DAG, each distinct node computed once with NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from . import dims
from .chains import needed, operands, product, total, weighted_sum
from .declared import refuse_others
from .dims import Shape
from .errors import DomainError, Fix, NotSupported, ShapeError
from .expr import Expr, postorder, symbols
from .functions import kind, of_call, template
from .knowledge import Function, is_dotted

Step = Callable[[Sequence[Any], Mapping[str, int]], Any]


class Program:
    """The plan of one expression: values of its variables in, its value out. Arrays inside are two-dimensional."""

    def __init__(self, e: Expr, wanted: Mapping[str, Expr] | None = None, dimensions: Iterable[str] = ()) -> None:
        self.root = e
        self.dimensions = frozenset(dimensions)
        self.nodes = needed(list(postorder([e])), [e])
        self.place = {n: i for i, n in enumerate(self.nodes)}
        self.steps = [step_for(n) for n in self.nodes]
        self.variables = symbols(e)
        self.wanted = dict(wanted or {}) | self.variables

    def __call__(self, values: Mapping[str, Any], /) -> Any:
        """The value as a two-dimensional array."""
        return self.run(values)[0]

    def run(self, values: Mapping[str, Any], /) -> tuple[Any, dict[str, int]]:
        """The value as a two-dimensional array, and the sizes of its dimensions."""
        import numpy as np

        used = {n: e for n, e in self.wanted.items() if n in values or n in self.variables}
        arrays, sizes = arranged(used, values, self.dimensions)
        computed: list[Any] = []
        with np.errstate(all="ignore"):
            for node, step in zip(self.nodes, self.steps, strict=True):
                if node.op == "sym":
                    computed.append(arrays[node.data.name])
                    continue
                try:
                    computed.append(step([computed[self.place[a]] for a in operands(node)], sizes))
                except np.linalg.LinAlgError as error:
                    raise DomainError(f"{node} has no value at these numbers: {error}") from None
                except (MemoryError, OverflowError, ValueError) as error:  # ValueError: NumPy, of an array beyond 2^63 bytes
                    raise DomainError(f"{node} is too large to be computed: {error}") from None
        return computed[-1], sizes


def arranged(wanted: Mapping[str, Expr], values: Mapping[str, Any],
             dimensions: frozenset[str] = frozenset()) -> tuple[dict[str, Any], dict[str, int]]:
    """The arrays in two dimensions, and the size that each dimension name takes in them."""
    arrays: dict[str, Any] = {}
    sizes = {name: _integer(name, values[name]) for name in _dimension_names(wanted) | dimensions if name in values and name not in wanted}
    missing = [name for name in wanted if name not in values]
    if missing:
        for name in set(wanted) - set(missing):
            for dim, size in zip(wanted[name].shape, array_of(name, wanted[name].shape, values[name]).shape, strict=True):
                if isinstance(dim, str):
                    sizes.setdefault(dim, size)
        needed = ", ".join(f"{n}: {dims.shape_text(e.shape)}" for n, e in wanted.items())
        instead = tuple(("set", f"{n}={example(wanted[n].shape, sizes)}") for n in missing)
        raise DomainError(f"no value is given for {', '.join(missing)}", detail=f"needed: {needed}", fixes=[Fix(options=instead)])
    for name, e in wanted.items():
        arrays[name] = array_of(name, e.shape, values[name])
        for dim, size in zip(e.shape, arrays[name].shape, strict=True):
            _agree(name, e.shape, arrays[name].shape, dim, size, sizes)
    for name, e in wanted.items():
        for dim, size in zip(e.shape, arrays[name].shape, strict=True):
            _solve(dim, size, sizes)
    for name, e in wanted.items():
        if e.op == "sym" and e.data.properties:
            refuse_others(name, e.data.properties, arrays[name])
        for dim, size in zip(e.shape, arrays[name].shape, strict=True):
            if isinstance(dim, dims.Poly) and dims.names(dim) <= set(sizes) and dims.evaluate(dim, sizes) != size:
                wanted_size = f"{dims.text(dim)} = {dims.evaluate(dim, sizes)}"
                raise ShapeError(f"{name} must be {dims.shape_text(e.shape)}, and {wanted_size}; it has {size}")
    return arrays, sizes


def example(shape: Shape, sizes: Mapping[str, int]) -> str:
    """Numbers that fit, as they are typed: ones, at the sizes that are known and at 2 elsewhere."""
    rows, columns = (d if isinstance(d, int) else dims.evaluate(d, {n: sizes.get(n, 2) for n in dims.names(d)}) for d in shape)
    if shape == dims.SCALAR:
        return "1"
    row = "[" + ", ".join(["1"] * columns) + "]"
    return "[" + ", ".join(["1"] * rows) + "]" if shape[1] == 1 else "[" + ", ".join([row] * rows) + "]"


def _dimension_names(wanted: Mapping[str, Expr]) -> set[str]:
    return {n for e in wanted.values() for d in e.shape for n in dims.names(d)}


def _integer(name: str, value: Any) -> int:
    try:
        if int(value) == value and int(value) >= 1:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DomainError(f"{name} is a dimension, so its value must be a whole number from 1")


def array_of(name: str, shape: Shape, value: Any) -> Any:
    import numpy as np

    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise TypeError
        if array.dtype.kind in "bi" or array.dtype.kind == "u":
            array = array.astype(float)
    except RuntimeError as error:  # a tensor of PyTorch that is being differentiated
        raise DomainError(f"{name} cannot be read as numbers: {error}", fixes=[Fix(say='d.compile(backend="torch")')]) from None
    except (TypeError, ValueError, OverflowError):
        raise DomainError(f"{name} must be {dims.shape_text(shape)} of numbers") from None
    if array.ndim == 0:
        array = array.reshape(1, 1)
    elif array.ndim == 1:
        array = array.reshape(-1, 1) if shape[1] == 1 or shape[0] != 1 else array.reshape(1, -1)
    if array.ndim != 2 or (shape[1] == 1 and array.shape[1] != 1) or (shape[0] == 1 and array.shape[0] != 1):
        raise ShapeError(f"{name} must be {dims.shape_text(shape)}; the array given has shape {np.shape(value)}")
    return array


def _agree(name: str, shape: Shape, found: tuple[int, int], dim: dims.Dim, size: int, sizes: dict[str, int]) -> None:
    wanted = dim if isinstance(dim, int) else sizes.setdefault(dim, size) if isinstance(dim, str) else size
    if wanted != size:
        known_as = f" with {dim} = {wanted}" if isinstance(dim, str) else ""
        raise ShapeError(f"{name} must be {dims.shape_text(shape)}{known_as}; the array given is {found[0]} x {found[1]}")


def _solve(dim: dims.Dim, size: int, sizes: dict[str, int]) -> None:
    """What n is, where only n - 1 is seen."""
    rest = dims.substitute(dim, sizes)
    if isinstance(rest, dims.Poly) and len(dims.names(rest)) == 1:
        constant = sum(c for monomial, c in rest.terms if not monomial)
        (monomial, c), *others = [t for t in rest.terms if t[0]]
        if not others and len(monomial) == 1 and (size - constant) % c == 0 and (size - constant) // c > 0:
            sizes[monomial[0]] = (size - constant) // c


# ---------------------------------------------------------------- one step for each operator
def step_for(node: Expr) -> Step:
    if node.op == "call":
        return _function(node)
    return _OPERATORS[node.op](node)


def _constant(node: Expr) -> Step:
    import numpy as np

    makers: dict[str, Callable[[int, int], Any]] = {
        "eye": lambda m, n: np.eye(m), "ones": lambda m, n: np.ones((m, n)), "zeros": lambda m, n: np.zeros((m, n))}

    def value(_: Sequence[Any], sizes: Mapping[str, int]) -> Any:
        try:
            return makers[node.op](*(dims.evaluate(d, sizes) for d in node.shape))
        except KeyError:
            raise DomainError(f"the size of {node} is not known from the arrays given",
                              detail="give it by name, as in f(..., n=3)") from None
    return value


def _size(node: Expr) -> Step:
    import numpy as np

    def value(_: Sequence[Any], sizes: Mapping[str, int]) -> Any:
        if node.data not in sizes:
            detail = f"give it by name, as in f(..., {node.data}=3)"
            raise DomainError(f"the size {node.data} is not known from the arrays given", detail=detail)
        return np.array([[float(sizes[node.data])]])
    return value


def _commutation(node: Expr) -> Step:
    import numpy as np

    def value(_: Sequence[Any], sizes: Mapping[str, int]) -> Any:
        m, n = (dims.evaluate(d, sizes) for d in node.data)
        return np.eye(m * n)[np.arange(m * n).reshape(n, m).T.ravel()]
    return value


def _number(value: float) -> Step:
    import numpy as np

    return lambda args, sizes: np.array([[value]])


def _elementwise(node: Expr) -> Step:
    c = float(node.data)

    def value(args: Sequence[Any], _: Mapping[str, int]) -> Any:
        product = args[0]
        for a in args[1:]:
            product = product * a
        return product if c == 1 else c * product
    return value


def _power(node: Expr) -> Step:
    exponent = node.args[1]
    if exponent.op == "num" and isinstance(exponent.data, int):
        k = exponent.data
        return lambda args, _: args[0] ** k if k >= 0 else 1.0 / args[0] ** -k
    return lambda args, _: args[0] ** args[1]


def _stacked(a: Any) -> Any:
    return a.reshape(-1, 1, order="F")


def _numpy() -> Any:
    import numpy as np

    return np


def _part(node: Expr) -> Step:
    picks = tuple(slice(s, s + 1 or None) if isinstance(s, int) else slice(*s) for s in node.data)
    return lambda args, _: args[0][picks]


_OPERATORS: dict[str, Callable[[Expr], Step]] = {
    "num": lambda n: _number(float(n.data)),
    "sym": lambda n: (lambda a, s: None),
    "pi": lambda n: (lambda a, s: _numpy().array([[_numpy().pi]])),
    "size": _size,
    "eye": _constant, "ones": _constant, "zeros": _constant, "commat": _commutation,
    "add": weighted_sum,
    "mul": _elementwise,
    "pow": _power,
    "matmul": product,
    "run": lambda n: (lambda a, s: _numpy().linalg.matrix_power(a[0], n.data)),
    "transpose": lambda n: (lambda a, s: a[0].T),
    "tr": lambda n: (lambda a, s: _numpy().trace(a[0]).reshape(1, 1)),
    "sum": total,
    "diag": lambda n: (lambda a, s: _numpy().diag(a[0].ravel())),
    "diagv": lambda n: (lambda a, s: _numpy().diag(a[0]).reshape(-1, 1)),
    "kron": lambda n: (lambda a, s: _numpy().kron(a[0], a[1])),
    "vec": lambda n: (lambda a, s: _stacked(a[0])),
    "index": _part,
}


# ---------------------------------------------------------------- functions of rules/
def quiet(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that warns of what it cannot do, beside the values that say so."""
    def of(*args: Any, **more: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(*args, **more)

    return of


def _function(node: Expr) -> Step:
    function = of_call(node)
    value = function.get("numpy") or function.get("definition") or function.get("written_out")
    if not value:
        raise NotSupported(f"rules/ gives no numeric value for {function.name}")
    if is_dotted(value):
        return _named(function, value)
    if function.signature.elementwise and len(node.args) == 1:
        from .autograd.elementwise import elementwise

        entries = elementwise(function.name).arrays
        return lambda args, _: entries(args[0])
    program = _formula(function, tuple(kind(a) for a in node.args))
    params = [p for p in function.signature.params if p.kind != "axis"]

    def step(args: Sequence[Any], _: Mapping[str, int]) -> Any:
        return program({p.name: a for p, a in zip(params, args, strict=True)})
    return step


def _formula(function: Function, kinds: tuple[str, ...]) -> Program:
    """A value that is stated in our own syntax, compiled once for each kind of argument."""
    if any(k == "row" for k in kinds):
        kinds = tuple("matrix" if k == "row" else k for k in kinds)
    key = next(k for k in ("numpy", "definition", "written_out") if function.get(k))
    expression, names = template(function, key, kinds)
    return Program(expression, names)


def _named(function: Function, value: str) -> Step:
    import numpy as np

    module, _, name = value.rpartition(".")
    try:
        f = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise NotSupported(f"{function.name} needs {value}, which is not installed",
                           detail="SciPy comes with the extra [opt]" if module.startswith("scipy") else "") from None
    if module == "math":
        f = np.vectorize(f, otypes=[float])
    if module == "scipy.linalg":
        f = quiet(f)
    axis = function.head.axis
    scalar = function.signature.result.kind == "scalar"
    integers = [p.kind == "integer" for p in function.signature.params if p.kind != "axis"]

    def step(args: Sequence[Any], _: Mapping[str, int]) -> Any:
        values = [int(a.item()) if whole else a for a, whole in zip(args, integers, strict=True)]
        try:
            result = f(*values) if axis is None else f(*values, axis=axis, keepdims=True)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            raise DomainError(f"{function.name} has no value at these numbers: {error}") from None
        result = result[-1] if isinstance(result, tuple) else result  # slogdet: sign and logarithm
        return np.asarray(result).reshape(1, 1) if scalar else np.asarray(result)
    return step


def unstacked(value: Any, of: Shape, by: Shape, sizes: Mapping[str, int]) -> Any:
    """The tensor of shape(of) + shape(by) whose two sides, stacked by columns, make the matrix `value`; vectors are 1-D, scalars ()."""
    import numpy as np

    (p, q), (m, n) = ((dims.evaluate(d, sizes) for d in shape) for shape in (of, by))
    tensor = np.asarray(value).reshape(q, p, n, m).transpose(1, 0, 3, 2)
    return tensor.reshape([*axes(of, sizes), *axes(by, sizes)])


def axes(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes that an array of this shape has outside: a vector one, a scalar none."""
    rows, columns = (dims.evaluate(d, sizes) for d in shape)
    return () if shape == dims.SCALAR else (rows,) if shape[1] == 1 else (rows, columns)


def shaped(value: Any, shape: Shape) -> Any:
    """As a user expects it: a scalar as a float, a vector as a 1-D array."""
    import numpy as np

    value = np.asarray(value)
    if shape == dims.SCALAR:
        return value.item()
    return value.reshape(-1) if shape[1] == 1 else value


