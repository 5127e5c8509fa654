"""Names as a formula shows them: Greek letters, and the index that a name ends in."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..names import GREEK, canonical

LETTER = {word: letter for letter, word in reversed(GREEK.items())}  # reversed: the plain letter wins over its variants
ACCENTS = ("hat", "bar", "tilde", "dot")


class Parts(NamedTuple):
    """beta_hat1: letter `beta`, accent `hat`, subscript `1`; `joined`: whether that followed without a `_`."""

    letter: str
    accent: str
    subscript: str
    joined: bool


def parts(name: str) -> Parts:
    """What a name is made of.

    >>> parts("W1")
    Parts(letter='W', accent='', subscript='1', joined=True)
    >>> parts("beta_hat")
    Parts(letter='beta', accent='hat', subscript='', joined=False)
    """
    word = canonical(name)
    if word != word.strip("_") or "__" in word:  # nothing of it may be lost: G_ is not G
        return Parts(word, "", "", False)
    base, _, index = word.partition("_")
    joined = False
    if not index and (found := re.fullmatch(r"([^\W\d_]+)(\d+)", base)):
        (base, index), joined = found.groups(), True
    accent, _, rest = index.partition("_")
    if accent in ACCENTS:
        return Parts(base, accent, rest, joined)
    return Parts(base, "", index, joined) if base else Parts(name, "", "", False)


def is_greek_word(base: str) -> bool:
    return base in LETTER
