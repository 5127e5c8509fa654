"""A line of the REPL taken apart: names, definitions, a question's expression, variables and options. Nothing is evaluated."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ..cli_errors import UsageError
from ..errors import Fix, MatcalcError
from ..names import canonical
from ..tokens import Token, scan

NAME = r"[^\W\d]\w*"
NAMES = re.compile(rf"\s*{NAME}(?:\s*,\s*{NAME}|\s+{NAME})*\s*")
DEFINITION = re.compile(rf"({NAME})\s*=(?!=)\s*(.*)", re.DOTALL)
LISTED = re.compile(r"(?:(?:np|numpy)\.array\()?(\[[-+\d.eE\s,;\[\]]*)\)?")  # numbers, as far as they are typed
DECLARATION = re.compile(rf"{NAME}(?:\s*,\s*{NAME})*\s*:(?!=).*", re.DOTALL)
OPTIONS = re.compile(r"(?:^|\s)--(?=[a-z])")


class Question(NamedTuple):
    """A verb, what it is asked of, and the options as a shell hands them over."""

    verb: str
    text: str
    variables: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    claim: str | None = None

    @property
    def by(self) -> str:
        """The option that names variables."""
        return "over" if self.verb.split()[:1] in (["minimize"], ["plot"]) else "wrt"

    def typed(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of every option, as a request has them."""
        found: list[tuple[str, str]] = []
        for word in self.options:
            name, equals, value = word.removeprefix("--").partition("=")
            if word.startswith("--"):
                found.append((name, value if equals else "true"))
            elif found:
                found[-1] = (found[-1][0], word)
        return tuple(found)


def question(verb: str, rest: str) -> Question:
    """`A x - b wrt x --to latex` taken apart; a variable without `wrt` is not looked for here.

    >>> question("grad", "c x.T x wrt x --to latex")
    Question(verb='grad', text='c x.T x', variables=('x',), options=('--to', 'latex'), claim=None)
    """
    quoted = re.match(r"""\s*(?:"([^"]*)"|'([^']*)')(?=\s|,|$)""", rest)
    text, rest = (quoted[1] or quoted[2] or "", rest[quoted.end():]) if quoted else ("", rest)
    found = OPTIONS.search(rest)
    rest, options = (rest[:found.start()], words(rest[found.start():])) if found else (rest, ())
    rest, claim = _cut("claim", rest) if verb == "check" else (rest, None)
    rest, after = _variables(rest)
    if quoted and not after and (not rest.strip() or NAMES.fullmatch(rest)):
        rest, after = "", rest  # "x.T A x" x
    return Question(verb, text + rest.strip(), tuple(re.findall(NAME, after)), options, claim)


def _variables(text: str) -> tuple[str, str]:
    """`E wrt x, y` or `E, x` as the expression and the variables."""
    for word in ("wrt", "over"):
        before, after = _cut(word, text)
        if after is not None and NAMES.fullmatch(after):
            return before, after
    before, comma, after = text.rpartition(",")
    return (before, after) if comma and balanced(before) and re.fullmatch(rf"\s*{NAME}\s*", after) else (text, "")


def _cut(word: str, text: str) -> tuple[str, str | None]:
    """The text before the last use of a word, and after it."""
    found = [*re.finditer(rf"(?:^|\s){word}\s", text)]
    return (text[:found[-1].start()], text[found[-1].end():].strip()) if found else (text, None)


def balanced(text: str) -> bool:
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))


def closes_last(text: str) -> bool:
    """Does the bracket that opens the text close at its end?"""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth:
            return i == len(text) - 1
    return False


def numbers(text: str) -> str:
    """Numbers as JSON: MATLAB's [1 2; 3 4] is [[1, 2], [3, 4]], and a column is a vector.

    >>> numbers("[1 2; 3 4]"), numbers("[1; 2]"), numbers("np.array([1, 2])")
    ('[[1, 2], [3, 4]]', '[1, 2]', '[1, 2]')
    """
    found = LISTED.fullmatch(text)
    listed = found[1].strip() if found else text
    if "[" in listed[1:]:
        return listed
    rows = [", ".join(re.split(r"[\s,]+", row.strip())) for row in listed.strip("[]").split(";")]
    column = all("," not in row for row in rows)
    return f"[{', '.join(rows)}]" if column or len(rows) == 1 else f"[{', '.join(f'[{row}]' for row in rows)}]"


def words(text: str) -> tuple[str, ...]:
    """What a shell makes of the text."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise UsageError("a quote is never closed", (len(text) - 1, len(text)), text=text, fixes=[Fix(say=":help")]) from None


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text; of one that cannot be scanned, its names."""
    try:
        return scan(text)[0]
    except MatcalcError:
        return [("name", canonical(m[0]), m.start(), m.end()) for m in re.finditer(NAME, text)]


def names_in(text: str) -> Iterator[str]:
    """The names of a text, as they are known; the T of `A.T` is none."""
    before = ""
    for kind, value, *_ in tokens_of(text):
        if kind == "name" and before != ".":
            yield value
        before = kind


def parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The body of `E where p = F; q = G`, and its definitions.

    >>> parts("p @ q where p = A x; q = b")
    ('p @ q', [('p', 'A x'), ('q', 'b')])
    """
    tokens = tokens_of(text)
    at = next(((start, end) for kind, value, start, end in tokens if (kind, value) == ("name", "where")), None)
    if at is None:
        return text.strip(), []
    cuts = [at[1], *(end for kind, _, _, end in tokens if kind == ";" and end > at[1]), len(text) + 1]
    found = [DEFINITION.match(text[a:b - 1].strip()) for a, b in pairwise(cuts)]
    return text[:at[0]].strip(), [(m[1], m[2].strip()) for m in found if m]
