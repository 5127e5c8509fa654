"""An index form as array operations: one einsum for each term, over the axes that the form says."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dims
from ..compiler import axes
from ..indices import IndexForm
from ..printers.indexed import einsums
from .graph import Op
from .lowering import Lowering
from .parts import Part, Sizes


def as_entries(form: IndexForm) -> Part:
    """The tensor of shape(f) + shape(wrt); vectors have one axis, scalars none."""
    arrays = list(dict.fromkeys(a for _, _, term in einsums(form) for a in term))
    return Part([*arrays, form.wrt], lambda values, sizes: _entries(form, dict(zip(arrays, values, strict=False)), sizes),
                lambda lowering: _operation(form, lowering))


def _entries(form: IndexForm, values: dict[Any, Any], sizes: Sizes) -> Any:
    """From the arrays of the terms, with NumPy."""
    shape = [dims.evaluate(d, sizes) for e in (form.function, form.wrt) for d in e.shape if d != 1]
    out = "".join([*form.of, *form.by])
    total = np.zeros(shape)
    for number, subscripts, parts in einsums(form):
        operands = [values[a].reshape([n for n, d in zip(values[a].shape, a.shape, strict=True) if d != 1]) for a in parts]
        part = np.einsum(subscripts, *operands) if operands else np.ones(())
        met = subscripts.partition("->")[2]
        total = total + float(number) * part.reshape([n if x in met else 1 for x, n in zip(out, shape, strict=True)])
    kept = [*axes(form.function.shape, sizes), *axes(form.wrt.shape, sizes)]
    return total.reshape(kept) if kept else total.item()


def _operation(form: IndexForm, lowering: Lowering) -> Op:
    graph = lowering.graph
    out = [*form.of, *form.by]
    shape = tuple(dims.evaluate(d, lowering.sizes) for e in (form.function, form.wrt) for d in e.shape if d != 1)
    terms: list[tuple[float, Op]] = []
    whole = False
    for number, subscripts, arrays in einsums(form):
        inputs, met = subscripts.split("->")
        lowered = [(letters, lowering.lower(a)) for letters, a in zip(inputs.split(",") if arrays else (), arrays, strict=True)]
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
    total = total if whole or total.kind in ("full", "number", "spread") else graph.op("widened", (total,), shape)
    kept = (*axes(form.function.shape, lowering.sizes), *axes(form.wrt.shape, lowering.sizes))
    if not kept:
        return graph.op("float", (total,), ())
    return total if total.shape == kept else graph.reshape(total, kept)
