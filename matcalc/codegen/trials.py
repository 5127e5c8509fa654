"""Is a plan right? Before it is used its values are compared with those of node by node: on the arrays given, or in small.

Node by node forms every matrix that an answer names. Where that is long the plan is made once more for the same question with a few
rows and columns, and compared there, on numbers that have the declared properties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log2
from typing import Any

import numpy as np

from .. import dims
from ..checker.modular import Stream
from ..checker.sampling import array, floats
from ..compiler import Program
from ..expr import Expr

Sizes = Mapping[str, int]
Arrays = dict[str, Any]
SHORT = 5e5  # entries written, and pairs multiplied and added: a millisecond or two
NEAR = 1e-3  # relative: a plan that is wrong is far off, and one in single precision is not wrong
ROUNDING = 1e-5  # of numbers about 1, in single precision, where everything cancels
STRATEGIES = ("signed", "unit", "positive")  # of numbers: some have no logarithm, or no root
SPARSE = frozenset({"diag", "index"})  # as factors they are mostly not formed


def agree(found: Sequence[Any], wanted: Sequence[Any], least: float = 0.0) -> bool | None:
    """Are these the same arrays, up to `least` at least? None if there is no telling, because something is not finite."""
    known = True
    for got, value in zip(found, wanted, strict=True):
        if np.shape(got) != np.shape(value):
            return False
        both = np.isfinite(got) & np.isfinite(value)
        known = known and bool(both.all())
        size = np.abs(np.where(both, value, 0)).max(initial=0)
        with np.errstate(all="ignore"):
            if not (np.abs(np.where(both, got, 0) - np.where(both, value, 0)) <= NEAR * size + least).all():
                return False
    return known or None


# ---------------------------------------------------------------- what node by node costs
def work(programs: Sequence[Program], sizes: Sizes) -> float:
    """Entries written, and pairs multiplied and added; 0 where a size is missing, which node by node reports."""
    try:
        return sum(_work(node, sizes) for program in programs for node in program.nodes)
    except KeyError:
        return 0.0


def _work(node: Expr, sizes: Sizes) -> float:
    rows, columns = _shape(node, sizes)
    if node.op in ("sym", "transpose"):
        return 0.0
    if node.op == "matmul":
        return _product([(*_shape(f, sizes), f.op in SPARSE) for f in node.args])
    if node.op == "run":
        return rows ** 3 * 2 * log2(node.data + 1)
    if node.op == "call" and not node.data.elementwise:
        return float(sum(10 * m * n * min(m, n) for m, n in (_shape(a, sizes) for a in [node, *node.args])))
    return rows * columns * (10.0 if node.op in ("call", "pow") else 1.0)


def _product(factors: list[tuple[int, int, bool]]) -> float:
    """Of a chain from the left, or from the right if it ends in a column, as `chains.product` multiplies it."""
    if factors[-1][1] == 1:
        factors = [(n, m, sparse) for m, n, sparse in reversed(factors)]
    rows = factors[0][0]
    return float(sum(rows * n * (1 if sparse else m) for m, n, sparse in factors[1:]))


def _shape(e: Expr, sizes: Sizes) -> tuple[int, int]:
    rows, columns = (d if isinstance(d, int) else dims.evaluate(d, sizes) for d in e.shape)
    return rows, columns


# ---------------------------------------------------------------- on other numbers
def tried(test: Callable[[Arrays], bool | None], variables: Mapping[str, Expr], sizes: Sizes) -> bool | None:
    """What a test says of numbers that have the declared properties; None if it can tell nothing of any."""
    for strategy in STRATEGIES:
        same = test(sampled(variables, sizes, strategy))
        if same is not None:
            return same
    return None


def reduced(sizes: Sizes, programs: Sequence[Program]) -> Iterator[dict[str, int]]:
    """Small sizes in the order of the given ones; what is equal stays so, and 1 stays 1, because a plan may depend on that."""
    order = sorted({n for n in sizes.values() if n != 1})
    for more in (0, 1, 3, 7):  # x[3:] needs a longer x
        small = {name: 1 if n == 1 else 2 + order.index(n) + more for name, n in sizes.items()}
        if all(min(_shape(node, small)) > 0 for program in programs for node in program.nodes) and work(programs, small) <= SHORT:
            yield small


def sampled(variables: Mapping[str, Expr], sizes: Sizes, strategy: str) -> Arrays:
    """Numbers for each variable that have its declared properties, with two axes."""
    ring, near = floats(Stream(0, 5), strategy), strategy != "signed"
    return {name: np.array(array(_shape(e, sizes), e.data.properties, ring, near), dtype=float).reshape(_shape(e, sizes))
            for name, e in variables.items()}
