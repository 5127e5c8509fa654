"""The independent judge: evaluates the parsed input and the parsed text of the answer, and shares no calculus with the engine."""

from .evidence import Evidence
from .indexed import verify_index
from .verdict import choices, draw, evaluate, verify, verify_equal

__all__ = ["Evidence", "choices", "draw", "evaluate", "verify", "verify_equal", "verify_index"]
