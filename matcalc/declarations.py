"""Declarations: `A: matrix(n, n) symmetric`, `x: vector(n)`, `c: scalar, positive`, `A: spd`.

>>> declare(["A: matrix(m, n)"])["A"].dims
('m', 'n')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .dimensions import read_dimension
from .dims import SCALAR, Dim, Shape, names, shape_text
from .errors import DomainError, Fix, MatcalcError, ParseError, Span, nearest
from .limits import Limits
from .names import canonical, letter_class
from .readings import latex
from .tokens import Token, scan

KINDS = {"scalar": 0, "vector": 1, "matrix": 2, "dimension": 0}  # how many dimensions each has
SQUARE = frozenset({"symmetric", "skew", "diagonal", "lower", "upper", "orthogonal", "psd", "spd", "invertible"})
PROPERTIES = SQUARE | {"positive", "nonnegative", "simplex", "onehot"}
CONTRADICTIONS = (
    ("skew", "symmetric"),
    ("skew", "psd"),
    ("skew", "spd"),
    ("skew", "diagonal"),
    ("skew", "lower"),
    ("skew", "upper"),
    ("skew", "positive"),
    ("skew", "nonnegative"),
    ("onehot", "positive"),
)
SYNONYMS = {
    "square": "matrix(n, n)",
    "column": "vector",
    "pd": "spd",
    "posdef": "spd",
    "antisymmetric": "skew",
    "orthonormal": "orthogonal",
    "nonneg": "nonnegative",
    "triangular": "lower",
    "nonsingular": "invertible",
    "regular": "invertible",
    "real": "scalar",
    "number": "scalar",
    "int": "dimension",
    "integer": "dimension",
    "size": "dimension",
}


class Declaration(NamedTuple):
    """What one declaration says; kind is None where only properties are given, dims is None where they are left out."""

    name: str
    spelled: str
    kind: str | None
    dims: tuple[Dim, ...] | None
    properties: frozenset[str]
    text: str
    span: Span  # of the name

    @property
    def shape(self) -> Shape | None:
        """The declared shape, if the dimensions were given."""
        if self.kind == "scalar":
            return SCALAR
        if self.dims is None:
            return None
        return (self.dims[0], 1) if self.kind == "vector" else (self.dims[0], self.dims[1])

    def settled_kind(self) -> str:
        """The kind as declared, or by the first letter: scalar, vector, matrix, dimension, or soft."""
        return self.kind or letter_class(self.name)


def declare(let: Sequence[str], limits: Limits | None = None) -> dict[str, Declaration]:
    """All declarations by name, checked against each other."""
    limits = limits or Limits()
    found: dict[str, Declaration] = {}
    for position, text in enumerate(let):
        try:
            declaration = _read(text, limits)
            if declaration.name in found:
                raise DomainError(
                    f"{declaration.spelled} is declared twice",
                    declaration.span,
                    detail=f"first as: {found[declaration.name].text}",
                    fixes=[Fix(let=_without(let, position)), Fix(let=tuple(d for d in let if d != found[declaration.name].text))],
                )
        except MatcalcError as error:
            raise _in_declaration(error, text, let, position) from None
        found[declaration.name] = declaration
    _check_dimensions(found, let)
    return found


def _without(let: Sequence[str], position: int) -> tuple[str, ...]:
    return (*let[:position], *let[position + 1 :])


def _in_declaration(error: MatcalcError, text: str, let: Sequence[str], position: int) -> MatcalcError:
    """The error as one about this declaration: its text, and fixes that replace the declaration."""
    if isinstance(error, ParseError):
        error = DomainError(error.message, *error.spans, detail=error.detail)
    error.text = text
    error.fixes = tuple(Fix(let=(*let[:position], fix.text, *let[position + 1 :])) if fix.text is not None else fix for fix in error.fixes)
    if not error.fixes:
        error.fixes = (Fix(let=_without(let, position)),)
    return error


def _check_dimensions(found: dict[str, Declaration], let: Sequence[str]) -> None:
    """No name is both a dimension and a variable."""
    used = {name: d for d in found.values() for dim in d.dims or () for name in names(dim)}
    for position, declaration in enumerate(found.values()):
        other = used.get(declaration.name)
        if other is not None and declaration.kind != "dimension":
            raise DomainError(
                f"{declaration.spelled} is a dimension of {other.spelled} and cannot be a variable too",
                declaration.span,
                detail=f"declared as: {other.text}",
                text=declaration.text,
                fixes=[Fix(let=_without(let, position), note="a declared dimension can be used as a number")],
            )


def _read(text: str, limits: Limits) -> Declaration:
    if len(text) > limits.text:
        raise limits.exceeded("text", f"a declaration has {len(text):,} characters", len(text.encode("utf-8", "surrogatepass")))
    tokens = _tokens(text, limits)
    if tokens[0][0] == "end":
        raise DomainError("a declaration is empty", (0, 0), detail='for example: "A: matrix(n, n) symmetric"')
    kind, name, start, end = tokens[0]
    if kind != "name":
        raise DomainError("a declaration begins with a name", (start, end), detail='for example: "x: vector(n)"')
    if tokens[1][0] != ":":
        raise _no_colon(text, tokens)
    if name == "where":
        raise DomainError("'where' begins definitions and cannot name a variable", (start, end))
    if tokens[2][0] == "end":
        raise DomainError(f"nothing is declared of {text[start:end]}", (start, end), fixes=[Fix(text.rstrip() + " " + _default_kind(name))])
    shape_kind, dims, properties = _words(text, tokens, limits)
    spelled = text[start:end] if canonical(text[start:end]) == name else name
    declaration = Declaration(name, spelled, shape_kind, dims, frozenset(p for p, _ in properties), text, (start, end))
    return _check_properties(declaration, properties)


def _tokens(text: str, limits: Limits) -> list[Token]:
    r"""The tokens of a declaration, which may begin with a name in LaTeX: `\Sigma: spd`, `\mathbf{x}: vector(n)`."""
    head, colon, _ = text.partition(":")
    name = latex.variable(head) if colon and ("\\" in head or "{" in head) else None
    if name is None:
        return scan(text, limits)[0]
    rest, _ = scan(" " * len(head) + text[len(head) :], limits)
    return [("name", name, len(head) - len(head.lstrip()), len(head.rstrip())), *rest]


def _default_kind(name: str) -> str:
    return {"soft": "scalar"}.get(letter_class(name), letter_class(name))


def _no_colon(text: str, tokens: list[Token]) -> DomainError:
    start, end = tokens[1][2], tokens[1][3]
    fixes = []
    if tokens[1][0] == "end":
        fixes = [Fix(f"{text.rstrip()}: {_default_kind(tokens[0][1])}")]
    elif tokens[1][0] in ("name", "="):
        rest = text[end if tokens[1][0] == "=" else start :].strip()
        fixes = [Fix(f"{text[tokens[0][2] : tokens[0][3]]}: {rest}")]
    return DomainError("a declaration is a name, a colon, and what it is", (start, end), detail='for example: "x: vector(n)"', fixes=fixes)


def _words(text: str, tokens: list[Token], limits: Limits) -> tuple[str | None, tuple[Dim, ...] | None, list[tuple[str, Span]]]:
    """Kind, dimensions and properties after the colon."""
    kind: str | None = None
    dims: tuple[Dim, ...] | None = None
    properties: list[tuple[str, Span]] = []
    i = 2
    while tokens[i][0] != "end":
        token, word, start, end = tokens[i]
        i += 1
        if token == ",":
            continue
        if token != "name" or (word not in KINDS and word not in PROPERTIES):
            raise _unknown_word(text, (start, end))
        if word in PROPERTIES:
            properties.append((word, (start, end)))
            continue
        if kind is not None:
            raise DomainError(
                f"{text[tokens[0][2] : tokens[0][3]]} is declared a {kind} and a {word}",
                (start, end),
                fixes=[Fix(text[:start].rstrip(", ") + text[end:])],
            )
        kind = word
        if tokens[i][0] == "(":
            dims, i = _dimensions(text, tokens, i, kind, limits)
    return kind, dims, properties


def _unknown_word(text: str, span: Span) -> DomainError:
    word = text[span[0] : span[1]]
    close = SYNONYMS.get(word.lower()) or nearest(word, {*PROPERTIES, *KINDS})
    fixes = [Fix(text[: span[0]] + close + text[span[1] :])] if close else []
    return DomainError(
        f"'{word}' is no kind and no property",
        span,
        detail=(f"did you mean '{close}'?\n" if close else "")
        + "kinds: scalar, vector(n), matrix(m, n)\nproperties: "
        + " ".join(sorted(PROPERTIES)),
        fixes=fixes,
    )


def _dimensions(text: str, tokens: list[Token], i: int, kind: str, limits: Limits) -> tuple[tuple[Dim, ...], int]:
    opened = tokens[i][2]
    dims: list[Dim] = []
    while tokens[i][0] in ("(", ","):
        at = (tokens[i + 1][2], tokens[i + 1][3])
        dim, i = read_dimension(tokens, i + 1, limits)
        if isinstance(dim, int) and dim < 1:
            raise DomainError("a dimension is at least 1", at, fixes=[Fix(text[: at[0]] + "1" + text[at[1] :])])
        dims.append(dim)
    if tokens[i][0] != ")":
        raise DomainError(
            "the dimensions end with ')'", (tokens[i][2], tokens[i][3]), fixes=[Fix(text.rstrip() + ")")] if tokens[i][0] == "end" else []
        )
    if kind == "vector" and len(dims) == 2 and dims[1] == 1:
        dims.pop()
    if len(dims) != KINDS[kind]:
        raise _wrong_count(text, (opened, tokens[i][3]), kind, dims)
    return tuple(dims), i + 1


def _wrong_count(text: str, span: Span, kind: str, dims: list[Dim]) -> DomainError:
    inside = text[span[0] + 1 : span[1] - 1]
    mended = {"scalar": "", "dimension": "", "vector": f"({dims[0]})", "matrix": f"({inside}, {inside})" if len(dims) == 1 else "(m, n)"}[
        kind
    ]
    need = ["none", "one", "two"][KINDS[kind]]
    return DomainError(
        f"a {kind} has {need} dimension{'s' if need == 'two' else ''}", span, fixes=[Fix(text[: span[0]] + mended + text[span[1] :])]
    )


def _check_properties(declaration: Declaration, properties: list[tuple[str, Span]]) -> Declaration:
    """Refuse properties that contradict each other or the kind; let a property of square matrices decide kind and dimensions."""
    text, given = declaration.text, dict(properties)
    for a, b in CONTRADICTIONS:
        if a in given and b in given:
            raise DomainError(
                f"{declaration.spelled} cannot be {a} and {b}", given[b], given[a], fixes=[_drop(text, given[b]), _drop(text, given[a])]
            )
    for word, span in properties:
        square = word in SQUARE
        if declaration.kind == "dimension" or (square and declaration.kind in ("scalar", "vector")):
            raise DomainError(f"a {declaration.kind} cannot be {word}", span, fixes=[_drop(text, span)])
        if square and declaration.dims is not None and declaration.dims[0] != declaration.dims[1]:
            shape = shape_text((declaration.dims[0], declaration.dims[1]))
            raise DomainError(
                f"only a square matrix can be {word}; {declaration.spelled} is {shape}",
                span,
                fixes=[
                    _drop(text, span),
                    Fix(text.replace(text[text.index("(") + 1 : text.index(")")], f"{declaration.dims[0]}, {declaration.dims[0]}")),
                ],
            )
        if word in ("simplex", "onehot") and declaration.kind == "scalar":
            raise DomainError(f"a scalar cannot be {word}", span, fixes=[_drop(text, span)])
    if declaration.kind is None and any(p in SQUARE for p in given):
        return declaration._replace(kind="matrix")
    if declaration.kind is None and letter_class(declaration.name) == "soft" and ("simplex" in given or "onehot" in given):
        return declaration._replace(kind="vector")
    return declaration


def _drop(text: str, span: Span) -> Fix:
    """A declaration without one of its words; without any, it still needs a kind."""
    rest = (text[: span[0]].rstrip(" ,") + " " + text[span[1] :].lstrip(" ,")).strip()
    return Fix(rest if not rest.endswith(":") else f"{rest} {_default_kind(canonical(rest[:-1].strip()))}")
