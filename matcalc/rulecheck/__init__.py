"""Checks of rules: every entry measured against independent evaluation, ours and users' alike.

A differential is compared with what the function does to a small change, an identity with its other side, a property
with the numbers; at unequal sizes, with inputs drawn from the conditions, also at their edges: zeros in what is
nonnegative, matrices of less than full rank, ties.
"""

from ..declared import has
from .files import check_file
from .verdicts import Result, check, check_all

__all__ = ["Result", "check", "check_all", "check_file", "has"]
