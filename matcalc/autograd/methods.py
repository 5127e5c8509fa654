"""The functions of this package by the names that NumPy gives them: as methods of a Variable, and where NumPy is handed one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from types import MethodType
from typing import Any

import numpy as np

from ..errors import NotSupported, UnknownAttribute, UnknownName
from ..knowledge import known
from . import arrays, functions, index_sums
from .variable import Variable, depends

# questions without a derivative: they get the values
QUERIES = frozenset("""shape ndim size isfinite isnan isinf allclose array_equal isclose any all argmax argmin argsort count_nonzero nonzero
                       zeros_like ones_like full_like may_share_memory shares_memory""".split())
OF_SHAPES = frozenset("shape ndim size zeros_like ones_like full_like may_share_memory shares_memory".split())  # no value is looked at
RENAMED = {"absolute": "abs", "amax": "max", "amin": "min", "fabs": "abs", "diagonal": "diagv", "matrix_power": "mpow",
           "norm": "norm_as_numpy", "vector_norm": "norm", "matrix_transpose": "swapped", "remainder": "mod", "fix": "floor",
           "trunc": "floor", "rint": "round"}
OPTIONS = {"a_min": "min", "a_max": "max"}
NO_METHODS = ("concatenate", "stack", "hstack", "vstack", "multi_dot", "where", "polygamma", "einsum")  # their first argument is no array
INSTEAD = {"data": "x.value is its array", "numpy": "x.value is its array", "cpu": "x.value is its array", "flat": "x.reshape(-1) is flat",
           "view": "x.reshape(...) is its view", "resize": "x.reshape(...) has another shape", "permute": "x.transpose(...) permutes",
           "unsqueeze": "expand_dims(x, axis) does that", "copy": "x + 0.0 is another one; Variable(x.value) is a leaf",
           "clone": "x + 0.0 is another one; Variable(x.value) is a leaf", "pow": "x ** k is the power", "astype": "it is float64, always",
           "requires_grad": "Variable(v, requires_grad=False) is a constant, and so is x.detach()", "fill": "a leaf is given w.value = ..."}


def function(name: str) -> Callable[..., Any]:
    """The function of this package that has this name."""
    if name == "einsum":
        return index_sums.einsum
    for module, names in ((functions, functions.STRUCTURAL), (arrays, arrays.ARRAYS)):
        if name in names:
            return getattr(module, name)  # type: ignore[no-any-return]
    return functions.made(name)


class Method:
    """An attribute of Variables by name: the function of that name with x as its first argument; a question has a plain answer."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, x: Any, owner: Any = None) -> Any:
        if x is None:
            return self
        if self.name in QUERIES:
            return partial(as_numpy, getattr(np, self.name), self.name, (x,))
        try:
            if self.name in NO_METHODS:
                raise UnknownName(self.name)
            return MethodType(function("diagv" if self.name == "diagonal" else self.name), x)
        except UnknownName:
            said = INSTEAD.get(self.name) or _instead(self.name)
            raise UnknownAttribute(f"a Variable has no attribute '{self.name}'", detail=said) from None


def _instead(name: str) -> str:
    if name in NO_METHODS:
        return f"matcalc.autograd.{name} is a function"
    own = ", ".join(n for n in vars(Variable) if not n.startswith("_") and not isinstance(vars(Variable)[n], Method))
    return known().unsupported.get(name, {}).get("say", "") or (
        f"it has {own}; and every function of one array is a method: x.exp(), x.max(axis=0), A.inv()")


def add_methods(functions_of_rules: Iterable[str]) -> None:
    """Variables get every function as a method, and words for what else NumPy's arrays have."""
    arrays_have = (n for n in dir(np.ndarray) if not n.startswith("_"))
    for name in {*functions.STRUCTURAL, *arrays.ARRAYS, *functions_of_rules, *INSTEAD, *arrays_have} - {*vars(Variable)}:
        setattr(Variable, name, Method(name))


def as_numpy(f: Callable[..., Any], name: str, args: Any, options: Any = None, /, **more: Any) -> Any:
    """What NumPy's function gives for Variables: the function of the same name here; questions get the values."""
    options = {OPTIONS.get(k, k): v for k, v in {**(options or {}), **more}.items()}
    if name in QUERIES:
        if name not in OF_SHAPES:
            _asked(name, args)
        return f(*map(_valued, args), **{k: _valued(v) for k, v in options.items()})
    if name == "where" and len(args) == 1:
        return as_numpy(np.nonzero, "nonzero", args)
    try:
        ours = _ours(name)
    except UnknownName:
        told = known().unsupported.get(RENAMED.get(name, name), {}).get("say", "")
        raise NotSupported(f"np.{_full(f, name)} has no derivative here",
                           detail=told or "operators, indices and the functions of matcalc.autograd have; x.value is plain") from None
    try:
        inspect.signature(ours).bind(*args, **options)
    except TypeError as error:
        raise NotSupported(f"np.{_full(f, name)} is taken with other arguments here: {error}",
                           detail=f"{ours.__name__}{_written(ours)}: {(ours.__doc__ or '').splitlines()[0]}") from None
    return ours(*args, **options)


def _ours(name: str) -> Callable[..., Any]:
    name = RENAMED.get(name, name)
    if name == "norm_as_numpy":
        return functions.norm_as_numpy
    if name == "swapped":
        return lambda x, /: arrays.swapaxes(x, -1, -2)
    return function(name)


def _full(f: Callable[..., Any], name: str) -> str:
    module = (getattr(f, "__module__", None) or "").removeprefix("numpy").lstrip(".")
    return f"{module}.{name}" if module and not module.startswith("_") else name


def _written(f: Callable[..., Any]) -> str:
    """The parameters, without their types."""
    bare = inspect.signature(f)
    return str(bare.replace(parameters=[p.replace(annotation=p.empty) for p in bare.parameters.values()], return_annotation=bare.empty))


def _asked(name: str, args: Any) -> None:
    """A question about values, while a formula is read off: its answer would stand in the formula as a constant."""
    for x in args:
        if isinstance(x, Variable) and depends(x):
            x._stays(f"np.{name}")


def _valued(x: Any) -> Any:
    return x._v if isinstance(x, Variable) else x
