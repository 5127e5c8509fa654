"""A resolved tree as text: the canonical numpy-like form, with the fewest brackets, in which a reading is echoed.

Reading the text again with the same symbols gives the same tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .dims import text as dim_text
from .syntax import Node, Symbol, fold

SUM, PRODUCT, SIGNED, POWER, POSTFIX, ATOM = range(1, 7)  # how tightly a piece of text holds together
Piece = tuple[str, int]


def show(node: Node, symbols: Mapping[str, Symbol] | None = None) -> str:
    """The text of a tree; with `symbols`, names are spelled as they were typed (Σ, not Sigma)."""
    definitions: dict[str, str] = {}

    def visit(node: Node, parts: list[Piece]) -> Piece:
        if node.kind == "ref":
            definitions.setdefault(node.data, parts[0][0])
            return node.data, ATOM
        if node.kind == "name" and symbols is not None and node.data in symbols:
            return symbols[node.data].spelled or node.data, ATOM
        return WRITERS[node.kind](node, parts)

    text: str = fold(node, lambda n: n.children, visit)[0]
    if definitions:
        text += " where " + "; ".join(f"{name} = {value}" for name, value in definitions.items())
    return text


def _within(piece: Piece, level: int) -> str:
    """A piece, in brackets unless it holds at least this tightly."""
    return piece[0] if piece[1] >= level else f"({piece[0]})"


def number_text(value: Fraction) -> Piece:
    """An exact number: an integer, a decimal if it ends, otherwise a quotient."""
    if value < 0:
        return "-" + _within(number_text(-value), SIGNED), SIGNED
    if value.denominator == 1:
        return str(value.numerator), ATOM
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator} / {value.denominator}", PRODUCT
    places = max(twos, fives)
    digits = str(value.numerator * 10**places // value.denominator)
    if places > 12:
        return f"{digits}e-{places}", ATOM
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}", ATOM


def _number(node: Node, parts: list[Piece]) -> Piece:
    return number_text(node.data)


def _name(node: Node, parts: list[Piece]) -> Piece:
    return node.data, ATOM


def _size(node: Node, parts: list[Piece]) -> Piece:
    text = dim_text(node.data)
    return text, ATOM if text.isalnum() or isinstance(node.data, str) else SUM


def _neg(node: Node, parts: list[Piece]) -> Piece:
    return "-" + _within(parts[0], SIGNED), SIGNED


def _add(node: Node, parts: list[Piece]) -> Piece:
    text = ("-" if node.data[0] < 0 else "") + _within(parts[0], PRODUCT)
    for sign, part in zip(node.data[1:], parts[1:], strict=True):
        text += (" + " if sign > 0 else " - ") + _within(part, PRODUCT)
    return text, SUM


def _product(node: Node, parts: list[Piece]) -> Piece:
    text = _within(parts[0], SIGNED)
    for sign, part in zip(node.data, parts[1:], strict=True):
        text += f" {sign} " + _within(part, SIGNED)
    return text, PRODUCT


def _power(node: Node, parts: list[Piece]) -> Piece:
    return f"{_within(parts[0], POSTFIX)}**{_within(parts[1], SIGNED)}", POWER


def _operand(node: Node, part: Piece) -> str:
    """What a postfix operator follows; a number there would be taken for an exponent's."""
    return f"({part[0]})" if node.children[0].kind == "number" else _within(part, POSTFIX)


def _transpose(node: Node, parts: list[Piece]) -> Piece:
    return _operand(node, parts[0]) + ".T", POSTFIX


def _index(node: Node, parts: list[Piece]) -> Piece:
    return f"{_operand(node, parts[0])}[{', '.join(map(_selector, node.data))}]", POSTFIX


def _selector(selector: Any) -> str:
    if isinstance(selector, int):
        return str(selector)
    start, stop, step = ("" if part is None else str(part) for part in (selector.start, selector.stop, selector.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")


def _call(node: Node, parts: list[Piece]) -> Piece:
    args = [part[0] for part in parts]
    if node.axis is not None:
        args.append(f"axis={node.axis}")
    return f"{node.data}({', '.join(args)})", ATOM


def _pi(node: Node, parts: list[Piece]) -> Piece:
    return "pi", ATOM


WRITERS = {
    "number": _number,
    "name": _name,
    "size": _size,
    "pi": _pi,
    "neg": _neg,
    "add": _add,
    "product": _product,
    "power": _power,
    "transpose": _transpose,
    "index": _index,
    "call": _call,
}
