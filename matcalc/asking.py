"""What was asked: the text and declarations of a request, its reading and variables; and the errors that know the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

from . import dims
from .build import build
from .errors import DomainError, Fix, LimitError, MatcalcError, NotSupported, Request, ShapeError, UnknownName, nearest
from .expr import Expr, symbols
from .knowledge import known, load
from .parser import Limits, canonical_variable, read
from .readings.sympy import is_sympy, name_of, spell
from .syntax import Node, Reading, Symbol, fold
from .transposition import gradient


@contextmanager
def asked(request: Request) -> Iterator[None]:
    """Attach the request to every error; and point at the function that has no rule."""
    try:
        yield
    except MatcalcError as error:
        error.at(request)
        raise
    except RecursionError:
        detail = "definitions after `where` make it shallower"
        raise LimitError("the expression is nested too deeply to be worked on", detail=detail).at(request) from None
    except MemoryError:
        raise LimitError("the expression is too large for the memory").at(request) from None


def as_text(f: Any, declared: Any, wrt: Any = None) -> tuple[str, Sequence[str], dict[str, Any]]:
    """The text of what was passed, the declarations that it brings along, and what its names stand for in SymPy."""
    if isinstance(declared, Mapping):
        declared = [f"{name}: {said}" for name, said in declared.items()]
    let: list[str] = list(declared) if isinstance(declared, (list, tuple)) else [declared]
    if not all(isinstance(d, str) for d in let):
        raise DomainError("let is a list of declarations as text", fixes=[Fix(say='let=["A: matrix(n, n)", "x: vector(n)"]')])
    foreign = [w for w in (wrt if isinstance(wrt, (list, tuple)) else [wrt]) if is_sympy(w)]
    if is_sympy(f) or (foreign and isinstance(f, str)):
        spelled = spell(f, foreign, _names_in_sympy())
        return spelled.text, _together(spelled.let, let), spelled.atoms
    if isinstance(f, str):
        return f, let, {}
    if hasattr(f, "reading_of_input"):  # an answer: its form, with the shapes that it was read with
        f = f.expression
    if isinstance(f, Expr):
        given = {d.split(":")[0].strip() for d in let}
        found = [_declaration(s) for name, s in symbols(f).items() if name not in given]
        return str(f), [*found, *let], {}
    if callable(f):
        from .arguments import formula_of

        text, found = formula_of(f, let, known().language())
        return text, found, {}
    if isinstance(f, (bool, int, float, complex)):
        raise DomainError(f"{f!r} is a number, and no expression", detail="an expression has variables, and is text",
                          fixes=[Fix(say='mc.grad("x.T @ A @ x", wrt="x")')])
    raise DomainError(f"an expression is text, made by mc.parse, of SymPy or a Python function, not {type(f).__name__}",
                      fixes=[Fix(say='mc.grad("x.T @ A @ x", wrt="x")')])


def function_name(f: Any) -> str:
    """How a Python function is written in a call; a lambda has no name, and is f."""
    if not callable(f) or isinstance(f, (str, Expr)) or hasattr(f, "reading_of_input") or is_sympy(f):
        return ""
    name = getattr(f, "__name__", "f")
    return name if name.isidentifier() else "f"


def _together(shapes: Sequence[str], let: Sequence[str]) -> list[str]:
    """The shapes that symbols bring along, and what the user says of them: properties are added, a kind goes before."""
    said = {d.partition(":")[0].strip(): d.partition(":")[2] for d in let}
    found = []
    for shape in shapes:
        more = said.get(shape.partition(":")[0], "")
        if not re.match(r"\s*(matrix|vector|scalar)\b", more):
            found.append(f"{shape} {more}".strip())
            said.pop(shape.partition(":")[0], None)
    return [*found, *(d for d in let if d.partition(":")[0].strip() in said)]


def _names_in_sympy() -> dict[str, tuple[str, int | None]]:
    """The classes of SymPy, and ours beside them, that rules/ names: the function that each is, and its axis."""
    found: dict[str, tuple[str, int | None]] = {}
    for f in [f for overloads in known().functions.values() for f in overloads]:
        found.setdefault(f.get("sympy").removeprefix("matcalc."), (f.name, f.head.axis))
    return found


def variables_of(wrt: Any) -> tuple[bool, tuple[str, ...]]:
    """Is it several variables, and their names."""
    if wrt is None:
        return False, ()
    several = isinstance(wrt, (list, tuple))
    names = tuple(wrt) if several else (wrt,)
    names = tuple(name_of(w) if is_sympy(w) else w for w in names)
    if not all(isinstance(w, (str, Expr)) for w in names):
        raise DomainError("wrt is the name of a variable, or a list of names", fixes=[Fix(say='mc.grad("x.T @ A @ x", wrt="x")')])
    return several, tuple(str(w) for w in names)


def plain(**options: Any) -> None:
    """Refuse options of the wrong type, by name."""
    wanted: dict[str, tuple[tuple[type, ...], str]] = {"syntax": ((str,), "a word"), "structure": ((str,), "a word"),
                                                       "seed": ((int,), "a whole number"), "rules": ((list, tuple), "a list of paths")}
    for name, value in options.items():
        kind, words = wanted[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise DomainError(f"{name} is {words}, not {value!r}"[:200])
        if isinstance(value, (list, tuple)) and not all(isinstance(p, (str, PathLike)) for p in value):
            raise DomainError("rules is a list of paths")


def _declaration(s: Expr) -> str:
    return f"{s.data.name}: {dims.shape_text(s.shape)} {' '.join(sorted(s.data.properties))}".strip()


def options_of(syntax: str, rules: Sequence[str], limits: Any = None) -> tuple[tuple[str, str], ...]:
    raised = limits.items() if isinstance(limits, Mapping) else ()
    return (*((("syntax", syntax),) if syntax != "auto" else ()), *(("rules", str(r)) for r in rules),
            *(("limit", f"{name}={value}") for name, value in raised))


def choose(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a word that is none of the choices."""
    if value not in choices:
        meant = nearest(str(value), set(choices)) or choices[0]
        raise DomainError(f"{name} is one of {', '.join(choices)}; not {value!r}", fixes=[Fix(options=((name, meant),))])


def load_rules(path: Any) -> None:
    """Add a file of rules of your own: functions and identities, in the form of rules/."""
    from .rulecheck import check_file

    with asked(Request("rules", "")):
        if not isinstance(path, (str, PathLike)) or "\0" in str(path):
            raise DomainError("rules are loaded from a file, given by its path", fixes=[Fix(say='mc.load_rules("mine.toml")')])
        check_file(str(path))
        load(str(path))


def understand(text: str, let: Sequence[str], syntax: str, rules: Sequence[str], wrt: Sequence[str], limits: Any) -> Reading:
    """The reading of a request, with the user's own rules loaded."""
    for path in rules:
        load_rules(path)
    if isinstance(limits, Mapping):
        limits = Limits.of([f"{k}={v}" for k, v in limits.items()])
    elif limits is not None and not isinstance(limits, Limits):
        raise DomainError('limits are given by name, {"depth": 400}', fixes=[Fix(say='limits={"depth": 400}')])
    return read(text, known().language(), let, syntax, [canonical_variable(n) for n in wrt], limits)


def find_variable(reading: Reading, name: str) -> Symbol:
    """The variable of that name; one that is declared and absent has a zero derivative, one that is nowhere is an error."""
    if name in reading.symbols:
        return reading.symbols[name]
    alone = next((s for s in reading.assumed if reading.root.kind == "name" and reading.root.data == s.name), None)
    for s in reading.unused:
        if s.name == name and alone is None:  # a name alone that nothing is known of is misspelt, or was to be defined
            return s
    meant = nearest(name, set(reading.symbols))
    others = [meant] if meant else list(reading.symbols)
    plain = f"{alone.spelled or alone.name} is a variable of its own: nothing is known of it" if alone else "names are case sensitive"
    detail = (f"did you mean {meant}? " if meant else "") + plain
    raise UnknownName(f"{name} is not in the expression", detail=detail, fixes=[Fix(wrt=(n,)) for n in others])


def only_variable(reading: Reading) -> Symbol:
    """The variable, where none was named and there is only one."""
    if len(reading.symbols) == 1:
        return next(iter(reading.symbols.values()))
    if not reading.symbols:
        raise DomainError("there is no variable in the expression")
    raise DomainError("which variable? several are in the expression: " + ", ".join(reading.symbols),
                      fixes=[Fix(wrt=(name,)) for name in reading.symbols])


# ---------------------------------------------------------------- errors that know the request
def not_scalar(reading: Reading, variable: Symbol, request: Request) -> ShapeError:
    """A gradient needs a scalar; what is near it, each as a request that works."""
    root = reading.root
    what = dims.shape_text(root.shape)
    if root.shape[0] == 1:
        what = f"a row, {what}"
    fixes = [*_inner_product(reading), *_one_scalar(reading, request), *_all_scalars(reading, request), *_other_verbs(reading)]
    hint, meant = _elementwise_hint(reading)
    fixes = meant or fixes
    if _is_outer(root):
        hint = "a column times a row is an outer product; an inner product has the transpose in front"
    if not hint and reading.assumed:
        hint = "assumed: " + ", ".join(f"{s.spelled or s.name} {dims.shape_text(s.shape)}" for s in reading.assumed)
    return ShapeError(f"{request.verb} needs a scalar, and this is {what}", (root.start, root.end), detail=hint, fixes=fixes)


def _elementwise_hint(reading: Reading) -> tuple[str, list[Fix]]:
    """log(X) is elementwise: the functions of the whole matrix that may have been meant."""
    from .unparse import show

    root = reading.root
    if root.kind != "call" or root.data not in known().functions or 1 in root.shape:
        return "", []
    function = known().functions[root.data][0]
    if not function.see():
        return "", []
    argument = show(root.children[0], reading.symbols)
    others = {text.replace(f"({function.signature.params[0].name})", f"({argument})"): what for text, what in function.see().items()}
    hint = f"{root.data} is elementwise; for {', for '.join(f'{what}: {text}' for text, what in others.items())}"
    return hint, _working([Fix(text) for text in others], reading)


def _is_outer(root: Node) -> bool:
    return root.kind == "product" and len(root.children) == 2 and root.children[0].shape[1] == 1 and root.children[1].shape[0] == 1


def _inner_product(reading: Reading) -> list[Fix]:
    """x @ y.T -> x.T @ y."""
    root = reading.root
    if not _is_outer(root) or root.children[1].kind != "transpose":
        return []
    from .unparse import show

    a, b = root.children[0], root.children[1].children[0]
    left = Node("transpose", (a,))
    product = Node("product", (left, b), ("@",))
    return _working([Fix(show(product, reading.symbols))], reading)


def _one_scalar(reading: Reading, request: Request) -> list[Fix]:
    """A letter that was read as a matrix or a vector and only scales, such as N in / (2 * N) or y in y w.T x, declared scalar."""
    asked_for = {canonical_variable(name) for name in request.wrt}
    matrices = [s.name for s in reading.assumed if 1 not in s.shape]
    vectors = [s.name for s in reading.assumed if s.shape != dims.SCALAR and 1 in s.shape]
    others = [name for name in vectors if name not in asked_for] if len(vectors) > 1 else []  # one alone: see _all_scalars
    return [fix for names in (matrices, others)
            for fix in _working([Fix(declare=(f"{name}: scalar",)) for name in names], reading, request)[:1]]


def _all_scalars(reading: Reading, request: Request) -> list[Fix]:
    """Letters that were read as vectors, declared scalar, if that makes the whole a scalar."""
    vectors = [s.name for s in reading.assumed if s.shape[1] == 1 and s.shape != dims.SCALAR]
    if not vectors or any(s.shape[1] != 1 for s in reading.symbols.values()):
        return []

    def of_vectors(node: Node, below: list[bool]) -> bool:
        return any(below) or (node.kind in ("transpose", "call") and node.shape != dims.SCALAR and not _is_elementwise(node))

    if fold(reading.root, lambda n: n.children, of_vectors):
        return []
    return _working([Fix(declare=tuple(f"{name}: scalar" for name in vectors))], reading, request)


def _is_elementwise(node: Node) -> bool:
    return node.kind == "call" and node.data in known().functions and known().functions[node.data][0].signature.elementwise


def _working(fixes: list[Fix], reading: Reading, request: Request | None = None) -> list[Fix]:
    """The fixes that give a scalar."""
    kept = []
    for fix in fixes:
        mended = (request or Request("grad", reading.text)).mended(fix)
        try:
            if read(mended.text, known().language(), mended.let).root.shape == dims.SCALAR:
                kept.append(fix)
        except MatcalcError:
            continue
    return kept


def _other_verbs(reading: Reading) -> list[Fix]:
    whole = _answered(f"sum({reading.text})") if " where " not in reading.text else None
    if 1 in reading.root.shape:
        return [Fix(verb="jacobian"), *([Fix(whole)] if whole else [])]
    return [*([Fix(whole)] if whole else []), Fix(verb="vjp"), Fix(verb="jacobian", options=(("form", "index"),))]


def _answered(text: str) -> str | None:
    """The text, if all its functions can be differentiated."""
    try:
        f = build(read(text, known().language()))
        for variable in symbols(f).values():
            gradient(f, variable)
    except MatcalcError:
        return None
    return text


def pointed(error: NotSupported, root: Node) -> None:
    """Put a caret under the call that an error is about."""
    found: list[Node] = []
    fold(root, lambda n: n.children, lambda n, _: found.append(n) if n.kind == "call" else None)
    for node in found:
        if f" {node.data}" in error.message and not error.spans:
            error.spans = ((node.start, node.end),)
