r"""LaTeX as papers have it: `\frac12 \|Ax-b\|_2^2` to the tokens of the grammar, each with its columns in the text as it was typed.

lexemes     commands, letters, digits, delimiters; partners of delimiters
extents     where each operand and each argument ends
names       a letter with its style, accent and scripts is one name
translate   lexemes to tokens
"""

from __future__ import annotations

from .commands import AFTER_SOLUTION, WORDS
from .translate import Translated, translated, variable

__all__ = ["AFTER_SOLUTION", "WORDS", "Translated", "translated", "variable"]
