"""Which differences are written the other way round, so that signs stand where they read best."""

from __future__ import annotations

from collections.abc import Container

from ..algebra import scale, transpose
from ..cost import LINEAR, cost
from ..expr import Expr, Number

Flips = dict[Expr, Expr]  # sums that are written the other way round, with their negatives


DEPTH = 4  # products in products: a sign is not fetched from further inside


def orient(c: Number, core: Expr, typed: Container[Expr], must: bool, memo: dict[Expr, list[Expr]]) -> tuple[int, Flips]:
    """Which differences to turn: as the user typed them, and (if `must`) so that no minus stands in front."""
    sums = turnable(core, memo)
    flips: Flips = {}
    sign = 1 if c > 0 else -1
    for s in sums:
        if s.canon not in typed:
            negative = scale(-1, s)
            if negative.canon in typed:
                flips[s] = negative
                sign = -sign
    if sign < 0 and must and (alone := [s for s in sums if not _meets_itself(s, sums)]):
        choice = min(alone, key=lambda s: (s.canon in typed or s in flips, cost(s)))
        if choice in flips:
            del flips[choice]
        else:
            flips[choice] = scale(-1, choice)
        sign = 1
    return sign, flips


def _meets_itself(s: Expr, sums: list[Expr]) -> bool:
    """(x - m).T @ S @ (x - m): whoever turned one of the two would hide a square."""
    same = {transpose(s).canon, scale(-1, transpose(s)).canon, s.canon, scale(-1, s).canon}
    return len([t for t in sums if t.canon in same]) > 1


def turnable(core: Expr, memo: dict[Expr, list[Expr]]) -> list[Expr]:
    """The differences in a product whose sign can be moved to the front."""
    if core not in memo:
        memo[core] = [s for s in _sums(core, DEPTH) if any([d < 0 for d in s.data]) and any([d > 0 for d in s.data])]
    return memo[core]


def _sums(core: Expr, depth: int) -> list[Expr]:
    found = []
    for f in core.args if core.op in ("mul", "matmul") else (core,):
        if f.op == "add":
            found.append(f)
        elif f.op in ("matmul", "mul"):
            found += _sums(f, depth - 1) if depth else []
        elif f.op in LINEAR:
            found += [a for a in f.args if a.op == "add"]
        elif f.op == "pow" and f.args[0].op == "add" and f.args[1].op == "num" and isinstance(f.args[1].data, int) and f.args[1].data % 2:
            found.append(f.args[0])
    return found
