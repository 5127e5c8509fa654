"""A Hessian or a Jacobian at given numbers as SciPy's LinearOperator: products with vectors, no matrix.

What does not depend on the vector is computed once: of `2 * dU @ V.T @ V` the small matrix `V.T @ V`, of `inv(S) @ dx` the inverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import dims
from ..compiler import arranged, axes
from ..dims import SCALAR
from ..errors import DomainError, NotSupported
from ..expr import Expr, postorder, symbols
from ..knowledge import known
from .compiled import UNUSUAL, made, scope_of
from .graph import Op
from .in_place import InPlace
from .lowering import CannotLower, Lowering
from .parts import Sizes
from .writer import BROADCAST, LEAVES, VIEWS

Array = Any
Product = Callable[[Array], Array]


def linear_operator(products: tuple[Expr, Expr | None], names: tuple[str, str], shapes: tuple[dims.Shape, dims.Shape],
                    wanted: Mapping[str, Expr], values: Mapping[str, Any], dimensions: frozenset[str]) -> Any:
    """The map from the variable names[0] to the first product, and its transpose from names[1] to the second; both stacked by columns.

    The second is None where the map is symmetric. `shapes`: of what comes out, and of what goes in.
    """
    try:
        from scipy.sparse.linalg import LinearOperator
    except ImportError:
        raise NotSupported("a LinearOperator is SciPy's, which is not installed", detail="it comes with the extra [opt]") from None
    forth, back = products
    unknown = [n for n in values if n not in wanted and n not in dimensions]
    if unknown:
        raise DomainError(f"{unknown[0]} is not a variable of this answer", detail="its variables: " + ", ".join(wanted))
    needed = {n for r in products if r is not None for n in symbols(r)}
    arrays, sizes = arranged({n: e for n, e in wanted.items() if n in values or n in needed}, values, dimensions)
    missing = sorted({n for s in shapes for d in s for n in dims.names(d)} - set(sizes))
    if missing:
        raise DomainError(f"the size {missing[0]} is not known from the arrays given", detail=f"give it by name: {missing[0]}=3")
    outer, inner = (tuple(dims.evaluate(d, sizes) for d in s) for s in shapes)
    matvec = stacked(staged(forth, names[0], arrays, sizes), inner, shapes[1])
    rmatvec = matvec if back is None else stacked(staged(back, names[1], arrays, sizes), outer, shapes[0])
    return LinearOperator((outer[0] * outer[1], inner[0] * inner[1]), matvec=matvec, rmatvec=rmatvec, dtype=float)


def stacked(product: Product, sizes: Sequence[int], shape: dims.Shape) -> Product:
    """From and to vectors that are stacked by columns."""
    def of_vector(v: Array) -> Array:
        v = np.asarray(v, dtype=float)
        v = v.item() if shape == SCALAR else v.reshape(-1) if 1 in shape else v.reshape(sizes[1], sizes[0]).T
        return np.asarray(product(v)).ravel(order="F")

    return of_vector


def staged(root: Expr, name: str, arrays: Mapping[str, Array], sizes: Sizes) -> Product:
    """The value of root as a function of one variable; what the others alone decide is computed here."""
    given = {n: arrays[n].item() if e.shape == SCALAR else arrays[n].reshape((-1,) if e.is_row else axes(e.shape, sizes))
             for n, e in symbols(root).items() if n != name}
    try:
        lowering = Lowering(sizes, [root])
        lowering.inverted |= _inverses(root, name)
        op = lowering.lower(root)
        free = _without(op, name)
        places = {n: f"a{i}" for i, n in enumerate([*given, name])}
        first = InPlace(lowering.graph, free, places)
        before = _function("before", [places[n] for n in given], first)
        kept = {o: f"k{i}" for i, o in enumerate(free)}
        after = _function("after", [*kept.values(), *places.values()], InPlace(lowering.graph, [op], places, known=kept))
        with np.errstate(all="ignore"):
            found = before(*given.values())
        constants = found if len(free) > 1 else (found,) if free else ()
    except (CannotLower, RecursionError, *UNUSUAL) as error:
        raise DomainError(f"there is no such product at these numbers: {error}") from None
    return lambda v: after(*constants, *given.values(), v)


def _function(name: str, params: Sequence[str], writer: InPlace) -> Callable[..., Any]:
    body = writer.write()
    source = f"def {name}({', '.join(params)}):\n" + "\n".join("    " + line for line in body) + "\n"
    return made(source, name, {"np": np, **scope_of(writer.helpers)})


def _inverses(root: Expr, name: str) -> set[Expr]:
    """Matrices that do not depend on the variable, and whose inverse is applied again and again."""
    depends: set[Expr] = set()
    found: set[Expr] = set()
    for e in postorder([root]):
        if (e.op == "sym" and e.data.name == name) or any(a in depends for a in e.args):
            depends.add(e)
        elif e.op == "call" and e.data.name == known().role("inverse"):
            found.add(e.args[0])
    return found


def _without(root: Op, name: str) -> list[Op]:
    """The largest operations that do not depend on the variable, and are read by one that does."""
    depends: dict[Op, bool] = {}

    def visit(o: Op) -> bool:
        stack = [o]
        while stack:
            top = stack[-1]
            waiting = [a for a in top.args if a not in depends]
            if waiting:
                stack += waiting
                continue
            depends[top] = (top.kind == "input" and top.data == name) or any(depends[a] for a in top.args)
            stack.pop()
        return depends[o]

    visit(root)
    found: dict[Op, None] = {}
    stack = [a for o in depends if depends[o] for a in o.args if not depends[a]]
    while stack:
        o = stack.pop()
        if o.kind in VIEWS or o.kind in BROADCAST or (o.kind == "power" and o.data == -1):  # written where it is read
            stack += o.args
        elif o.kind not in LEAVES:
            found[o] = None
    return list(found)
