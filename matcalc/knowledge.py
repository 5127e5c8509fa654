"""rules/*.toml as Function, Identity, Property: text that remembers its file and line, compiled when first needed."""

from __future__ import annotations

import keyword
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from .callables import PURE, TARGETS
from .errors import RuleError, nearest
from .expr import Head
from .names import canonical
from .syntax import Language, Param, Signature

FUNCTION_KEYS = frozenset(
    "signature derivative differential trace_differential definition adjoint matrix written_out role alternative see transpose "
    "domain smooth kink numpy jax torch array julia matlab sympy latex latex_matrix unicode unicode_matrix source".split()
)


FILE_BYTES = 1_000_000


class Source(NamedTuple):
    """Where an entry stands, and whose mathematics it is."""

    file: str
    line: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Function:
    """One table of rules/functions: an overload of a function."""

    __slots__ = ("entry", "signature", "table", "where")

    def __init__(self, entry: str, table: dict[str, Any], where: Source) -> None:
        self.entry, self.table, self.where = entry, table, where
        odd = [k for k, v in table.items() if not isinstance(v, str) and not (isinstance(v, list) and all(isinstance(x, str) for x in v))]
        if odd:
            raise RuleError(f"{where}: {odd[0]} in [{entry}] must be text")
        unknown = set(table) - FUNCTION_KEYS
        if unknown:
            raise RuleError(f"{where}: unknown key {sorted(unknown)[0]!r} in [{entry}]")
        if not isinstance(table.get("signature", ""), str):
            raise RuleError(f"{where}: the signature of [{entry}] must be one text")
        signature = parse_signature(table.get("signature", ""), where)
        _check_words(entry, signature, where)
        _check_value(table, where)
        several = len(signature.params) > 1 and signature.result.kind == "like" and all(p.kind == "any" for p in signature.params)
        self.signature = signature._replace(elementwise="derivative" in table or several)

    @property
    def name(self) -> str:
        return self.signature.function

    @property
    def kind(self) -> str:
        return "function"

    @property
    def text(self) -> str:
        keys = ("derivative", "differential", "trace_differential", "definition")
        calculus = next((f"{k}: {self.table[k]}" for k in keys if k in self.table), "")
        return f"{self.table['signature']}    {calculus}".rstrip()

    @property
    def source(self) -> str:
        return self.where.text

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}: {self.text}>"

    def get(self, key: str) -> str:
        return str(self.table.get(key, ""))

    def words(self, key: str) -> tuple[str, ...]:
        """A key that holds a list of conditions."""
        value = self.table.get(key, ())
        return (value,) if isinstance(value, str) else tuple(value)

    def see(self) -> dict[str, str]:
        """What a user may have meant instead, each with what it is."""
        return dict(tuple(part.strip() for part in line.rsplit(":", 1)) for line in self.words("see"))  # type: ignore[misc]

    @property
    def head(self) -> Head:
        """The facts that travel with each call."""
        elementwise = "derivative" in self.table
        axis = next((p.dims[0] for p in self.signature.params if p.kind == "axis"), None)
        return Head(self.name, "through" if elementwise else self.get("transpose"), elementwise, axis if isinstance(axis, int) else None)


class Identity(NamedTuple):
    """One line of rules/identities: left side, right side, and when it holds."""

    name: str
    kind: str  # normal, simplify or open
    left: str
    right: str
    conditions: tuple[str, ...]  # proved from properties, or the identity is not used
    assumptions: tuple[str, ...]  # named in the conditions of the answer
    where: Source

    @property
    def text(self) -> str:
        text = f"{self.left} -> {self.right}"
        if self.conditions:
            text += "  if " + ", ".join(self.conditions)
        if self.assumptions:
            text += "  assuming " + ", ".join(self.assumptions)
        return text

    @property
    def source(self) -> str:
        return self.where.text

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}: {self.text}>"


class PropertyRule(NamedTuple):
    """One line of rules/properties.toml: what is known of a result."""

    name: str
    pattern: str
    properties: tuple[str, ...]
    conditions: tuple[str, ...]
    where: Source

    @property
    def kind(self) -> str:
        return "property"

    @property
    def text(self) -> str:
        return f"{self.pattern} : {', '.join(self.properties)}" + ("  if " + ", ".join(self.conditions) if self.conditions else "")

    @property
    def source(self) -> str:
        return self.where.text

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}: {self.text}>"


# ---------------------------------------------------------------- reading the files
def folder() -> Path:
    """rules/: beside the package in a checkout, inside it in a wheel."""
    inside = Path(__file__).parent / "_rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "rules"


def parse_signature(text: str, where: Source) -> Signature:
    """`inv(X: matrix(n, n)) -> matrix(n, n)`."""
    left, arrow, right = text.partition("->")
    name, bracket, inside = left.strip().partition("(")
    if not arrow or not bracket or not name.isidentifier():
        raise RuleError(f"{where}: a signature looks like inv(X: matrix(n, n)) -> matrix(n, n), not {text!r}")
    params = tuple(_param(p, where) for p in _top_level(inside.strip().removesuffix(")")))
    kind, _, dims = right.strip().partition("(")
    return Signature(name, params, Param("", kind, _dims(dims.removesuffix(")"))))


def _top_level(text: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


def _dims(text: str) -> tuple[int | str, ...]:
    return tuple(int(d) if d.strip().isdigit() else d.strip() for d in text.split(",") if d.strip())


def _param(text: str, where: Source) -> Param:
    if text.startswith("axis="):
        return Param("axis", "axis", (int(text[5:]),))
    name, colon, kind = text.partition(":")
    word, _, dims = kind.strip().partition("(")
    if not colon or word not in ("any", "scalar", "vector", "matrix", "integer"):
        raise RuleError(f"{where}: a parameter looks like X: matrix(m, n), x: vector(n), x: any, c: scalar or k: integer, not {text!r}")
    return Param(name.strip(), word, _dims(dims.removesuffix(")")))


def _lines(text: str, table: bool) -> dict[str, int]:
    """The line of each table, or of each key."""
    found: dict[str, int] = {}
    for i, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if table and line.startswith("["):
            found.setdefault(line.strip("[]").strip('"'), i)
        elif not table and "=" in line and not line.startswith("#"):
            found.setdefault(line.split("=")[0].strip().strip('"'), i)
    return found


def split_rule(text: str, where: Source) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """`lhs -> rhs  if A: spd, B: square  assuming c: positive`."""
    left, arrow, right = text.partition("->")
    if not arrow:
        raise RuleError(f"{where}: an identity looks like tr(A.T) -> tr(A), not {text!r}")
    right, _, assumed = right.partition(" assuming ")
    right, _, conditions = right.partition(" if ")
    return left.strip(), right.strip(), tuple(_top_level(conditions)), tuple(_top_level(assumed))


class Knowledge:
    """Everything that rules/ says. There is one, `known()`; user files are added to it by `load`."""

    def __init__(self) -> None:
        self.functions: dict[str, list[Function]] = {}
        self.identities: list[Identity] = []
        self.properties: list[PropertyRule] = []
        self.implies: dict[str, tuple[str, ...]] = {}
        self.unsupported: dict[str, dict[str, str]] = {}
        self.aliases: dict[str, str] = {}
        self.loaded: set[Path] = set()
        self.version = 0
        self._language: Language | None = None
        self._roles: dict[str, str] | None = None
        self._closures: dict[str, frozenset[str]] = {}

    def language(self) -> Language:
        """What the parser has to know, as data."""
        if self._language is None:
            signatures = {name: tuple(f.signature for f in overloads) for name, overloads in self.functions.items()}
            others = {name: t for name, t in self.unsupported.items() if name not in signatures}
            unsupported = {name: (t.get("what", ""), t.get("closest", "")) for name, t in others.items()}
            self._language = Language(signatures, unsupported, {a: n for a, n in self.aliases.items() if a not in signatures})
        return self._language

    def role(self, role: str) -> str:
        """The name of the function that has a role in the notation of operators: the matrix power, the square root."""
        if self._roles is None:
            self._roles = {f.get("role"): name for name, overloads in self.functions.items() for f in overloads if f.get("role")}
        return self._roles.get(role, "")

    def function(self, name: str, shapes: list[str] | None = None, axis: int | None = None) -> Function | None:
        """The overload of a function for arguments of these kinds (scalar, vector, row, matrix)."""
        overloads = self.functions.get(name, [])
        for f in overloads:
            if shapes is None or _accepts(f.signature, shapes, axis):
                return f
        return None

    def closure(self, properties: frozenset[str]) -> frozenset[str]:
        """The properties with all that follows from them."""
        found = set(properties)
        todo = list(properties)
        while todo:
            for follows in self.implies.get(todo.pop(), ()):
                if follows not in found:
                    found.add(follows)
                    todo.append(follows)
        return frozenset(found)

    def added_values(self, *texts: str) -> dict[str, Any]:
        """Values that the checker has not of its own, as data: a dotted name, or a reading in the parameters.

        Those of functions that a user added, and of those in `texts` that are written out in answers.
        """
        from .parser import read

        found: dict[str, Any] = {}
        for name, overloads in self.functions.items():
            f = overloads[0]
            mine = not f.where.file.startswith("rules/")
            value = (f.get("numpy") or f.get("definition")) if mine else f.get("written_out") if any(name in t for t in texts) else ""
            if not value:
                continue
            if is_dotted(value):
                found[name] = value
                continue
            kinds = []
            for p in f.signature.params:
                shape = f"({', '.join(map(str, p.dims))})" if p.kind in ("vector", "matrix") else ""
                kinds += [] if p.kind in ("axis", "integer") else [f"{p.name}: {'vector(n)' if p.kind == 'any' else p.kind + shape}"]
            found[name] = (tuple(p.name for p in f.signature.params), read(value, self.language(), kinds))
        return found

    def closure_of(self, wanted: str) -> frozenset[str]:
        """The property itself and all from which it follows."""
        if wanted not in self._closures:
            self._closures[wanted] = frozenset(p for p in {wanted, *self.implies} if wanted in self.closure(frozenset({p})))
        return self._closures[wanted]

    def entries(self) -> list[Function | Identity | PropertyRule]:
        return [*(f for overloads in self.functions.values() for f in overloads), *self.identities, *self.properties]

    def read(self, path: Path, name: str) -> None:
        """Add one file, of functions, identities or properties."""
        try:
            if not path.is_file() or path.stat().st_size > FILE_BYTES:
                raise RuleError(f"{name} is not a file of rules", detail=f"a file of at most {FILE_BYTES:,} bytes is read")
            text = path.read_text(encoding="utf-8")
            tables = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RuleError(f"{name}: {error}") from None
        self._language = self._roles = None
        self.version += 1
        default = str(tables.pop("source", ""))
        if path.stem == "unsupported":
            self.unsupported |= tables
        else:
            lines = _lines(text, table=True), _lines(text, table=False)
            for key, table in tables.items():
                self._add(key, table, name, default, lines)

    def _add(self, key: str, table: Any, file: str, default: str, lines: tuple[dict[str, int], dict[str, int]]) -> None:
        if not isinstance(table, dict):
            raise RuleError(f"{file}: {key!r} stands outside every table")
        if key in ("normal", "simplify", "open", "present"):
            for name, rule in table.items():
                text, source = (rule, default) if isinstance(rule, str) else (rule["rule"], rule.get("source", default))
                where = Source(file, lines[1].get(name, 0), source)
                self.identities.append(Identity(name, key, *split_rule(text, where), where))
        elif key == "aliases":
            self.aliases |= table
        elif key == "implies":
            self.implies |= {k: tuple(v) for k, v in table.items()}
        elif key == "properties":
            for name, rule in table.items():
                text, source = (rule, default) if isinstance(rule, str) else (rule["rule"], rule.get("source", default))
                pattern, _, rest = text.rpartition(" : ") if " if " not in text else text.partition(" : ")
                given, _, conditions = rest.partition(" if ")
                where = Source(file, lines[1].get(name, 0), source)
                self.properties.append(PropertyRule(name, pattern.strip(), tuple(_top_level(given)), tuple(_top_level(conditions)), where))
        else:
            where = Source(file, lines[0].get(key, 0), str(table.get("source", default)))
            function = Function(key, table, where)
            self.functions.setdefault(function.name, []).append(function)


def is_dotted(value: str) -> bool:
    """numpy.linalg.inv, one of the functions that may be named, and not an expression of the language."""
    return value in PURE


DOTTED = re.compile(r"\s*([^\W\d]\w*)(\s*\.\s*\w+)+\s*")
POSTFIX = frozenset({"T", "I", "H", "mT"})  # `X.T` is an expression


def _check_value(table: dict[str, Any], where: Source) -> None:
    """Refuse a dotted name that leads anywhere but to a function that only computes."""
    for key in ("numpy", "definition", "written_out"):
        value = table.get(key, "")
        if not isinstance(value, str):
            raise RuleError(f"{where}: {key} is one text")
        if value not in PURE and DOTTED.fullmatch(value) and not {part.strip() for part in value.split(".")[1:]} <= POSTFIX:
            meant = nearest(value, set(PURE))
            raise RuleError(f"{where}: {value.strip()} is not a function that a rule may name", detail=(
                f"did you mean {meant}?\n" if meant else "") + "allowed: what computes a number from numbers (matcalc/callables.py)")


    for key, allowed in TARGETS.items():
        value = table.get(key, "")
        if value and (not isinstance(value, str) or not allowed(value)):
            raise RuleError(f"{where}: {value} is not a function that a rule may name for {key}",
                            detail="allowed: what computes a number from numbers (matcalc/callables.py)")


def _check_words(entry: str, signature: Signature, where: Source) -> None:
    """Names of a table become names in code: each is one plain word."""
    parameters = [p.name for p in signature.params if p.kind != "axis"]
    for name in (signature.function, entry.replace("-", "_"), *parameters):
        if canonical(name) != name or not name.isidentifier() or name[0] == "_" or keyword.iskeyword(name):
            raise RuleError(f"{where}: {name!r} cannot be a name here", detail="a name begins with a letter; letters, digits and _ follow")
    if len(set(parameters)) < len(parameters):
        raise RuleError(f"{where}: two parameters of {signature.function} have the same name")


def _accepts(signature: Signature, kinds: list[str], axis: int | None) -> bool:
    wanted = next((p.dims[0] for p in signature.params if p.kind == "axis"), None)
    params = [p for p in signature.params if p.kind != "axis"]
    if wanted != axis or len(params) != len(kinds):
        return False
    return all(p.kind in ("any", kind) or (p.kind == "integer" and kind == "scalar") or (p.kind == "matrix" and kind != "vector") or
               (p.kind == "matrix" and p.dims[:1] == p.dims[1:]) for p, kind in zip(params, kinds, strict=True))


_known: Knowledge | None = None


def known() -> Knowledge:
    """All of rules/, read once."""
    global _known
    if _known is None:
        fresh = Knowledge()
        base = folder()
        for path in sorted(base.rglob("*.toml")):
            fresh.read(path, f"rules/{path.relative_to(base).as_posix()}")
        _known = fresh
    return _known


def load(path: str | Path) -> None:
    """Add a user's file of rules; loading a file again does nothing."""
    place = Path(path).resolve()
    knowledge = known()
    if place not in knowledge.loaded:
        knowledge.read(place, Path(path).name)
        knowledge.loaded.add(place)
