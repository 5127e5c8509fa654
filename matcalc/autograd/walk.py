"""Walks over what was recorded: cotangents from the newest node down, tangents from the oldest up."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from ..errors import DomainError, ShapeError
from .operations import ADD, ADD_C, MASK, MUL, MUL_C, masked, shape_of
from .variable import Value, Variable, plain

_order = attrgetter("_seq")


def seed_of(root: Variable, cotangent: Any) -> Value:
    if cotangent is None:
        if root.shape and root.size != 1:
            raise ShapeError(f"backward begins at a number; this has shape {root.shape}",
                             detail="take .sum(), or give what it is multiplied with: y.backward(g), g shaped like y")
        return 1.0 if root._v.__class__ is float else np.ones(root.shape)
    g = plain(cotangent)
    if np.shape(g) != root.shape:
        raise ShapeError(f"the cotangent has shape {np.shape(g)}, the value {root.shape}")
    return g if g.__class__ is float else g.copy()


def recorded(root: Variable, token: Any) -> tuple[list[Variable], list[Variable]]:
    """All nodes below root, newest first, and the leaves; a leaf that was changed after its use is an error."""
    nodes: list[Variable] = []
    leaves: list[Variable] = []
    if root._op is None:
        return nodes, [root]
    root._g = token
    stack = [root]
    while stack:
        n = stack.pop()
        nodes.append(n)
        for p in (n._a, n._b):
            if p.__class__ is Variable:
                if p._op is None:
                    if p._seq > n._seq:
                        raise _changed()
                    leaves.append(p)
                elif p._g is not token:
                    p._g = token
                    stack.append(p)
            elif p.__class__ is tuple:
                for q in p:
                    if q.__class__ is Variable:
                        if q._op is None:
                            if q._seq > n._seq:
                                raise _changed()
                            leaves.append(q)
                        elif q._g is not token:
                            q._g = token
                            stack.append(q)
    nodes.sort(key=_order, reverse=True)
    return nodes, leaves


def leaves_of(root: Variable) -> list[Variable]:
    """The leaves that root was computed from; the walk leaves no mark."""
    nodes, leaves = recorded(root, object())
    for n in nodes:
        n._g = None
    return leaves


def _changed() -> DomainError:
    return DomainError("a leaf was given a new value after it was used, and before backward",
                       detail="call backward first, then change the leaf; or compute the result again")


def walk_back(root: Variable, seed: Value) -> None:
    """The gradient of every leaf, in numbers."""
    token = object()
    nodes, leaves = recorded(root, token)
    if not nodes:
        root._g = seed if root._g is None else root._g + seed
        return
    root._g = seed
    chosen = False  # below a choice, a zero cotangent stays zero, also where the slope is not finite
    for n in nodes:
        g = n._g
        if g is token:  # nothing arrived: the function is constant in pieces
            n._g = None
            continue
        n._g = None
        op, a, b = n._op, n._a, n._b
        if op is MUL:
            x, y = g * b._v, g * a._v
            if chosen:
                x, y = kept_zero(x, g), kept_zero(y, g)
            old = a._g
            a._g = x if old is token or old is None else old + x
            old = b._g
            b._g = y if old is token or old is None else old + y
        elif op is ADD:
            old = a._g
            a._g = g if old is token or old is None else old + g
            old = b._g
            b._g = g if old is token or old is None else old + g
        elif op is ADD_C:
            old = a._g
            a._g = g if old is token or old is None else old + g
        elif op is MUL_C:
            x = g * b
            if chosen:
                x = kept_zero(x, g)
            old = a._g
            a._g = x if old is token or old is None else old + x
        elif op.many:
            values = tuple(map(_number, a))
            for i, p in enumerate(a):
                if p.__class__ is Variable:
                    _arrive(p, op.pull(g, i, n._v, values, b), token)
        else:
            chosen = chosen or op is MASK
            if a.__class__ is Variable:
                x = op.pull_a(g, n._v, a._v, b._v if b.__class__ is Variable else b)
                if chosen:
                    x = kept_zero(x, g)
                if x is not None:
                    old = a._g
                    a._g = x if old is token or old is None else old + x
            if b.__class__ is Variable:
                x = op.pull_b(g, n._v, a._v if a.__class__ is Variable else a, b._v)
                _arrive(b, kept_zero(x, g) if chosen else x, token)
    _own(leaves)


def kept_zero(x: Any, g: Any) -> Any:
    """What a slope made of a cotangent g; zero where g is zero, though the slope be infinite."""
    if x is None or shape_of(x) != shape_of(g):
        return x
    v, w = _number(x), _number(g)
    bad = np.isnan(v) & (w == 0.0)
    return masked(x, ~bad) if np.any(bad) else x


def _arrive(p: Variable, x: Any, token: Any) -> None:
    if x is not None:
        p._g = x if p._g is token or p._g is None else p._g + x


def _own(leaves: list[Variable]) -> None:
    """Each leaf keeps an array of its own: what two of them share is copied, and a view of something larger."""
    seen: set[int] = set()
    done: set[int] = set()
    for leaf in leaves:
        g = leaf._g
        if id(leaf) in done or g is None or g.__class__ is float:
            continue
        done.add(id(leaf))
        if id(g) in seen or not g.flags.owndata or not g.flags.writeable:
            leaf._g = g = g.copy()
        seen.add(id(g))


def _itself(p: Any) -> Any:
    return p


def _number(p: Any) -> Any:
    return p._v if p.__class__ is Variable else p


# ---------------------------------------------------------------- the walks of transforms.py: gradients that are Variables, and tangents
def pulled(root: Variable, seed: Any, wanted: list[Variable], *, graph: bool) -> list[Any]:
    """d<seed, root> by each of the wanted Variables: as Variables where `graph`, else as values; leaves are left alone. Zeros: None."""
    nodes, _ = recorded(root, None if root._g is not None else object())
    arrived: dict[int, Any] = {id(root): seed}
    results: dict[int, Any] = {}
    ends = {id(w) for w in wanted}
    look = _itself if graph else _number
    chosen = False
    if id(root) in ends:
        results[id(root)] = seed
    for n in nodes:
        g = arrived.pop(id(n), None)
        n._g = None
        if g is None:
            continue
        if id(n) in ends:
            results[id(n)] = g
        op, a, b = n._op, n._a, n._b
        y = n if graph else n._v
        if op.many:
            values = tuple(map(look, a))
            parts = [(p, op.pull(g, i, y, values, b)) for i, p in enumerate(a) if p.__class__ is Variable]
        else:
            pull_a, pull_b = (op.graph_a, op.pull_b) if graph else (op.pull_a, op.pull_b)
            parts = [(a, pull_a(g, y, look(a), look(b)))] if a.__class__ is Variable else []
            parts += [(b, pull_b(g, y, look(a), look(b)))] if b.__class__ is Variable else []
            chosen = chosen or op is MASK
            if chosen:
                parts = [(p, kept_zero(x, g)) for p, x in parts]
        for p, x in parts:
            if x is not None:
                arrived[id(p)] = x if id(p) not in arrived else arrived[id(p)] + x
    return [results.get(id(w), arrived.get(id(w))) for w in wanted]


def pushed(root: Variable, tangents: dict[int, Any], *, graph: bool = False) -> Any:
    """The tangent of root, given those of leaves by id: as a Variable where `graph`; None for zero."""
    nodes, _ = recorded(root, object())
    moved: dict[int, Any] = dict(tangents)
    look = _itself if graph else _number
    for n in reversed(nodes):
        n._g = None
        if id(n) in moved:
            continue
        op, a, b = n._op, n._a, n._b
        y = n if graph else n._v
        if op.many:
            ts = [moved.get(id(p)) for p in a]
            t = op.push(ts, y, tuple(look(p) for p in a), b) if any(t is not None for t in ts) else None
        else:
            ta = moved.get(id(a)) if a.__class__ is Variable else None
            tb = moved.get(id(b)) if b.__class__ is Variable else None
            push = op.graph_push if graph else op.push
            t = push(ta, tb, y, look(a), look(b)) if ta is not None or tb is not None else None
        if t is not None:
            moved[id(n)] = t
    return moved.get(id(root))
