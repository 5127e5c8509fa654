"""Functions of rules/ as expressions: a call, and what its table says of it, with the arguments put in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import ge, gt, le, lt, ne

from . import dims
from .algebra import call, power, run, transpose
from .dims import SCALAR, Dim, Shape
from .errors import DomainError, NotSupported, ShapeError
from .expr import Expr, number, postorder
from .knowledge import Function, known
from .syntax import Node, Param

_LETTERS = ("m", "n", "k", "p", "q", "r")


def kind(e: Expr | Node) -> str:
    """scalar, vector, row or matrix."""
    return "scalar" if e.shape == SCALAR else "vector" if e.shape[1] == 1 else "row" if e.shape[0] == 1 else "matrix"


def apply(name: str, args: Sequence[Expr], axis: int | None = None, keep: bool = False) -> Expr:
    """The function of that name on these arguments, abbreviations replaced by what they stand for (with `keep`, only by operators)."""
    function = known().function(name, [kind(a) for a in args], axis)
    if function is None:
        raise NotSupported(f"{name} takes no {', '.join(kind(a) for a in args)}" + ("" if axis is None else f" with axis={axis}"))
    if any([a.op == "num" for a in args]):
        _within_domain(function, args)
    if "definition" in function.table and not (keep and _mentions_functions(function)):
        return instantiate(function, "definition", args)
    if function.get("role") == "matrix power" and args[1].op == "num" and isinstance(args[1].data, int):
        return matrix_power(args[0], args[1].data)
    return call(function.head, args, result_shape(function, args))


_COMPARE = {">": gt, ">=": ge, "<": lt, "<=": le, "!=": ne}


def _within_domain(function: Function, args: Sequence[Expr]) -> None:
    """A number outside the domain is a mistake: log(0) is no value, whatever it is multiplied with."""
    values = {p.name: a.data for p, a in zip(function.signature.params, args, strict=False) if a.op == "num"}
    for condition in function.words("domain"):
        name, sign, limit = [*condition.split(" "), "", ""][:3]
        if name in values and sign in _COMPARE and limit.lstrip("-").isdigit() and not _COMPARE[sign](values[name], int(limit)):
            raise DomainError(f"{function.name} of {values[name]} has no value", detail=f"it is defined where {condition}")


def _mentions_functions(function: Function) -> bool:
    return any(f"{name}(" in function.get("definition") for name in known().functions)


def matrix_power(base: Expr, k: int) -> Expr:
    if base.is_scalar:
        return power(base, number(k))
    return run(base, k) if k >= 0 else run(apply(known().role("inverse"), [base]), -k)


def of_call(e: Expr) -> Function:
    """The table behind a call."""
    function = known().function(e.data.name, [kind(a) for a in e.args], e.data.axis)
    if function is None:  # a square matrix that became a row or a scalar keeps its function
        function = known().functions[e.data.name][0]
    return function


def bindings(function: Function, args: Sequence[Expr]) -> dict[str, Dim]:
    """The dimension names of a signature, from the shapes of the arguments."""
    sizes: dict[str, Dim] = {}
    params = [p for p in function.signature.params if p.kind != "axis"]
    for param, arg in zip(params, args, strict=True):
        for name, size in zip(_param_shape(param, kind(arg)), arg.shape, strict=True):
            if isinstance(name, str) and sizes.setdefault(name, size) != size:
                both = f"{dims.text(sizes[name])} and {dims.text(size)}"
                raise ShapeError(f"{function.name} needs equal sizes where it says {name}: {both}")
    return sizes


def _param_shape(param: Param, arg_kind: str) -> Shape:
    """The shape of a parameter, in the names of its signature."""
    if param.kind == "matrix":
        return (param.dims[0], param.dims[1])
    if param.kind == "vector":
        return (param.dims[0], 1)
    if param.kind == "any":
        return {"scalar": SCALAR, "vector": ("n", 1), "row": (1, "n")}.get(arg_kind, ("m", "n"))
    return SCALAR


def result_shape(function: Function, args: Sequence[Expr]) -> Shape:
    result = function.signature.result
    if result.kind == "like":
        return next((a.shape for a in args if not a.is_scalar), SCALAR)
    sizes = bindings(function, args)
    found = [dims.substitute(d, sizes) for d in result.dims]
    if result.kind == "matrix":
        return (found[0], found[1])
    return {"scalar": SCALAR, "vector": (found[0], 1) if found else SCALAR, "row": (1, found[0]) if found else SCALAR}[result.kind]


# ---------------------------------------------------------------- the formulas of a table
_templates: dict[tuple[int, str, str, tuple[str, ...]], tuple[Expr, dict[str, Expr]]] = {}


def template(function: Function, key: str, kinds: tuple[str, ...], whole: Mapping[str, int] | None = None) -> tuple[Expr, dict[str, Expr]]:
    """A formula of the table as an expression over its parameters (and dX ...), and these by name; compiled once.

    `whole`: the values of whole numbers among the arguments, which stand in the formula as they are.
    """
    text = function.get(key)
    for name, value in (whole or {}).items():
        text = re.sub(rf"\b{name}\b", f"({value})", text)
    identity = (id(function), key, text, kinds)
    if identity not in _templates:
        from .build import build
        from .parser import read

        let = []
        for param, arg_kind in zip([p for p in function.signature.params if p.kind != "axis"], kinds, strict=True):
            declared = dims.shape_text(_param_shape(param, arg_kind))
            if param.name not in (whole or {}):
                let.append(f"{param.name}: {declared}")
            if param.kind != "integer":
                let.append(f"d{param.name}: {declared}")
        if key == "adjoint":
            let.append(f"G: {dims.shape_text(_param_shape(function.signature.params[0], kinds[0]))}")
        reading = read(text, known().language(), let)
        from .expr import symbols

        expression = build(reading)
        _templates[identity] = (expression, symbols(expression))
    return _templates[identity]


def instantiate(function: Function, key: str, args: Sequence[Expr], extra: dict[str, Expr] | None = None) -> Expr:
    """A formula of the table with the arguments (and `extra` symbols, such as dX) put in."""
    from .rebuild import substitute

    rows = [a.is_row for a in args]
    if any(rows) and all(p.kind == "any" for p in function.signature.params):  # a row is the transpose of a column
        flipped = instantiate(function, key, [transpose(a) for a in args], {k: transpose(v) for k, v in (extra or {}).items()})
        return transpose(flipped)
    params = [p for p in function.signature.params if p.kind != "axis"]
    whole = {p.name: int(a.data) for p, a in zip(params, args, strict=True) if p.kind == "integer" and a.op == "num"}
    expression, names = template(function, key, tuple(kind(a) for a in args), whole)
    values: dict[Expr, Expr] = {}
    for param, arg in zip(params, args, strict=True):
        if param.name in names:
            values[names[param.name]] = arg
    for name, value in (extra or {}).items():
        if name in names:
            values[names[name]] = value
    return substitute(expression, values, bindings(function, args))


def written_out(e: Expr) -> Expr:
    """e without the functions that only the engine needs: each as the formula that its table writes it out by."""
    from .rebuild import substitute

    values: dict[Expr, Expr] = {}
    for node in postorder([e]):
        if node.op == "call" and of_call(node).get("written_out"):
            args = [substitute(a, values) for a in node.args]
            values[node] = instantiate(of_call(node), "written_out", args)
    return substitute(e, values) if values else e
