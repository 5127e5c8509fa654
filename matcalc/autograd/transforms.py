"""Derivatives of Python functions of Variables: gradients, Jacobians by either mode, Hessians, products with them."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import DomainError, NotSupported, ShapeError
from .operations import shape_of
from .variable import Variable, constant, plain, reading, recording
from .walk import leaves_of, pulled, pushed, seed_of

Function = Callable[..., Any]
Array = Any


def _leaves(xs: tuple[Any, ...], argnum: int | tuple[int, ...]) -> tuple[list[Any], list[Variable]]:
    """The arguments, those to differentiate by as Variables of their own."""
    chosen = (argnum,) if isinstance(argnum, int) else argnum
    if not xs:
        raise DomainError("the derivative of a function is taken at a point: give its arguments")
    for i in chosen:
        if not -len(xs) <= i < len(xs):
            raise DomainError(f"there is no argument {i}: {len(xs)} given")
    at = {i % len(xs) for i in chosen}
    # a Variable that is given stays connected, so that derivatives of derivatives go through it
    args = [(x * 1.0 if x.__class__ is Variable else Variable(x)) if i in at else x for i, x in enumerate(xs)]
    return args, [args[i] for i in chosen]


depth: ContextVar[int] = ContextVar("depth", default=0)  # functions that are running to be differentiated, one inside the other


def _result(f: Function, args: list[Any]) -> Variable:
    outside = depth.get()
    depth.set(outside + 1)
    try:
        y = f(*args)
    finally:
        depth.set(outside)
    if isinstance(y, Variable):
        return y
    try:
        return constant(plain(y))
    except DomainError:
        raise DomainError(f"the function must return a Variable, not {type(y).__name__}",
                          detail="inside, compute with operators, methods and the functions of matcalc.autograd") from None


def _outer(y: Variable, own: list[Variable]) -> bool:
    """Inside a function that is being differentiated: does y depend on its Variables, and not only on our own?"""
    if not (depth.get() or reading.get()) or y.__class__ is not Variable:
        return False
    return bool({*map(id, leaves_of(y))} - {*map(id, own)})


def _number(y: Variable) -> None:
    if y.size != 1:
        raise ShapeError(f"grad is of a function whose value is a number; this one has shape {y.shape}",
                         detail="take .sum(), or jacobian(f)")


def _plain_point(name: str, xs: tuple[Any, ...]) -> None:
    """These give arrays: a derivative through them would be lost, so a recorded point is refused."""
    if any(x.__class__ is Variable for x in xs):
        raise _lost(name)


def _lost(name: str) -> NotSupported:
    return NotSupported(f"{name} gives plain numbers, through which no further derivative is taken",
                        detail="give arrays (x.value); grad and jvp may stand inside each other and inside these")


def _zeros(like: Any) -> Array:
    return 0.0 if not shape_of(like) else np.zeros(shape_of(like))


def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Callable[..., tuple[Any, Any]]:
    """f with its gradient by one argument, or by several as a tuple.

    >>> from matcalc.autograd import value_and_grad
    >>> value_and_grad(lambda x, y: x * y**2)(2.0, 3.0)
    (18.0, 9.0)
    """
    @recording()
    def both(*xs: Any) -> tuple[Any, Any]:
        args, wanted = _leaves(xs, argnum)
        graph = any(x.__class__ is Variable for x in xs)
        y = _result(f, args)
        _number(y)
        graph = graph or _outer(y, wanted)
        seed = seed_of(y, None)
        found = pulled(y, constant(seed) if graph else seed, wanted, graph=graph) if y.__class__ is Variable else [None] * len(wanted)
        slopes = [(constant(_zeros(w)) if graph else _zeros(w)) if g is None else g for g, w in zip(found, wanted, strict=True)]
        slopes = slopes if graph else _own(slopes)
        return (y if graph else y.value), slopes[0] if isinstance(argnum, int) else tuple(slopes)

    return both


def _own(gradients: list[Any]) -> list[Any]:
    """Gradients as arrays of their own."""
    own: list[Any] = []
    for g in gradients:
        shared = g.__class__ is not float and (not g.flags.owndata or not g.flags.writeable or any(g is other for other in own))
        own.append(g.copy() if shared else g)
    return own


def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The gradient of f by one argument, or by several as a tuple. Called with Variables it is recorded itself: grad(grad(f)).

    >>> from matcalc.autograd import grad
    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    """
    return lambda *xs: value_and_grad(f, argnum)(*xs)[1]


@recording()
def jvp(f: Function, xs: Any, vs: Any) -> tuple[Any, Any]:
    """Forward mode: the value of f, and its derivative along vs. `xs` and `vs`: one array, or tuples of them.

    >>> from matcalc.autograd import jvp
    >>> jvp(lambda x: x * x, [1.0, 2.0], [1.0, 10.0])
    (array([1., 4.]), array([ 2., 40.]))
    """
    xs, vs = (xs, vs) if isinstance(xs, tuple) else ((xs,), (vs,))
    args, leaves = _leaves(xs, tuple(range(len(xs))))
    graph = any(x.__class__ is Variable for x in (*xs, *vs))
    tangents = [(v if isinstance(v, Variable) else constant(plain(v))) if graph else plain(v) * 1.0 for v in vs]
    for t, leaf in zip(tangents, leaves, strict=True):
        if shape_of(t) != leaf.shape:
            raise ShapeError(f"the direction has shape {shape_of(t)}, the argument {leaf.shape}")
    y = _result(f, args)
    if not graph and _outer(y, leaves):
        graph, tangents = True, [constant(t) for t in tangents]
    moved = pushed(y, {id(leaf): t for leaf, t in zip(leaves, tangents, strict=True)}, graph=graph)
    moved = (constant(_zeros(y)) if graph else _zeros(y)) if moved is None else moved
    return (y, moved) if graph else (y.value, _spread(moved, y))


def _spread(t: Any, y: Any) -> Any:
    return t if shape_of(t) == shape_of(y) else np.broadcast_to(t, shape_of(y)).copy()


@recording()
def vjp(f: Function, *xs: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Reverse mode: the value of f, and the function that takes a cotangent to what it gives to each argument."""
    _plain_point("vjp", xs)
    args, leaves = _leaves(xs, tuple(range(len(xs))))
    y = _result(f, args)
    if _outer(y, leaves):
        raise _lost("vjp")

    def back(g: Any) -> tuple[Any, ...]:
        found = pulled(y, seed_of(y, g), leaves, graph=False) if y.__class__ is Variable else [None] * len(leaves)
        return tuple(_own([_zeros(x) if d is None else d for d, x in zip(found, leaves, strict=True)]))

    return y.value, back


def choose_mode(inputs: int, outputs: int) -> tuple[str, str]:
    """Which mode a Jacobian takes, and why: forward costs one walk for each input, reverse one for each output."""
    mode = "forward" if inputs < outputs else "reverse"
    fewer, many = ("input", inputs) if mode == "forward" else ("output", outputs)
    return mode, f"{mode} mode: {inputs} inputs, {outputs} outputs; one walk for each {fewer}, {many} in all"


def jacobian(f: Function, mode: str = "auto", explain: bool = False) -> Callable[..., Any]:
    """The Jacobian of f by its first argument: an array of shape(f) + shape(x).

    `mode`: forward, reverse, or auto, which takes the one with fewer walks; with `explain`, (array, the reason) is returned.

    >>> from matcalc.autograd import jacobian
    >>> jacobian(lambda x: x * x, explain=True)([1.0, 2.0])[1]
    'reverse mode: 2 inputs, 2 outputs; one walk for each output, 2 in all'
    """
    if mode not in ("auto", "forward", "reverse"):
        raise DomainError(f"mode is auto, forward or reverse, not {mode!r}")

    @recording()
    def at(*xs: Any) -> Any:
        _plain_point("jacobian", xs[:1])
        args, (x,) = _leaves(xs, 0)
        y = _result(f, args)
        if _outer(y, [x]):
            raise _lost("jacobian")
        chosen, why = choose_mode(x.size, y.size) if mode == "auto" else (mode, f"{mode} mode, as asked")
        found = np.zeros((y.size, x.size))
        if y.__class__ is Variable:
            for i, unit in enumerate(_units(y if chosen == "reverse" else x)):
                if chosen == "reverse":
                    g = pulled(y, unit, [x], graph=False)[0]
                    if g is not None:
                        found[i] = np.ravel(g)
                else:
                    t = pushed(y, {id(x): unit})
                    if t is not None:
                        found[:, i] = np.ravel(_spread(t, y))
        shaped = found.reshape(y.shape + x.shape)
        result = shaped if shaped.ndim else float(shaped)
        return (result, why) if explain else result

    return at


def _units(x: Variable) -> Any:
    """The unit arrays of the shape of x."""
    if not x.shape:
        yield 1.0
        return
    for i in range(x.size):
        unit = np.zeros(x.size)
        unit[i] = 1.0
        yield unit.reshape(x.shape)


def hvp(f: Function, x: Any, v: Any) -> Any:
    """The Hessian of f at x times v, without the Hessian: the gradient is recorded, and its tangent taken.

    >>> from matcalc.autograd import hvp
    >>> hvp(lambda x: (x**3).sum(), [1.0, 2.0], [1.0, 1.0])
    array([ 6., 12.])
    """
    _plain_point("hvp", (x, v))
    x, v = plain(x), plain(v)
    if np.shape(x) != np.shape(v):
        raise ShapeError(f"the direction has shape {np.shape(v)}, the argument {np.shape(x)}")
    return _along(f, x, [v])[0]


@recording()
def _along(f: Function, x: Any, directions: Any) -> list[Any]:
    """Hessian times each direction; the gradient is recorded once."""
    leaf = Variable(x)
    y = _result(f, [leaf])
    _number(y)
    if _outer(y, [leaf]):
        raise _lost("a Hessian")
    g = pulled(y, constant(seed_of(y, None)), [leaf], graph=True)[0] if y.__class__ is Variable else None
    if g is None or g.__class__ is not Variable:
        return [_zeros(leaf) for _ in directions]
    found = [pushed(g, {id(leaf): d}) for d in directions]
    return [_zeros(leaf) if t is None else _spread(t, leaf) for t in found]


def hessian(f: Function) -> Callable[..., Any]:
    """The Hessian of f, a number, by its first argument: an array of shape(x) + shape(x).

    >>> from matcalc.autograd import hessian
    >>> hessian(lambda x: x[0] * x[1] ** 2)([1.0, 2.0])
    array([[0., 4.],
           [4., 2.]])
    """
    def at(x: Any, *rest: Any) -> Any:
        _plain_point("hessian", (x,))
        x = plain(x)
        leaf = Variable(x)
        rows = _along(lambda t: f(t, *rest), x, list(_units(leaf)))
        found = np.array(rows).reshape(np.shape(x) + np.shape(x))
        return found if found.ndim else float(found)

    return at
