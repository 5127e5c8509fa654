"""What may come next in a line: verbs, names, functions of rules/, properties, options, commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click

from .. import cli
from ..cli_completion import variables_in
from ..cli_options import CHOICES
from ..declarations import KINDS, PROPERTIES
from ..knowledge import known
from ..names import canonical
from .help import COMMANDS, FORMS
from .lines import question
from .scope import Scope

WORD = re.compile(r"(?:--[a-z-]*|:?\w*)$")


class Candidate(NamedTuple):
    """A word that may be typed, and what it is."""

    word: str
    meaning: str


def complete(before: str, scope: Scope) -> tuple[str, list[Candidate]]:
    """The word that is being typed, and what it may become.

    >>> complete("gra", Scope())
    ('gra', [Candidate(word='grad ', meaning='The gradient of a scalar expression, in the shape of the variable.')])
    >>> [candidate.word for candidate in complete("let A: sy", Scope())[1]]
    ['symmetric']
    """
    line = before.lstrip()
    word = WORD.search(line)[0]  # type: ignore[index]
    return word, [c for c in _candidates(line, line[:len(line) - len(word)], scope) if c.word.startswith(word)]


def _candidates(line: str, head: str, scope: Scope) -> Iterable[Candidate]:
    verb, _, rest = line.partition(" ")
    if not head:
        return [*_verbs(), *_commands(), *_names(line, scope), *_functions()]
    if verb in ("let", ":let"):
        return _words_of_declarations() if ":" in head or len(head.split()) > 1 else _names(line, scope)
    if verb in (":del", ":help"):
        return [*_verbs(), *_functions()] if verb == ":help" else _names(line, scope)
    if re.search(r"\s--to[ =]$", head) or head == ":to ":
        return [Candidate(word, "a format") for word in CHOICES["to"]]
    option = re.search(r"\s--([a-z]+)[ =]$", head)
    if option and option[1] in CHOICES:
        return [Candidate(word, "") for word in CHOICES[option[1]]]
    if line.endswith("-") or re.search(r"\s--[a-z-]*$", line):
        return _options(verb)
    if re.search(r"\b(wrt|over)\s+([\w, ]+,\s*)?$", head):
        return _names(question(verb, rest).text or rest, scope)
    if re.fullmatch(r":\w+ ", head):
        return [*_verbs(), *_names(line, scope), *_functions()]
    return [*_names(rest, scope), *_functions(), *([Candidate("wrt ", "by which variable")] if verb in cli.verbs.commands else [])]


def _verbs() -> Iterator[Candidate]:
    for name, command in cli.verbs.commands.items():
        if name != "repl":
            yield Candidate(f"{name} ", command.get_short_help_str(80))
    yield Candidate("let ", "declare a variable or its properties")


def _commands() -> list[Candidate]:
    return [Candidate(f":{name}", "") for name in (*FORMS, *COMMANDS)]


def _functions() -> Iterator[Candidate]:
    for name, overloads in known().functions.items():
        yield Candidate(f"{name}(", overloads[0].text.partition("    ")[0])


def _words_of_declarations() -> list[Candidate]:
    return [Candidate(word, "a property") for word in sorted(PROPERTIES)] + [Candidate(word, "a kind") for word in KINDS]


def _options(verb: str) -> Iterator[Candidate]:
    command = cli.verbs.commands.get(verb)
    for option in command.params if command else ():
        if isinstance(option, click.Option):
            yield Candidate(option.opts[0], option.help or "")


def _names(text: str, scope: Scope) -> Iterator[Candidate]:
    """What is defined and declared, and the variables of what has been typed."""
    seen = {*scope.defined, *scope.declared, "wrt"}
    for spelled, body in scope.defined.values():
        yield Candidate(spelled, f"= {body}")
    for name, declaration in scope.declared.items():
        yield Candidate(name, declaration)
    for name in variables_in(re.sub(r"[^\W\d]\w*$", "", text)):  # the last is the word that is being typed
        if canonical(name) not in seen:
            yield Candidate(name, "a variable")
