"""A session: lines in, replies out. It draws nothing, so that tests and pipes use it as a terminal does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence

import click

from .. import cli
from ..cli_errors import UsageError, internal_error
from ..cli_run import worst
from ..declarations import KINDS, PROPERTIES
from ..dims import shape_text
from ..display import Place, Shown, assumed, show_error
from ..errors import DomainError, Fix, MatcalcError, ParseError, Request, nearest
from ..knowledge import known
from ..names import canonical
from ..tokens import renamed
from .help import COMMANDS, FORMS, HELP
from .lines import DECLARATION, DEFINITION, LISTED, NAME, NAMES, Question, names_in, parts, tokens_of, words
from .questions import read_question, refuse_misspelt, writer
from .scope import Scope, sizes_of

VALUED = ("eval", "minimize", "plot")  # verbs that use the numbers that were given to names
KEPT = ("grad", "jacobian", "hessian", "simplify")  # whose answers have no variables but those of the question
ANSWERED = (0, 1, 5)  # exit codes of questions that can be shown in another form
EXAMPLE = "grad x.T A x wrt x"
ENDS = ("quit", "exit", ":q", ":quit", ":exit")

WITH_ARGUMENTS = re.compile(rf"({NAME})\({NAMES.pattern}\)\s*=(?!=)\s*(.*)", re.DOTALL)


class Session:
    """What was said so far, and the reply to what is said next.

    >>> session = Session()
    >>> session.reply("let A symmetric").err
    ['A: symmetric']
    >>> session.reply("f = x.T A x").err
    ['f: scalar    assumed: A matrix(n, n), x vector(n)']
    >>> session.reply("grad f x").out
    ['2 * A @ x']
    """

    def __init__(self) -> None:
        self.scope = Scope()
        self.last: Question | None = None
        self.ended = False

    def reply(self, line: str) -> Shown:
        """The reply to one line; an error is a reply too, and the session goes on."""
        start = time.perf_counter()
        try:
            self._refuse_bytes(line)
            return self._statements(line.strip())
        except MatcalcError as error:
            return show_error("", line, error, False, start)
        except (KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as fault:
            return show_error("", line, internal_error(fault, Request("repl", line, write=lambda request: request.text)), False, start)

    def _refuse_bytes(self, line: str) -> None:
        """Bytes that are not UTF-8 come as lone surrogates."""
        plain = "".join(c for c in line if not "\ud800" <= c <= "\udfff")
        if plain != line:
            raise DomainError("the line is not UTF-8 text", fixes=[Fix(say=plain.strip() or ":help")])

    def _statements(self, line: str) -> Shown:
        """`let A: spd; :del b; grad ...`: what is declared or taken back ends at a semicolon."""
        told: list[Shown] = []
        while line:
            first = re.match(r":?\w*", line)[0]  # type: ignore[index]
            one, line = [part.strip() for part in line.partition(";")[::2]] if first in ("let", ":let", ":del") else (line, "")
            told.append(self._statement(first, one))
            if told[-1].code:
                break
        return Shown([line for s in told for line in s.out], [line for s in told for line in s.err], worst(0, *(s.code for s in told)))

    def _statement(self, first: str, line: str) -> Shown:
        rest = line[len(first):]
        if line.startswith("#"):
            return Shown([], [])
        if re.sub(r"\(\)$", "", line) in ENDS:
            self.ended = True
            return Shown([], [])
        if first == "matcalc" and rest[:1].isspace():
            return self._executed(words(rest))
        if first == "let":
            return Shown([], self.scope.let(rest.strip())) if rest.strip() else self._listed()
        if line in ("?", ":?", "help()"):
            return self._help("")
        if first.startswith(":") or line.split()[0] == "help":
            return self._command(first.removeprefix(":"), rest.strip())
        if DECLARATION.fullmatch(line):
            return Shown([], self.scope.let(line))
        self._refuse_near_misses(line)
        for pattern in (DEFINITION, WITH_ARGUMENTS):
            definition = pattern.fullmatch(line)
            if definition and pattern is WITH_ARGUMENTS and definition[1] not in known().functions:
                raise DomainError(f"{definition[1]} is defined as an expression, without arguments",
                                  fixes=[Fix(say=f"{definition[1]} = {definition[2]}")])
            if definition:
                return self._defined(definition[1], definition[2])
        asked = read_question(line, self.scope)
        return self._with_note(asked, self._ask(asked)) if asked.verb == "simplify" else self._ask(asked)

    def _refuse_near_misses(self, line: str) -> None:
        """`A is symmetric`, `latex f`: a declaration without let, a command without its colon."""
        first, _, rest = line.partition(" ")
        if first in (*FORMS, *COMMANDS) and first not in cli.verbs.commands and not self.scope.means(first) and "=" not in line:
            again = rest or ("" if self.last or first not in FORMS else EXAMPLE)
            raise UsageError(f"a command begins with a colon: :{first}", fixes=[Fix(say=f":{first} {again}".rstrip())])
        said = re.fullmatch(rf"({NAME})\s+(?:is|be)\s+(?:an?\s+)?(.+)", line)
        if said and set(names_in(said[2])) & {*KINDS, *PROPERTIES}:
            raise UsageError("a declaration begins with let", fixes=[Fix(say=f"let {said[1]}: {said[2]}")])

    def _with_note(self, asked: Question, shown: Shown) -> Shown:
        """An expression alone is simplified; where there are numbers for all of it, a word on how to get its value."""
        symbols = self.scope.reading(asked.text).symbols if self.scope.values and not shown.code else {}
        if not symbols or not symbols.keys() <= self.scope.values.keys():
            return shown
        return shown._replace(err=[*shown.err, f"note: eval {asked.text} gives its value"])

    def _listed(self) -> Shown:
        lines = self.scope.listed()
        return Shown(lines, [] if lines else ["nothing is declared or defined yet"])

    # ------------------------------------------------------------ definitions
    def _defined(self, spelled: str, text: str) -> Shown:
        if LISTED.fullmatch(text):
            return Shown([], [f"{spelled}: {self.scope.give(spelled, text)}    note: eval, minimize and plot use these numbers"])
        verb, blank, _ = text.partition(" ")
        if verb in cli.verbs.commands and blank and not self.scope.means(verb):
            return self._kept(spelled, text)
        before = self.scope.declared.get(canonical(spelled))
        reading = self.scope.define(spelled, text)
        users = self.scope.users_of(canonical(spelled))
        notes = [f"note: no longer declared: {before}"] if before else []
        notes += [f"note: used by {', '.join(users)}"] if users else []
        return Shown([], ["    ".join([f"{spelled}: {shape_text(reading.root.shape)}", *assumed(reading)]), *notes])

    def _kept(self, spelled: str, line: str) -> Shown:
        """`g = grad f x`: the answer gets a name, and its variables keep the shapes that they were read with."""
        asked = read_question(line, self.scope)
        if asked.verb not in KEPT:
            detail = f"those of {', '.join(KEPT)} can"
            raise DomainError(f"the answer of {asked.verb} cannot be named", detail=detail, fixes=[Fix(say=line)])
        shown = self._ask(asked)
        if shown.code:
            return shown
        answers = [json.loads(out) for out in self._answered(_in_form(asked, ("--to", "json"))).out]
        if len(answers) != 1:
            raise DomainError("one answer gets a name, and these are several",
                              fixes=[Fix(say=f"{spelled} = {asked.verb} {asked.text} wrt {answers[0]['wrt']}")])
        text, symbols = answers[0]["answer"], answers[0]["reading"]["symbols"]
        new = [" ".join([f"{s['name']}: {s['shape']}", *s["properties"]]) for s in symbols if not s["declared"]]
        chosen = {canonical(name) for name, _ in parts(text)[1]} | sizes_of(new)  # names of matcalc's choice: parts and dimensions,
        chosen -= sizes_of(f"{s['name']}: {s['shape']}" for s in symbols if s["declared"])  # but for those that were declared
        taken = {*self.scope.defined, *self.scope.declared, *self.scope.sizes(), canonical(spelled)}
        for name in sorted(chosen & taken):
            other = self.scope.free(name, text, *new)
            text = renamed(text, tokens_of(text), name, other)
            new = [renamed(d, tokens_of(d), name, other) for d in new]
        for declaration in new:
            self.scope.let(declaration)
        self.scope.define(spelled, text)
        notes = [f"note: declared as they were read: {', '.join(new)}"] if new else []
        return Shown([f"{spelled} = {text}"], shown.err + notes)

    # ------------------------------------------------------------ questions
    def _ask(self, asked: Question) -> Shown:
        if {"--help", "-h"} & {*asked.options}:
            return self._help(asked.verb)
        if asked.verb == "repl":
            raise UsageError("this is the REPL already", fixes=[Fix(say=":help")])
        shown = self._answered(asked)
        if shown.code in ANSWERED and asked.text:
            self.last = asked
        return shown

    def _answered(self, asked: Question) -> Shown:
        """The answer to a question, with what is declared and defined."""
        if not asked.text and asked.verb in ("rules", "plot"):
            return self._executed([asked.verb, *asked.options])
        whole = self.scope.composed(asked.text)
        let = self.scope.let_for(whole, *asked.variables)
        try:
            self.scope.refuse_unreadable(asked.text, dict(asked.typed()).get("syntax", "auto"))
        except ParseError as error:
            error.request = Request(asked.verb, asked.text, asked.variables, let, asked.typed(), writer(asked, asked.text, self.scope))
            raise
        request = Request(asked.verb, whole, asked.variables, let, asked.typed(), writer(asked, whole, self.scope))
        refuse_misspelt(asked, request, self.scope)
        claim = [] if asked.claim is None else ["--claim", self.scope.composed(asked.claim)]
        verb = asked.verb.split()
        used = {*names_in(whole)} if verb[0] in VALUED else set()
        given = [w for name, value in self.scope.values.items() if name in used
                 for w in ("--start" if name in asked.variables else "--set", f"{name}={value}")]
        variables = [w for name in asked.variables for w in (f"--{asked.by}", name)]
        text = ["--", whole] if whole.startswith("-") else [whole]
        said = [*claim, *given, *variables, *(w for d in let for w in ("--let", d))]
        argv = [*verb, *said, *asked.options, *text] if len(text) > 1 else [*verb, *said, *text, *asked.options]
        return self._executed(argv, request)

    def _executed(self, argv: Sequence[str], request: Request | None = None) -> Shown:
        """What a command line says, gathered."""
        told: list[Shown] = []
        code = cli.execute(argv, Place(told.append, request.write if request else None, request))
        return Shown([line for s in told for line in s.out], [line for s in told for line in s.err], code)

    # ------------------------------------------------------------ commands
    def _command(self, name: str, rest: str) -> Shown:
        if name == "help":
            return self._help(rest)
        if name == "let":
            return Shown([], self.scope.let(rest)) if rest else self._listed()
        if name == "del" and not rest:
            raise UsageError(":del takes names", fixes=[Fix(say=":let")])
        if name in ("del", "clear") and rest:
            self.scope.forget(re.findall(r"[^\s,]+", rest))
            return Shown([], [])
        if name == "clear" and not rest:
            self.scope, self.last = Scope(), None
            return Shown([], [])
        form, line = self._form(name, rest)
        if line:
            shown = self._ask(_in_form(read_question(line, self.scope), form))
            self.last = self.last and _in_form(self.last, ())
            return shown
        if self.last is None:
            raise UsageError("nothing has been answered yet", fixes=[Fix(say=f":{name} {EXAMPLE}")])
        return self._answered(_in_form(self.last, form))

    def _form(self, name: str, rest: str) -> tuple[tuple[str, ...], str]:
        """The options that show an answer in another form, and the line that is asked."""
        if name == "to":
            format, _, line = rest.partition(" ")
            return ("--to", format or "text"), line.strip()
        if name not in FORMS:
            meant = nearest(name, {*FORMS, *COMMANDS}) or "help"
            again = rest or ("" if self.last or meant not in FORMS else EXAMPLE)
            raise UsageError(f"there is no command :{name}; did you mean :{meant}?", fixes=[Fix(say=f":{meant} {again}".rstrip())])
        return FORMS[name], rest

    def _help(self, verb: str) -> Shown:
        if not verb:
            return Shown(HELP.splitlines(), [])
        if verb in cli.verbs.commands:
            command = cli.verbs.commands[verb]
            return Shown(command.get_help(click.Context(command, info_name=f"matcalc {verb}")).splitlines(), [])
        return self._executed(["rules", verb])


def _in_form(asked: Question, form: Sequence[str]) -> Question:
    """A question that is answered in this form, whatever form it was asked in."""
    kept = [[f"--{name}"] if value == "true" else [f"--{name}", value] for name, value in asked.typed() if name not in ("to", "steps")]
    return asked._replace(options=(*(word for words_ in kept for word in words_), *form))
