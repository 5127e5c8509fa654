"""The values of constant parts, as far as limits need them: 9**9**9 is refused before anyone builds it."""

from __future__ import annotations

import math
from fractions import Fraction

from .limits import Limits
from .syntax import Node


class Constants:
    """Exact values of the nodes that have no variable in them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.values: dict[Node, Fraction] = {}

    def number(self, node: Node, value: Fraction | None = None) -> None:
        self.values[node] = node.data if value is None else value

    def neg(self, node: Node) -> None:
        value = self.values.get(node.children[0])
        if value is not None:
            self.values[node] = -value

    def ref(self, node: Node) -> None:
        """A name of `where` stands for the value of its definition."""
        value = self.values.get(node.children[0])
        if value is not None:
            self.values[node] = value

    def add(self, node: Node) -> None:
        values = [self.values.get(child) for child in node.children]
        if None not in values:
            total = Fraction(0)
            for sign, value in zip(node.data, values, strict=True):
                total = self._small(node, total + sign * value)
            self.values[node] = total

    def product(self, node: Node) -> None:
        values = [self.values.get(child) for child in node.children]
        if None in values:
            return
        total: Fraction = values[0]  # type: ignore[assignment]
        for sign, value in zip(node.data, values[1:], strict=True):
            if sign == "/" and value == 0:
                return
            total = self._small(node, total / value if sign == "/" else total * value)  # type: ignore[operator]
        self.values[node] = total

    def exponent(self, node: Node) -> Fraction | None:
        """The value of a typed exponent, if it is constant; it has a limit."""
        value = self.values.get(node)
        if value is not None and abs(value) > self.limits.exponent:
            raise self.limits.exceeded("exponent", "an exponent is too large", -(-abs(value).numerator // value.denominator), node.span)
        return value

    def power(self, node: Node, exponent: Fraction | None) -> None:
        base = self.values.get(node.children[0])
        if base is None or exponent is None or exponent.denominator != 1 or (base == 0 and exponent < 0):
            return
        self._check(node, _length(base) * abs(exponent.numerator))
        self.values[node] = base**exponent.numerator

    def _small(self, node: Node, value: Fraction) -> Fraction:
        self._check(node, _length(value))
        return value

    def _check(self, node: Node, length: float) -> None:
        digits = int(length) + 1
        if digits > self.limits.digits:
            raise self.limits.exceeded("digits", f"a constant has {digits:,} digits", digits, node.span)


def _length(value: Fraction) -> float:
    """The logarithm, to base ten, of its numerator or denominator."""
    return math.log10(max(abs(value.numerator), value.denominator))
