"""Matrix products in numbers: factors that select or scale rows are never formed; the others are multiplied from the cheaper end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import dims
from .expr import Expr

Sizes = Mapping[str, int]
Act = Callable[[Any, Any, Sizes], Any]  # (the value of what the factor is made of, the other factor, sizes)
ALL = (None, None)


def operands(node: Expr) -> tuple[Expr, ...]:
    """What has to be computed before a node: of a product's selections nothing, of its diag(d) the d, of a sum of squares the base."""
    if node.op == "sum" and _is_square(node.args[0]):
        return node.args[0].args[:1]
    if node.op == "add":
        return tuple(t if _spread(t) is None else t.args[1] for t in node.args)
    if node.op != "matmul":
        return node.args
    start = _start(node)
    return tuple(part for i, f in enumerate(node.args) if (part := f if i == start else _part(f)) is not None)


def product(node: Expr) -> Callable[[Sequence[Any], Sizes], Any]:
    """The value of a product from the values of its operands."""
    start = _start(node)
    acts: list[Act | None] = [None if i == start else _act(f, left=i < start) for i, f in enumerate(node.args)]
    given: list[int | None] = []
    count = 0
    for i, f in enumerate(node.args):
        has = i == start or _part(f) is not None
        given.append(count if has else None)
        count += has
    gram = _gram(node) if not start else None
    order = [*range(start - 1, -1, -1)] if start else [*range(1, len(node.args))]
    steps = [(acts[i], given[i], i < start) for i in order]
    first = given[start]
    assert first is not None

    def value(args: Sequence[Any], sizes: Sizes) -> Any:
        if gram and args[1].dtype.kind == "f" and args[1].min(initial=0.0) >= 0:
            half = args[1].reshape(-1, 1) ** 0.5 * args[2]
            return half.T @ half
        result = args[first]
        for act, at, left in steps:
            part = None if at is None else args[at]
            result = act(part, result, sizes) if act is not None else part @ result if left else result @ part
        return result

    return value


def _gram(node: Expr) -> bool:
    """Is it X.T @ diag(d) @ X? Where d is not negative it is the square of one matrix, at half the price."""
    if len(node.args) != 3 or node.args[1].op != "diag":
        return False
    left, _, right = node.args
    return right is (left.args[0] if left.op == "transpose" else None) or left is (right.args[0] if right.op == "transpose" else None)


def total(node: Expr) -> Callable[[Sequence[Any], Sizes], Any]:
    """The sum of all entries; of squares, as an inner product."""
    def inner(args: Sequence[Any], _: Sizes) -> Any:
        flat = args[0].ravel()
        return flat.dot(flat).reshape(1, 1)

    return inner if _is_square(node.args[0]) else lambda args, _: args[0].sum().reshape(1, 1)


def weighted_sum(node: Expr) -> Callable[[Sequence[Any], Sizes], Any]:
    """c1 * A1 + c2 * A2 + ...; terms that only place the entries of a smaller array are added where they belong."""
    terms = [(i, float(c), _spread(t)) for i, (c, t) in enumerate(zip(node.data, node.args, strict=True))]
    whole = sorted(((i, c) for i, c, places in terms if places is None), key=lambda term: term[1] != 1)  # one less product
    placed = [(i, c, places) for i, c, places in terms if places is not None]
    fresh = None if whole or not placed else placed[0][0]  # nothing is there yet

    def value(args: Sequence[Any], sizes: Sizes) -> Any:
        if whole:
            i, c = whole[0]
            total = args[i] if c == 1 else c * args[i]
            for i, c in whole[1:]:
                total = total + args[i] if c == 1 else total - args[i] if c == -1 else total + c * args[i]
            if not placed:
                return total
        import numpy as np

        if whole:
            found = total.astype(_kind([total, *args]))  # a copy: what is given is not changed
        else:
            found = np.zeros([d if isinstance(d, int) else dims.evaluate(d, sizes) for d in node.shape], dtype=_kind(args))
        for i, c, places in placed:
            part = found[places]
            if i == fresh:
                np.multiply(args[i], c, out=part)
            else:
                part += args[i] if c == 1 else c * args[i]
        return found

    return value


def _kind(arrays: Sequence[Any]) -> Any:
    import numpy as np

    first = arrays[0].dtype
    for a in arrays:
        if a.dtype is not first:
            return np.result_type(*arrays)
    return first


def _spread(term: Expr) -> slice | None:
    """Where eye(n)[:, places] @ B puts the rows of B; None for anything else."""
    if term.op != "matmul" or len(term.args) != 2:
        return None
    found = _selection(term.args[0])
    return None if found is None or found[1] else _picked(found[0])


def _is_square(e: Expr) -> bool:
    return e.op == "pow" and e.args[1].op == "num" and e.args[1].data == 2


def _start(node: Expr) -> int:
    """The factor to begin with: the last where it is a column, so that vectors come first; else the first."""
    return len(node.args) - 1 if node.args[-1].shape[1] == 1 else 0


# ---------------------------------------------------------------- factors with structure
def _selection(f: Expr) -> tuple[Any, bool] | None:
    """(selector, along rows) of eye(n)[rows, :] and eye(n)[:, columns], transposed or not; None for anything else."""
    if f.op == "transpose":
        found = _selection(f.args[0])
        return None if found is None else (found[0], not found[1])
    if f.op != "index" or f.args[0].op != "eye":
        return None
    rows, columns = f.data
    return (rows, True) if columns == ALL else (columns, False) if rows == ALL else None


def _part(f: Expr) -> Expr | None:
    """What is computed of a factor; None for a selection."""
    return None if _selection(f) is not None else f.args[0] if f.op == "diag" else f


def _picked(selector: Any) -> slice:
    return slice(selector, selector + 1 or None) if isinstance(selector, int) else slice(*selector)


def _act(f: Expr, left: bool) -> Act | None:
    """How a factor on the left, or on the right, acts on the other one; None for the ordinary product."""
    if f.op == "diag":
        return (lambda d, b, _: d.reshape(-1, 1) * b) if left else (lambda d, a, _: a * d.reshape(1, -1))
    found = _selection(f)
    if found is None:
        return None
    selector, along_rows = found
    places = _picked(selector)
    if along_rows == left:  # eye[rows, :] @ B and A @ eye[:, columns] take
        return (lambda _, b, sizes: b[places]) if left else (lambda _, a, sizes: a[:, places])
    size = f.shape[0] if left else f.shape[1]

    def spread(_: Any, x: Any, sizes: Sizes) -> Any:
        import numpy as np

        n = dims.evaluate(size, sizes)
        out = np.zeros((n, x.shape[1]) if left else (x.shape[0], n), dtype=x.dtype)
        if left:
            out[places] = x
        else:
            out[:, places] = x
        return out

    return spread


def needed(nodes: Sequence[Expr], roots: Sequence[Expr]) -> list[Expr]:
    """Of nodes in order, those that the roots are computed from."""
    wanted = set(roots)
    for n in reversed(nodes):
        if n in wanted:
            wanted.update(operands(n))
    return [n for n in nodes if n in wanted]
