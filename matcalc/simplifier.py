"""Expressions in the form a person would have written: the identities of rules/, factoring and multiplying out, downhill in cost."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

from .cost import OPERATOR, cost
from .errors import LimitError
from .expr import Expr, fold
from .factoring import EXPANDED_TERMS, expandable, expanded, factored, one_denominator, opened_terms
from .identities import Rewrite, identities
from .knowledge import Identity
from .match import Binding
from .properties import Prover
from .rebuild import rebuild, substitute

STEPS = 100_000  # rewrite steps for one answer
BRANCHES = 3  # levels of factoring that are tried in two ways
HOPELESS = 1.6  # a form that multiplying out makes longer than that many times is not looked into
SECONDS = 10  # a backstop: the work is limited by steps, so that the same input gets the same answer
MEETING = 8  # levels of products in products below which terms of a sum no longer meet
NESTING = 60  # rewrites of what a rewrite made


class Step(NamedTuple):
    """One use of a rule."""

    rule: str
    before: Expr
    after: Expr
    source: str


class Simplifier:
    """One derivation's memory: each distinct node is simplified once."""

    def __init__(self, limit: int = STEPS) -> None:
        self.prover = Prover()
        self.memo: dict[Expr, Expr] = {}
        self.steps: list[Step] = []
        self.assumed: list[tuple[Expr, str]] = []
        self.limit, self.count, self.nesting, self.branching = limit, 0, 0, 0
        self.deadline = monotonic() + SECONDS
        self.busy: set[Expr] = set()
        self.words: dict[Expr, list[tuple[Expr, set[Expr]]]] = {}
        self.recorded: set[tuple[Expr, Expr]] = set()
        self.rules = identities()

    def simplify(self, e: Expr) -> Expr:
        """The cheapest form found; its parts are simplified first."""
        return fold(e, self._visit, self.memo)  # type: ignore[no-any-return]

    def _visit(self, node: Expr, args: list[Expr]) -> Expr:
        if node.args and any([a is not b for a, b in zip(node.args, args, strict=True)]):
            new = rebuild(node, args, node.shape if node.op == "add" else None)
            if new is not node:
                return self._again(new)
        return self._improved(node)

    def _again(self, e: Expr) -> Expr:
        """Simplify what a rewrite made, as long as rewrites do not pile up without end."""
        if e in self.memo:
            return self.memo[e]
        if self.nesting >= NESTING or e in self.busy:
            return e
        self.nesting += 1
        try:
            return self.simplify(e)
        finally:
            self.nesting -= 1

    def _improved(self, e: Expr) -> Expr:
        """The node itself, its parts being simple already."""
        if e in self.busy:
            return e
        self.busy.add(e)
        try:
            self._spend()
            found = self._rewritten(e)
            if found is not None:
                return self._again(found)
            if e.op == "add":
                return self._sum(e)
            if e.op == "mul" and (joined := one_denominator(e)) is not None:
                self._record("common denominator", e, joined)
                return self._again(joined)
            if e.op in ("mul", "matmul", "tr", "sum", "diagv") and opened_terms(e) <= EXPANDED_TERMS and expandable(e):
                return self._multiplied_out(e)
            return e
        finally:
            self.busy.discard(e)

    def _spend(self) -> None:
        self.count += 1
        if self.count > self.limit:
            raise LimitError(f"the simplification took more than {self.limit:,} steps")
        if monotonic() > self.deadline:
            raise LimitError(f"the simplification took more than {SECONDS} seconds", detail="a smaller expression, or named parts, help")

    # ------------------------------------------------------------ rules
    def _rewritten(self, e: Expr) -> Expr | None:
        """The first identity that applies: normal ones always, the others if the cost falls."""
        for rule in self.rules.at(e):
            entry = rule.entry
            if rule.right is None or not isinstance(entry, Identity) or entry.kind in ("open", "present"):
                continue
            new = rule.pattern.rewrite(e, rule.right, lambda b, r=rule: self._accepts(r, b))  # type: ignore[misc]
            if new is None or new is e or (entry.kind == "simplify" and cost(new) >= cost(e)):
                continue
            self._record(entry.name, e, new, entry.source)
            return new
        return None

    def present(self, e: Expr) -> Expr:
        """What is simple already, in the words that people choose where two forms are equally long; nothing is simplified after it."""
        def visit(node: Expr, args: list[Expr]) -> Expr:
            if any([a is not b for a, b in zip(node.args, args, strict=True)]):
                node = rebuild(node, args, node.shape if node.op == "add" else None)
            for rule in self.rules.at(node):
                if isinstance(rule.entry, Identity) and rule.entry.kind == "present" and rule.right is not None:
                    new = rule.pattern.rewrite(node, rule.right, lambda b, r=rule: self._accepts(r, b) and _as_long(r, b))  # type: ignore[misc]
                    if new is not None:
                        self._record(rule.entry.name, node, new, rule.entry.source)
                        node = new
            return node

        result: Expr = fold(e, visit)
        return result

    def _accepts(self, rule: Rewrite, binding: Binding) -> bool:
        if not self.prover.all_hold(rule.conditions, binding):
            return False
        self.assumed += [(binding.values[v], word) for v, word in rule.assumptions if not self.prover.holds(binding.values[v], word)]
        return True

    def _record(self, rule: str, before: Expr, after: Expr, source: str = "") -> None:
        if before is not after and (before, after) not in self.recorded:
            self.recorded.add((before, after))
            self.steps.append(Step(rule, before, after, source))

    # ------------------------------------------------------------ equalities without a direction
    def _sum(self, e: Expr) -> Expr:
        best = self._factored(e)
        if opened_terms(e) > EXPANDED_TERMS:
            return best
        other_words = self._in_other_words(e)
        if other_words is not e or any([expandable(a) for a in e.args]):
            opened = expanded(other_words)
            if opened is not None and opened is not e and cost(opened) <= HOPELESS * cost(e):
                other = self._again(opened) if opened.op != "add" else self._factored(self._parts(opened))
                if cost(other) < cost(best):
                    self._record("expand", e, other)
                    best = other
        return best

    def _in_other_words(self, e: Expr) -> Expr:
        """sigmoid(-x) as 1 - sigmoid(x) where sigmoid(x) stands in the sum too: then terms may meet."""
        calls = outermost_calls(e)
        values = {}
        for call in sorted(calls, key=lambda c: c.key):
            for new, needed in self._other_words(call):
                if needed <= calls:
                    values[call] = new
        return substitute(e, values) if values else e

    def _other_words(self, call: Expr) -> list[tuple[Expr, set[Expr]]]:
        """What the open identities make of a call, each with the calls of the same function that are in it."""
        if call not in self.words:
            self.words[call] = []
            for rule in self.rules.at(call):
                if isinstance(rule.entry, Identity) and rule.entry.kind == "open" and rule.right is not None:
                    new = rule.pattern.rewrite(call, rule.right, lambda b, r=rule: self._accepts(r, b))  # type: ignore[misc]
                    if new is not None:
                        self.words[call].append((new, {n for n in outermost_calls(new) if n.data.name == call.data.name}))
        return self.words[call]

    def _parts(self, e: Expr) -> Expr:
        """The sum of the simplified terms."""
        return rebuild(e, [self._again(a) for a in e.args], e.shape) if e.op == "add" else self._again(e)

    def _factored(self, e: Expr) -> Expr:
        if e.op != "add":
            return self._again(e)
        best = e
        ways = factored(e)
        if self.branching >= BRANCHES:  # two ways at every level are two to the power of the levels
            ways = ways[:1]
        self.branching += len(ways) > 1
        for new in ways:
            done = self._again(new)
            if best is e or cost(done) < cost(best):
                best, chosen = done, new
        self.branching -= len(ways) > 1
        if best is not e:
            self._record("factor", e, chosen)
        return best

    def _multiplied_out(self, e: Expr) -> Expr:
        opened = expanded(e)
        if opened is None or opened is e or cost(opened) > HOPELESS * cost(e):
            return e
        other = self._again(opened)
        if cost(other) < cost(e):
            self._record("expand", e, other)
            return other
        return e


def _as_long(rule: Rewrite, b: Binding) -> bool:
    """Are both sides of a rule equally long, or the right one shorter, for these values?"""
    assert rule.right is not None
    left, right = (cost(substitute(side, b.values, b.sizes)) for side in (rule.pattern.left, rule.right))
    return right < left + OPERATOR


def outermost_calls(e: Expr) -> set[Expr]:
    """The functions among the factors of the terms of a sum, those inside its products too, as deep as terms may meet."""
    seen: set[Expr] = set()
    level = {e}
    for _ in range(MEETING):
        seen |= level
        inside = [f.args[:1] if f.op == "pow" else f.args for f in level if f.op in ("add", "mul", "matmul", "transpose", "pow")]
        level = {a for args in inside for a in args} - seen
    return {f for f in seen if f.op == "call"}


def simplify(e: Expr) -> Expr:
    """The simplest form of an expression."""
    return Simplifier().simplify(e)
