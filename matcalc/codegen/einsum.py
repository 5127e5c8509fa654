"""An index form as array operations: one einsum for each term, over the axes that the form says."""

from __future__ import annotations

from .. import dims
from ..indices import IndexForm
from ..printers.indexed import einsums
from .graph import Op
from .lowering import Lowering


def by_einsum(form: IndexForm, lowering: Lowering) -> Op:
    """The tensor of shape(f) + shape(wrt); vectors have one axis, scalars none."""
    graph = lowering.graph
    out = [*form.of, *form.by]
    shape = tuple(dims.evaluate(d, lowering.sizes) for e in (form.function, form.wrt) for d in e.shape if d != 1)
    terms: list[tuple[float, Op]] = []
    whole = False
    for number, subscripts, arrays in einsums(form):
        inputs, met = subscripts.split("->")
        lowered = [(letters, lowering.lower(a)) for letters, a in zip(inputs.split(","), arrays, strict=True)]
        several = [(letters, op) for letters, op in lowered if letters]
        sizes = tuple(n for x, n in zip(out, shape, strict=True) if x in met)
        scalars = [op for letters, op in lowered if not letters]
        if not several:
            product = graph.product(1.0, scalars, ())
        else:
            letters = ",".join(x for x, _ in several)
            product = several[0][1] if letters == met else graph.op("einsum", [op for _, op in several], sizes, f"{letters}->{met}")
            if len(met) < len(out):
                spread = tuple(n if x in met else 1 for x, n in zip(out, shape, strict=True))
                product = graph.op("placed", (product,), spread, tuple(x in met for x in out))
            product = graph.product(1.0, [*scalars, product], product.shape)
        whole = whole or product.shape == shape
        terms.append((float(number), product))
    total = graph.linear(terms, 0.0, shape)
    return total if whole or total.kind in ("full", "number") else graph.op("widened", (total,), shape)
