"""symmetric, spd, positive ... of an expression: declared of its symbols, and propagated by rules/properties.toml."""

from __future__ import annotations

from .algebra import transpose
from .expr import Expr
from .identities import properties
from .knowledge import PropertyRule, known
from .match import Binding

DEPTH = 12  # how many rules a proof may chain; a deeper one is not found, which is safe


class Prover:
    """Proves properties and remembers what it found; one for each derivation."""

    def __init__(self) -> None:
        self.found: dict[tuple[Expr, str], bool] = {}
        self.proving: set[tuple[Expr, str]] = set()
        self.depth = 0
        self.cut = False  # was a proof below given up, so that "not found" may not be remembered?

    def holds(self, e: Expr, property_: str) -> bool:
        """Is it certain that e has the property?"""
        identity = (e, property_)
        known_ = self.found.get(identity)
        if known_ is not None:
            return known_
        if self.depth >= DEPTH or identity in self.proving:  # a proof may not rest on itself
            self.cut = True
            return False
        self.depth += 1
        self.proving.add(identity)
        outer, self.cut = self.cut, False
        try:
            result = self._proved(e, property_)
        finally:
            self.depth -= 1
            self.proving.discard(identity)
        if result or not self.cut or not self.depth:
            self.found[identity] = result
        self.cut = outer or (self.cut and not result)
        return result

    def _proved(self, e: Expr, property_: str) -> bool:
        if e.op == "sym":
            return property_ in e.data.properties
        if e.op in ("num", "size", "pi"):
            return _number(e, property_)
        if property_ == "symmetric" and e.shape[0] == e.shape[1] and transpose(e).canon is e.canon:
            return True
        if e.op == "transpose" and property_ not in ("lower", "upper", "simplex", "onehot"):
            return self.holds(e.args[0], property_)
        wanted = known().closure_of(property_)
        for rule in properties().at(e):
            says = isinstance(rule.entry, PropertyRule) and not wanted.isdisjoint(rule.entry.properties)
            if says and rule.pattern.find(e, lambda b, r=rule: self.all_hold(r.conditions, b)) is not None:  # type: ignore[misc]
                return True
        return False

    def all_hold(self, conditions: tuple[tuple[Expr, str], ...], binding: Binding) -> bool:
        """The conditions of a rule, for what its variables stand for."""
        return all(variable in binding.values and self.holds(binding.values[variable], word) for variable, word in conditions)


def _number(e: Expr, property_: str) -> bool:
    value = e.data if e.op == "num" else 1
    return (property_ in ("positive", "invertible", "spd") and value > 0) or (property_ in ("nonnegative", "psd") and value >= 0) or (
        property_ in ("symmetric", "diagonal", "lower", "upper"))
