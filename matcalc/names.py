"""Names as people write them and as matcalc knows them: Greek letters, accents, and what a letter says of its variable."""

from __future__ import annotations

import unicodedata

GREEK_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
).split()
GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", GREEK_WORDS, strict=True))
GREEK |= {letter.upper(): word.capitalize() for letter, word in list(GREEK.items())}
GREEK |= {"ς": "sigma", "ϑ": "theta", "ϕ": "phi", "ϵ": "epsilon", "ϱ": "rho"}
GREEK_NAMES = frozenset(GREEK.values())
ACCENTS = {"\u0302": "_hat", "\u0304": "_bar", "\u0305": "_bar", "\u0303": "_tilde", "\u0307": "_dot"}
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
WORD = LETTERS | frozenset("0123456789")
LETTER_CLASSES = dict.fromkeys("uvwxyz", "vector") | dict.fromkeys("abcdefghijklmnopqrst", "soft")
LETTER_CLASSES |= dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "matrix")


def canonical(word: str) -> str:
    """The name that matcalc uses for a name as it was typed.

    >>> canonical("Σ_1"), canonical("x"), canonical("𝐱"), canonical("β̂")
    ('Sigma_1', 'x', 'x', 'beta_hat')
    """
    if word.isascii():
        return word
    composed = unicodedata.normalize("NFKC", word)
    accented = "".join(ACCENTS.get(c, c) for c in unicodedata.normalize("NFD", composed))
    return "".join(GREEK.get(c, c) for c in unicodedata.normalize("NFC", accented))


def is_name(word: str) -> bool:
    """Whether a canonical text is one name."""
    return word.isidentifier()


def is_greek(name: str) -> bool:
    """Whether a name is a Greek letter, possibly with an index: lambda, Sigma_1, beta2."""
    return name in GREEK_NAMES or name.rstrip("0123456789").split("_")[0] in GREEK_NAMES


def letter_class(name: str) -> str:
    """What an undeclared name stands for by its first letter: matrix, vector, or soft (a scalar, unless its use says vector)."""
    if len(name) > 1 and is_greek(name):
        return "matrix" if name[0].isupper() else "soft"
    first = name.lstrip("_")[:1]
    return LETTER_CLASSES.get(first) or ("matrix" if first.isupper() else "soft")
