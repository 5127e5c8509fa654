"""What is shown of a line while it is typed: the shape of its expression, and what was assumed. Never an error, whatever the line is."""

from __future__ import annotations

import re

from .. import cli
from ..dims import shape_text
from ..display import assumed
from ..errors import MatcalcError
from .lines import DECLARATION, DEFINITION, LISTED
from .questions import read_question
from .scope import Scope

LONGEST = 1000  # characters that are read at every key


def shape_of(line: str, scope: Scope) -> str:
    """The shape of what is typed, or what is wrong with it so far.

    >>> shape_of("grad x.T A x x", Scope())
    'scalar    assumed: A matrix(n, n), x vector(n)'
    >>> shape_of("f = tr(A @ X", Scope())
    "'(' is never closed"
    """
    text = _expression_of(line.strip())
    if not text or len(text) > LONGEST:
        return ""
    try:
        asked = read_question(text, scope)
        if not asked.text:
            return ""
        reading = scope.reading(asked.text)
    except MatcalcError as error:
        return error.message
    except Exception:  # a fault here shall not end what a person is typing
        return ""
    return "    ".join([shape_text(reading.root.shape), *assumed(reading)])


def _expression_of(line: str) -> str:
    """The question in a line; nothing of a command, a declaration, numbers, or a verb that stands alone."""
    definition = DEFINITION.fullmatch(line)
    text = definition[2] if definition else re.sub(r"^:(latex|code|steps|unicode|mathml|sympy|json)\s+", "", line)
    other = re.match(r"[:#?]|let\b|help\b|matcalc\b", text) or text in cli.verbs.commands
    return "" if other or LISTED.fullmatch(text) or DECLARATION.fullmatch(text) else text
