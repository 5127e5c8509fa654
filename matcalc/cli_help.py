"""The help that begins with examples, and the commands themselves: verbs that are misspelt, expressions that begin with a minus."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from . import SYNONYMS
from .cli_completion import SWITCHED_ON
from .cli_errors import UsageError, shell_line
from .errors import Fix, nearest

PURPOSE = "matcalc: matrix derivatives in closed form, checked before they are shown."
EXAMPLES = (
    'matcalc grad "x.T A x" --wrt x',
    'matcalc grad "logdet(X)" --wrt X --let "X: spd"',
    'matcalc simplify "tr(A @ B) - tr(B @ A)"',
)
MORE = "More: matcalc --help, matcalc grad --help, matcalc repl, matcalc rules"

SAME_VERB = {**SYNONYMS, "d": "differential", "verify": "check", "evaluate": "eval", "simp": "simplify", "functions": "rules"}


class Command(click.Command):
    """A command whose help begins with examples, and whose expression may begin with a minus."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.examples = examples

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # for completion: the option that is being typed has no value yet
            args = args[:-1] if args and args[-1] in self.valued() else args
        return super().parse_args(ctx, self.negatives_last(args))

    def valued(self) -> set[str]:
        """The options that take a value."""
        return {o for p in self.params if isinstance(p, click.Option) and not p.is_flag for o in p.opts}

    def negatives_last(self, args: list[str]) -> list[str]:
        """`args` with an expression such as "-x.T @ x", which is no option, moved behind `--`."""
        if "--" in args:
            return args
        valued = self.valued()
        known = {"-", "-h"}
        moved = [a for before, a in zip(["", *args], args, strict=False)
                 if re.match(r"-(?!-)", a) and a not in known and before not in valued]
        kept = [a for a in args if a not in moved]
        if moved and kept and kept[-1] in valued:
            raise click.BadOptionUsage(kept[-1], f"{kept[-1]} needs a value")
        return kept + (["--", *moved] if moved else [])


class Verbs(click.Group):
    """The group of all verbs: an unknown one gets the nearest, a bare expression gets a verb."""

    command_class = Command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, EXAMPLES)
        super().format_help(ctx, formatter)
        lines = [f"{shell:5} {line}" for shell, line in SWITCHED_ON.items()]
        write_section(formatter, "Completion with Tab, switched on by one line", lines)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in self.commands:
            return word, self.commands[word], args[1:]
        if word.startswith("-"):
            raise click.NoSuchOption(word, ctx=ctx)
        if not re.fullmatch(r"[A-Za-z][\w-]*", word):
            raise UsageError("a verb is missing before the expression", fixes=[Fix(say=shell_line(["simplify", *args]))])
        meant = SAME_VERB.get(word.lower()) or nearest(word, set(self.commands))
        fix = shell_line([meant, *args[1:]]) if meant else "matcalc --help"
        raise UsageError(f"there is no command {word}" + (f"; did you mean {meant}?" if meant else ""), fixes=[Fix(say=fix)])


def write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    write_section(formatter, "Examples", examples)
    formatter.write("\n")


def write_section(formatter: click.HelpFormatter, title: str, lines: Iterable[str]) -> None:
    with formatter.section(title):
        for line in lines:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
