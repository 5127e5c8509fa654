"""What a shell may complete: verbs, options, the words that an option takes, the variables of the expression, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem, shell_complete

from .errors import MatcalcError
from .names import canonical
from .tokens import scan

INSTRUCTION = "_MATCALC_COMPLETE"  # the environment variable by which a shell asks
SWITCHED_ON = {
    "bash": f'eval "$({INSTRUCTION}=bash_source matcalc)"    in ~/.bashrc',
    "zsh": f'eval "$({INSTRUCTION}=zsh_source matcalc)"    in ~/.zshrc',
    "fish": f"{INSTRUCTION}=fish_source matcalc | source    in ~/.config/fish/completions/matcalc.fish",
}
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def answer(verbs: click.Group) -> int | None:
    """The reply to a shell that asks for completions or for the script that does so; None if none asks."""
    instruction = os.environ.get(INSTRUCTION)
    if not instruction:
        return None
    try:
        return shell_complete(verbs, {}, "matcalc", INSTRUCTION, instruction)
    except (MatcalcError, click.ClickException, KeyError, ValueError):  # a line that cannot be read has no completions
        return 1


def one_of(*words: str) -> Completer:
    return lambda _ctx, _param, typed: [CompletionItem(word) for word in words if word.startswith(typed)]


def files(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(typed, type="file")]


def variables(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """The variables of the expression, but for those that were named already."""
    named = (ctx.params.get("wrt") or ()) + (ctx.params.get("over") or ())
    found = [name for text in ctx.params.get("expression") or () for name in variables_in(text)]
    return [CompletionItem(name) for name in dict.fromkeys(found) if name.startswith(typed) and name not in named]


def after_expression(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """What may follow the expression: options."""
    if not ctx.params.get("expression") or typed:
        return []
    return [CompletionItem(param.opts[0], help=param.help) for param in ctx.command.params if isinstance(param, click.Option)]


def rules_by_name(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    import matcalc as mc

    return [CompletionItem(name) for name in dict.fromkeys(["check", *(entry.name for entry in mc.rules())]) if name.startswith(typed)]


def variables_in(text: str) -> Iterator[str]:
    """The names in a text that may be variables, as they were typed: none of functions, `x.T` or `where`."""
    try:
        tokens = scan(text)[0]
    except MatcalcError:
        return
    seen = {"where"}
    for i, (kind, name, start, end) in enumerate(tokens[:-1]):
        if kind == "name" and name not in seen and tokens[i + 1][0] not in ("(", "=") and (i == 0 or tokens[i - 1][0] != "."):
            seen.add(canonical(name))
            yield text[start:end]
