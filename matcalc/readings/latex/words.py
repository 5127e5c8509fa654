"""Letters side by side: `Ax` is a product, `tr(` a function, `beta` in doubt."""

from __future__ import annotations

from ...calls import Calls
from ...errors import ParseError
from ...names import GREEK_NAMES
from .formula import function_named
from .lexemes import Lexeme, refuse, spliced


def with_words(text: str, found: list[Lexeme], calls: Calls) -> list[Lexeme]:
    """The lexemes, with declared names of several letters, `where` and functions before a bracket as one lexeme each."""
    out: list[Lexeme] = []
    i = 0
    while i < len(found):
        lexeme, stop = found[i], i + 1
        if lexeme.kind == "_" and stop < len(found) and found[stop].kind == "{":  # an index may be a word: w_{new}
            while stop < len(found) and found[stop].kind != "}":
                stop += 1
            out += found[i:stop]
            i = stop
            continue
        after_script = i > 0 and found[i - 1].kind in ("^", "_")  # TeX takes one letter there
        if lexeme.kind != "name" or after_script:
            out.append(lexeme)
            i += 1
            continue
        while stop < len(found) and found[stop].kind in ("name", "digit") and found[stop].start == found[stop - 1].end:
            stop += 1
        start, end = lexeme.start, found[stop - 1].end
        word = text[start:end]
        called = stop < len(found) and found[stop].kind == "open" and found[stop].value == ")" and function_named(word, calls) is not None
        if stop - i > 1 and calls.is_variable(word):
            out.append(Lexeme("name", word, start, end))
        elif stop - i > 1 and (called or word == "where"):
            out.append(Lexeme("word", word, start, end, "typed"))
        else:
            letters = word.rstrip("0123456789")
            if letters in GREEK_NAMES and len(letters) > 3:  # nobody multiplies S, i, g, m and a
                out.append(Lexeme("name", word, start, end))
                i = stop
                continue
            if _looks_like_a_word(letters, calls):
                raise _refused(text, letters, start, calls)
            out += found[i:stop]
        i = stop
    return out


def _looks_like_a_word(word: str, calls: Calls) -> bool:
    lower = sum(c.islower() for c in word)
    known = word in GREEK_NAMES or function_named(word, calls) is not None
    return len(word) > 1 and (known or _is_differential(word) or (len(word) > 2 and lower > 1 and word[1:].islower()))


def _is_differential(word: str) -> bool:
    """`dX` is one letter's change to most."""
    return len(word) == 2 and word[0] == "d"


def _refused(text: str, word: str, start: int, calls: Calls) -> ParseError:
    function = function_named(word, calls) is not None
    whole = (f"\\{word}" if word in GREEK_NAMES else f"\\operatorname{{{word}}}" if function
             else f"\\mathrm{{d}}{word[1]}" if _is_differential(word) else f"\\mathit{{{word}}}")
    span = start, start + len(word)
    return refuse(f"whether {word} is one word or a product of letters is not clear", span, "LaTeX sets letters side by side as a product",
                  spliced(text, span, whole), spliced(text, span, " ".join(word)))
