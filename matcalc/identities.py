"""The identities and properties of rules/, compiled: each as patterns, found by the operator or function at their root."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .algebra import transpose
from .build import build
from .errors import MatcalcError, RuleError
from .expr import Expr, symbols
from .knowledge import Identity, Knowledge, PropertyRule, known
from .match import Pattern, heads, part_operators
from .parser import read
from .syntax import Reading

KINDS = ("scalar", "vector", "matrix", "dimension", "any")
LOOKS = 10_000  # kinds of node whose rules are remembered
ANY = {"scalar": "scalar", "vector": "vector(n)", "matrix": "matrix(m, n)"}


class Rewrite:
    """One compiled form of an identity or a property rule: its pattern, what it becomes, and what must be proved."""

    __slots__ = ("entry", "pattern", "right", "conditions", "assumptions")

    def __init__(self, entry: Identity | PropertyRule, pattern: Pattern, right: Expr | None, conditions: Sequence[tuple[Expr, str]],
                 assumptions: Sequence[tuple[Expr, str]] = ()) -> None:
        self.entry, self.pattern, self.right = entry, pattern, right
        self.conditions, self.assumptions = tuple(conditions), tuple(assumptions)


def split_conditions(conditions: Sequence[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Kinds, which declare the variables, and properties, which have to be proved."""
    kinds: dict[str, str] = {}
    properties: list[tuple[str, str]] = []
    for condition in conditions:
        name, _, word = (part.strip() for part in condition.partition(":"))
        if word.split("(")[0] in KINDS:
            kinds[name] = word
        else:
            properties.append((name, word))
    return kinds, properties


def readings(entry: Identity | PropertyRule) -> list[tuple[Reading, Reading | None]]:
    """Both sides, read: once, or for scalars, vectors and matrices where a variable may be any of them."""
    assumptions = entry.assumptions if isinstance(entry, Identity) else ()
    kinds, properties = split_conditions((*entry.conditions, *assumptions))
    language = known().language()
    left, right = (entry.left, entry.right) if isinstance(entry, Identity) else (entry.pattern, None)
    found = []
    for variant in ANY if "any" in kinds.values() else ("",):
        words = {name: ANY[variant] if kind == "any" else kind for name, kind in kinds.items()}
        for name, word in properties:
            words[name] = f"{words.get(name, '')} {word}".strip()
        let = [f"{name}: {word}" for name, word in words.items()]
        try:
            reading = read(left, language, let)
            other = read(right, language, known=reading.symbols, dims=reading.dims) if right is not None else None
        except MatcalcError as error:
            raise RuleError(f"{entry.where}: {entry.name}: {error.message}", detail=entry.text) from None
        found.append((reading, other))
    return found


def compiled(entry: Identity | PropertyRule) -> list[Rewrite]:
    """The patterns of an entry; a rule about a chain also the other way round, transposed."""
    kinds, properties = split_conditions(entry.conditions)
    assumptions = split_conditions(entry.assumptions)[1] if isinstance(entry, Identity) else []
    out = []
    for reading, other, keep in _both_ways(entry):
        left = build(reading, keep=keep)
        by_name = symbols(left)
        right = build(other, variables=by_name, keep=True) if other is not None else None
        if right is not None and right.shape != left.shape:
            raise RuleError(f"{entry.where}: {entry.name}: the two sides differ in shape", detail=entry.text)
        if right is left:
            continue  # the operators' own normal form says it already
        variables = frozenset(by_name.values())
        conditions = [(by_name[name], word) for name, word in properties if name in by_name]
        assumed = [(by_name[name], word) for name, word in assumptions if name in by_name]
        sides = [(left, right)]
        flipped = transpose(left)
        if left.op in ("matmul", "mul", "add") and not left.is_scalar and "any" not in kinds.values() and flipped.canon is not left.canon:
            sides.append((flipped, transpose(right) if right is not None else None))
        out += [Rewrite(entry, Pattern(a, variables), b, conditions, assumed) for a, b in sides]
    return out


def _both_ways(entry: Identity | PropertyRule) -> Iterator[tuple[Reading, Reading | None, bool]]:
    """The readings, abbreviations on the left written out; and, if that is another expression, as they stand (norm made by a rule)."""
    for reading, other in readings(entry):
        yield reading, other, False
        if build(reading, keep=True) is not build(reading):
            yield reading, other, True


class Index:
    """Compiled rules by the root of their pattern. An entry is compiled when the functions that it mentions have been met."""

    def __init__(self, knowledge: Knowledge, entries: Sequence[Identity | PropertyRule]) -> None:
        self.version = knowledge.version
        self._entries = entries
        mentions = _mentions(knowledge)
        self._met: set[str] = set()
        self._waiting: dict[str, list[int]] = {}
        self._missing: dict[int, set[str]] = {}
        self._ready: dict[str, list[tuple[int, Rewrite]]] = {}
        self._seen: dict[tuple[str, frozenset[str], frozenset[str]], list[Rewrite]] = {}
        for i, entry in enumerate(self._entries):
            names = mentions(entry.left if isinstance(entry, Identity) else entry.pattern)
            self._missing[i] = names
            for name in names:
                self._waiting.setdefault(name, []).append(i)
        self._compile([i for i, names in self._missing.items() if not names])

    def at(self, e: Expr) -> list[Rewrite]:
        """The rules whose pattern may stand at this node, in the order in which rules/ states them."""
        names = frozenset(heads(e))
        look = (_root(e), names, part_operators(e))
        found = self._seen.get(look)
        if found is None:
            self.meet(names)
            found = [r for _, r in self._ready.get(look[0], ()) if r.pattern.may_match(*look[1:])]
            if len(self._seen) >= LOOKS:
                self._seen.clear()
            self._seen[look] = found
        return found

    def meet(self, names: Iterable[str]) -> None:
        """Compile the entries that waited for these functions only."""
        complete = []
        for name in set(names) - self._met:
            self._met.add(name)
            for i in self._waiting.get(name, ()):
                self._missing[i].discard(name)
                if not self._missing[i]:
                    complete.append(i)
        if complete:
            self._compile(complete)

    def _compile(self, entries: list[int]) -> None:
        for i in entries:
            for rewrite in compiled(self._entries[i]):
                self._ready.setdefault(_root(rewrite.pattern.left), []).append((i, rewrite))
        for bucket in self._ready.values():
            bucket.sort(key=lambda pair: pair[0])
        self._seen.clear()


def _root(e: Expr) -> str:
    return str(e.data.name) if e.op == "call" else e.op


def _mentions(knowledge: Knowledge) -> Callable[[str], set[str]]:
    """The functions that a text has in it once abbreviations are written out."""
    written_out = {name: f[0].get("definition") for name, f in knowledge.functions.items() if "definition" in f[0].table}

    def names(text: str) -> set[str]:
        found = set()
        for name in knowledge.functions:
            if f"{name}(" in text and f" {name}(" in f" {text.replace('(', '( ').replace('-', '- ')}":
                found |= names(written_out[name]) if name in written_out else {name}
        return found - {knowledge.role("matrix power")}

    return names


_indices: dict[str, Index] = {}


def identities() -> Index:
    """The identities of the present knowledge."""
    return _index("identities")


def properties() -> Index:
    """What the present knowledge says of results: apart, because many an expression never asks for it."""
    return _index("properties")


def _index(which: str) -> Index:
    found = _indices.get(which)
    if found is None or found.version != known().version:
        _indices[which] = found = Index(known(), known().identities if which == "identities" else known().properties)
    return found

