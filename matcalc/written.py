"""A board in a format: its lines as text, the parts that have names, and what is left out because nobody would read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .board import Board
from .expr import Expr, postorder
from .printers import printer_of
from .printers.forms import ATOM, Form, in_order, render, shared
from .printers.layout import Printer
from .printers.text import Text, letter_for, names_in
from .steps import Reason

WIDE = 240  # characters of a line: a wider one is left out, and its reasons go to the next one
UNREADABLE = 4_000  # of a line whose repeated parts have no names yet
DERIVED = ("read off", "within", "transposed")  # chains of what is read off: signs stand there as in answers


class Row(NamedTuple):
    """One line of the board, laid out in a format."""

    text: str
    reasons: tuple[Reason, ...] = ()


class Block(NamedTuple):
    """The lines of one chain of equations."""

    left: str
    kind: str  # as of a chain, or "named": the left side is a name for a part
    rows: list[Row]
    link: str = ""  # as of a chain
    pending: int = 0  # as of a chain


class Waiting(NamedTuple):
    """A differential that is still to be taken: what it is of, and what it becomes."""

    part: str
    layer: str  # nothing where the chain rule goes through too many layers: then the next line is its differential
    wrt: str
    change: str


class Written(NamedTuple):
    """A board in one format."""

    blocks: list[Block]
    waiting: dict[tuple[int, str], Waiting]  # by the chains that they stand in, and their texts, d(A @ x)


def written(board: Board, format: str, decimals: bool, typed: Sequence[Expr], answers: Sequence[Expr], taken: set[str],
            named_in_answer: dict[Expr, str], read_as: str = "") -> Written:
    """The lines of a board, what repeats within one of them named, those left out that say nothing new or nobody would read.
    `typed`, `answers`: the sums whose signs stay as they are, in f and its differential, and in what is read off.
    `taken`: names in use; `named_in_answer`: of parts that have a name in the answer.
    `read_as`: the expression as it was typed, where it can be shown so."""
    text = _laid_out(Text(decimals, typed), board, "d(")
    names = _named(board, text, taken, named_in_answer)
    opened = r"\mathrm{d}(" if format == "latex" else "d("
    printer = text if format == "text" else _laid_out(printer_of(format)(decimals, typed), board, opened)
    of_answers = printer if any(part.op == "add" for part in names) else printer_of(format)(decimals, answers)
    letters = {part: printer.name(name) for part, name in names.items()}
    forms = {id(line): (of_answers if chain.kind in DERIVED else printer).form(line.expression)
             for chain in board.chains for line in chain.lines}
    everything = Form(ATOM, [(f, 0) for f in forms.values()])
    labels = {id(f): letters[f.of] for f in in_order(everything) if f.of in letters}

    def shown(form: Form) -> str:
        return printer.finish(render(form, labels, printer.brackets), ())

    blocks = []
    for chain in board.chains:
        rows: list[Row] = []
        reasons: tuple[Reason, ...] = ()
        for i, line in enumerate(chain.lines):
            reasons = tuple(dict.fromkeys((*reasons, *line.reasons)))
            form = forms[id(line)]
            last = i == len(chain.lines) - 1
            if rows and not last and form.length > UNREADABLE:
                continue
            row = Row(shown(form), reasons if rows or chain.kind not in ("value", "differential") else ())
            if row.text in (texts := [r.text for r in rows]):  # back where it was: what lies between says nothing
                del rows[texts.index(row.text) + 1:]
                reasons = ()
                continue
            if not rows or last or len(row.text) <= WIDE:
                rows.append(row)
                reasons = ()
        if chain.kind == "value" and read_as and read_as != render(forms[id(chain.lines[0])], {}) and " where " not in read_as:
            rows[:1] = [Row(read_as), rows[0]._replace(reasons=(Reason("normal form", "in other words"),))]
        if len(rows) > 1 or chain.kind != "value" or len(board.chains) == 1:
            blocks.append(Block(chain.left, chain.kind, rows, chain.link, chain.pending))
    definitions = [Block(letters[part], "named", [Row(shown(printer.form(part)), (Reason("name", ""),))]) for part in names]
    waiting = {}
    for i, p in enumerate(board.pending):
        for d, part in p.parts.items():
            if d in p.layers or not p.layers:  # others were zero before they were taken
                layer = shown(printer.form(p.layers[d])) if d in p.layers else ""
                waiting[i, shown(printer.memo[d])] = Waiting(shown(printer.form(part)), layer, p.wrt.data.name, p.change.data.name)
    return Written([*_used(definitions, blocks), *blocks], waiting)


def _used(definitions: list[Block], blocks: list[Block]) -> list[Block]:
    """The definitions that the lines need."""
    texts = [row.text for block in blocks for row in block.rows]
    needed: list[Block] = []
    for block in reversed(definitions):  # what a definition needs stands before it
        if any(re.search(rf"(?<![\w\\]){re.escape(block.left)}(?!\w)", text) for text in texts):
            needed.insert(0, block)
            texts.append(block.rows[0].text)
    return needed


def _laid_out(printer: Printer, board: Board, opened: str) -> Printer:
    """A printer that knows how differentials are written that are still to be taken."""
    printer.hides_signs = False
    for pending in board.pending:
        for d, part in pending.parts.items():
            printer.memo[d] = Form(ATOM, [opened, (printer.form(part), 0), ")"])
    return printer


def _named(board: Board, printer: Printer, taken: set[str], letters: dict[Expr, str]) -> dict[Expr, str]:
    """The parts that have names, those first that stand in others; a part that repeats within a line makes that line shorter."""
    lines = [form for chain in board.chains for i, line in enumerate(chain.lines)
             if (form := printer.form(line.expression)).length <= UNREADABLE or i in (0, len(chain.lines) - 1)]
    waiting = {d for p in board.pending for d in p.parts}
    changes = {p.change for p in board.pending}

    def has_name(form: Form) -> bool:
        nodes = postorder([form.of]) if form.of is not None else []
        return bool(nodes) and waiting.isdisjoint(nodes) and (form.length > WIDE or changes.isdisjoint(nodes))

    found = {id(f) for line in lines for f in shared(line) if has_name(f)}
    labels = re.findall(r"\w+", " ".join(chain.left for chain in board.chains))
    used = taken.union(labels, *(names_in(line.expression) for chain in board.chains for line in chain.lines))
    names: dict[Expr, str] = {}
    for form in in_order(Form(ATOM, [(line, 0) for line in lines])):
        if id(form) in found and form.of is not None and form.of not in names:
            names[form.of] = letters.get(form.of) or letter_for(form.of, {*used, *names.values()})
    return names
