"""From a line to a question: which word is the verb, and which the variable; and how a question is typed again with a part of it mended."""

from __future__ import annotations

import re
from collections.abc import Callable

import click

from .. import cli
from ..cli_errors import VALUES, UsageError
from ..cli_help import SAME_VERB
from ..dims import SCALAR
from ..errors import DomainError, Fix, MatcalcError, Request, UnknownName, nearest, quote
from ..knowledge import known
from ..names import canonical
from ..syntax import Reading
from ..tokens import renamed
from .lines import NAME, NAMES, Question, closes_last, names_in, parts, question, tokens_of, words
from .scope import Scope

DERIVATIVES = ("grad", "jacobian", "hessian", "hvp", "differential", "jvp", "vjp", "check")
OF_SCALARS = ("grad", "hessian", "hvp")
NAMING = ("wrt", "over")  # the options that name variables
WITHOUT_EXPRESSION = ("rules", "plot", "repl")  # what follows is read as in a shell


def read_question(line: str, scope: Scope) -> Question:
    """The question of a line: a verb and what follows, or an expression alone, which is simplified."""
    first = re.match(r"\w+|", line)[0]  # type: ignore[index]
    rest = line[len(first):]
    if first in cli.verbs.commands and rest[:1] == "(":
        inside = rest.rstrip()[1:-1]  # grad(f, x)
        rest = f" {inside}" if rest.rstrip()[-1] == ")" and closes_last(rest.rstrip()) else f" {rest}"
    if first not in cli.verbs.commands or (rest and not rest[0].isspace() and rest[0] not in "\"'"):
        _refuse_quotient(line, scope)
        _refuse_other_verb(first, rest, scope)
        return _without_arguments(question("simplify", line), scope)
    if first == "plot" and len(rest.split()) > 1:
        kind, more = rest.split(None, 1)
        return _without_arguments(question("plot", more), scope)._replace(verb=f"plot {kind}")
    if first in WITHOUT_EXPRESSION:
        return Question(first, "", options=words(rest))
    asked = _without_arguments(question(first, rest), scope)
    _refuse_options(asked, line)
    inner = asked.text.partition(" ")[0]
    if first == "eval" and inner in DERIVATIVES and not scope.means(inner):
        named = Fix(say=f"answer = {asked.text}", note="and eval answer")
        raise UsageError("eval takes an expression: give the answer a name first", fixes=[named])
    if not asked.variables and first in (*DERIVATIVES, "minimize") and not {*NAMING} & dict(asked.typed()).keys():
        asked = _with_variable(asked, scope)
    defined = next((name for name in asked.variables if canonical(name) in scope.defined), None)
    if defined and first in DERIVATIVES:
        body = scope.defined[canonical(defined)][1]
        others = [name for name in dict.fromkeys(names_in(body)) if name not in known().functions and name not in scope.defined]
        fixes = [Fix(say=_typed(asked, (name,))) for name in others if name in _symbols(asked, scope)]
        again = Fix(say=f":del {defined}; {_typed(asked, asked.variables)}", note="as a variable of its own")
        message = f"{defined} is defined, and a derivative is by a variable"
        raise DomainError(message, detail=f"{defined} = {body}", fixes=[*fixes[:2], again])
    return asked


def _refuse_options(asked: Question, line: str) -> None:
    """Options that the verb does not have, or the last one without its value."""
    params = [p for p in cli.verbs.commands[asked.verb].params if isinstance(p, click.Option)]
    known_here = {o for p in params for o in p.opts} | {"--help"}
    last = asked.options[-1] if asked.options else ""
    if last in {o for p in params if not p.is_flag for o in p.opts}:
        name = last.removeprefix("--")
        example = quote(VALUES.get(name, "text"), False)
        mended = line.rstrip().removesuffix(last).rstrip() if name in NAMING else f"{line} {example}"
        raise UsageError(f"{last} needs a value", fixes=[Fix(say=mended)])
    for word in asked.options:
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known_here:
            meant = nearest(name, known_here)
            fix = Fix(say=line.replace(name, meant) if meant else f":help {asked.verb}")
            raise UsageError(f"there is no option {name}" + (f"; did you mean {meant}?" if meant else ""), fixes=[fix])


def refuse_misspelt(asked: Question, request: Request, scope: Scope) -> None:
    """`grad los x` after `loss = ...`: x is nowhere, and a name that means nothing is near to one that is defined."""
    mentioned = {*scope.mentioned(request.text)}
    missing = next((name for name in asked.variables if canonical(name) not in mentioned), None)
    unknown = [name for name in dict.fromkeys(names_in(asked.text)) if not scope.means(name) and name not in known().functions]
    meant = next(((name, other) for name in unknown if (other := nearest(name, {*scope.defined}))), None)
    if missing is not None and meant is not None:
        text = renamed(asked.text, tokens_of(asked.text), *meant)
        detail = f"{meant[0]} is not defined; did you mean {meant[1]}?"
        raise UnknownName(f"{missing} is not in the expression", detail=detail, fixes=[Fix(text)]).at(request)


def _typed(asked: Question, variables: tuple[str, ...]) -> str:
    return f"{asked.verb} {asked.text} wrt {', '.join(variables)}"


def _symbols(asked: Question, scope: Scope) -> set[str]:
    reading = _reading(asked, asked.text, scope)
    return set(reading.symbols) if reading else set()


def _refuse_quotient(line: str, scope: Scope) -> None:
    """`d/dx f`, `df/dx`: a derivative is asked for by its verb."""
    found = re.fullmatch(rf"(?:d\s*/\s*d({NAME})\s+(.+)|d({NAME})\s*/\s*d({NAME}))", line)
    if not found or any(scope.means(name) for name in names_in(line) if name.startswith("d")):
        return
    text, variable = found[2] or found[3], found[1] or found[4]
    reading = _reading(Question("", text), text, scope)
    verb = "grad" if reading is None or reading.root.shape == SCALAR else "jacobian"
    raise UsageError("a derivative is asked for by a verb: grad, jacobian, hessian", fixes=[Fix(say=f"{verb} {text} wrt {variable}")])


def _refuse_other_verb(first: str, rest: str, scope: Scope) -> None:
    """`gradient f x`: a word that means nothing in the session before an expression, and near to a verb."""
    if not (rest[:1].isspace() or rest[:1] == "(") or len(first) < 3 or scope.means(first) or first in known().functions:
        return
    meant = SAME_VERB.get(first.lower()) or nearest(first, set(cli.verbs.commands))
    if meant and re.match(r"\(|\s+[\w(\"'|‖-]", rest):
        raise UsageError(f"there is no command {first}; did you mean {meant}?", fixes=[Fix(say=meant + rest)])


def _without_arguments(asked: Question, scope: Scope) -> Question:
    """f(x), where f = ... was defined: an expression takes no arguments."""
    for found in re.finditer(rf"({NAME})\(({NAMES.pattern})\)", asked.text):
        if canonical(found[1]) in scope.defined:
            plain = asked.text[:found.start()] + found[1] + asked.text[found.end():]
            line = f"{asked.verb} {plain}" + (f" wrt {', '.join(asked.variables)}" if asked.variables else "")
            raise DomainError(f"{found[1]} is an expression, and takes no arguments", found.span(), text=asked.text, fixes=[Fix(say=line)])
    return asked


def _with_variable(asked: Question, scope: Scope) -> Question:
    """`x.T A x x`: the last word is the variable, if what is before it can be asked for that; or else the whole is the expression."""
    before, _, last = asked.text.rpartition(" ")
    if not re.search(r"[^\s@*+\-/^\\(,]\s*$", before) or not re.fullmatch(NAME, last):
        return asked
    split = asked._replace(text=before.rstrip(), variables=(last,))
    part = _reading(asked, split.text, scope)
    if part is not None and (canonical(last) in part.symbols or canonical(last) in scope.defined) and _fits(asked, part):
        return split
    whole = _reading(asked, asked.text, scope)
    return asked if whole is not None and _fits(asked, whole) else split


def _reading(asked: Question, text: str, scope: Scope) -> Reading | None:
    try:
        return scope.reading(text, dict(asked.typed()).get("syntax", "auto"))
    except MatcalcError:
        return None


def _fits(asked: Question, reading: Reading) -> bool:
    return asked.verb not in OF_SCALARS or reading.root.shape == SCALAR


def writer(asked: Question, whole: str, scope: Scope) -> Callable[[Request], str]:
    """How a mended question is typed in a session: without what the session adds."""
    added = whole.removeprefix(asked.text)
    by = asked.by

    def written(request: Request) -> str:
        text = request.text.removesuffix(added)
        options: list[str] = []
        claim: list[str] = []
        for name, value in request.options:
            if name == "claim":
                claim = ["claim", _own(value, scope)]
            elif name not in NAMING and (name, value) not in scope.settings():
                options += [f"--{name}"] if value == "true" else [f"--{name}", quote(value, False)]
        variables = request.wrt or tuple(value for name, value in request.options if name in NAMING)
        said = [by, ", ".join(variables)] if variables else []
        return scope.changes(request.let, names_in(whole)) + " ".join([request.verb, text, *said, *claim, *options])

    return written


def _own(text: str, scope: Scope) -> str:
    """A text without the definitions that the session put behind it."""
    body, inner = parts(text)
    kept = [f"{name} = {said}" for name, said in inner if scope.defined.get(canonical(name)) != (name, said)]
    return body + (f" where {'; '.join(kept)}" if kept else "")
