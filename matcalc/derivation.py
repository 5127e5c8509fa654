"""A derivation as it is written on a board: aligned text, aligned LaTeX, or data; and the check of every equation in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .build import build
from .checker import Evidence
from .derive import constrained_of
from .equations import Block, Equations, Row, Waiting, Written, combined
from .errors import CheckFailed, MatcalcError
from .expr import Expr, postorder, symbol, symbols
from .knowledge import known
from .parser import read
from .printers import printed
from .printers.forms import ATOM, Form, in_order, render, shared
from .printers.layout import Printer
from .printers.text import Text, expression_text, letter_for, names_in
from .steps import Board, Names, Question, Reason, board
from .structured import LINEAR, structure_of, structured_both_sides, structured_gradient, structured_rows
from .syntax import Symbol
from .unparse import show

if TYPE_CHECKING:
    from .answer import Answer

WIDE = 240  # characters of a line: a wider one is left out, and its reasons go to the next one
UNREADABLE = 4_000  # of a line whose repeated parts have no names yet
DERIVED = ("read off", "within", "transposed")  # chains of what is read off: signs stand there as in answers
COLUMN = 64  # characters of a formula beside which its reason stands; that of a longer one stands below it


class DerivationStep(NamedTuple):
    """One equation, before = after, and the rule that it comes from. `left` is what both are."""

    left: str
    before: str
    after: str
    rule: str
    words: str
    source: str


class Derivation(Sequence[DerivationStep]):
    """The steps that lead to an answer. Each of its equations is checked before any of them is shown.

    >>> import matcalc as mc
    >>> d = mc.grad("logdet(X)", wrt="X").derivation
    >>> print(d)
    df = d(logdet(X))
       = tr(inv(X) @ dX)    d logdet(X) = tr(inv(X) @ dX)  [cf. Matrix Cookbook eq. 43]
    G  = inv(X).T           df = <G, dX>
    >>> d[0].rule, d[0].after
    ('differential of logdet', 'tr(inv(X) @ dX)')
    """

    def __init__(self, answer: Answer, indexed: Answer | None = None) -> None:
        """`indexed`: an answer in index form that is read off this one."""
        self._answer, self._indexed = answer, indexed
        self._board: Board | None = None
        self._steps: list[DerivationStep] | None = None
        self._evidence: list[Evidence] | None = None
        self._texts: Written | None = None

    # ------------------------------------------------------------ what it says
    def _all(self) -> list[DerivationStep]:
        if self._steps is None:
            self._ensure_checked()
            self._steps = list(_steps(self._written().blocks))
        return self._steps

    def __len__(self) -> int:
        return len(self._all())

    def __getitem__(self, i: Any) -> Any:
        return self._all()[i]

    def __iter__(self) -> Iterator[DerivationStep]:
        return iter(self._all())

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def to_list(self) -> list[dict[str, str]]:
        """The steps, for JSON."""
        return [s._asdict() for s in self]

    def lines(self, format: str = "text") -> list[str]:
        """The equations with their equal signs below each other, and the reasons in a column."""
        return ["".join(cells) for cells in self.cells(format)]

    def cells(self, format: str = "text") -> list[tuple[str, str, str]]:
        """Of every line: the left side with the equal sign, the formula, and the reason, padded to columns."""
        self._ensure_checked()
        blocks = self._in(format).blocks
        room = max([len(b.left) for b in blocks], default=0)
        column = max([len(r.text) for b in blocks for r in b.rows if r.reasons and len(r.text) <= COLUMN], default=0)
        found: list[tuple[str, str, str]] = []
        cite = Citations()
        for block in blocks:
            for i, row in enumerate(block.rows):
                left, why = f"{'' if i else block.left:{room}} = ", cite.said(row.reasons)
                if not why:
                    found.append((left, row.text, ""))
                elif len(row.text) <= COLUMN and len(why) <= WIDE // 2:
                    found.append((left, f"{row.text:{column}}    ", why))
                else:
                    found += [(left, row.text, ""), (" " * len(left), "    ", why)]
        return found

    def latex(self) -> str:
        r"""An `align*` environment for amsmath, one equation a line, the reasons on the right.

        >>> import matcalc as mc
        >>> print(mc.grad("a.T X b", wrt="X", let=["X: matrix(m, n)"]).derivation.latex())
        \begin{align*}
        \mathrm{d}f &= \mathrm{d}\left(a^{\top} X b\right) \\
        &= a^{\top} \mathrm{d}X b && \text{d is linear} \\
        &= \operatorname{tr}\left(b a^{\top} \mathrm{d}X\right) && \text{trace of an outer product} \\
        G &= a b^{\top} && \mathrm{d}f = \langle G, \mathrm{d}X \rangle
        \end{align*}
        """
        self._ensure_checked()
        printer = _printer("latex")()
        rows, cite = [], Citations()
        for block in self._in("latex").blocks:
            left = block.left if block.kind in ("named", "indexed") else _latex_left(block.left, printer)
            for i, row in enumerate(block.rows):
                why = _latex_reasons(row.reasons, printer, cite)
                rows.append(("" if i else f"{left} ") + f"&= {row.text}" + (f" && {why}" if why else ""))
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def _repr_latex_(self) -> str:
        return self.latex()

    # ------------------------------------------------------------ what it is made of
    def _question(self) -> Question:
        answer, derived, of = self._answer, self._answer._derived, self._answer.of
        reading = answer.reading_of_input
        moving = [a.wrt for a in (of, of.first.of if of and of.first else None) if a]
        built = build(reading, frozenset(s.name for s in constrained_of(moving)), keep=True)
        if of is None:
            return Question("simplify", built, derived.path, derived.expression, self._names(), derived.path.wrt, derived.path.wrt)
        cotangent = self._symbol(of.linear_in) if of.op == "vjp" and of.linear_in else None
        change = self._symbol(self._change(of.wrt) if of.op == "vjp" or of.linear_in is None else of.linear_in)
        op, first = of.op, None
        if of.op == "hessian" or of.first is not None:
            before = of.first.of.wrt if of.first is not None and of.first.of is not None else of.wrt
            first = derived.path.wrt, self._symbol(self._change(before))
        wrt = symbols(derived.path.f).get(of.wrt.name, derived.path.wrt)
        names = self._names()
        within = None
        if derived.structure != "free" and of.op != "differential":
            structure = structure_of(of.wrt)
            shape = derived.path.free.shape
            convention = {"jacobian": structured_rows, "hessian": structured_both_sides}.get(of.op, structured_gradient)
            x = next(e for e in [symbol(of.wrt.name, of.wrt.shape, known().closure(of.wrt.properties), wrt.data.rank)])
            formula = convention(derived.structure, structure, symbol(names.free, shape), x)
            words = "by the free entries" if derived.structure == "independent" else "within the matrices of that structure"
            within = f"{of.wrt.name} is {structure}: {words}", formula
        transposed = of.layout == "denominator" and of.is_matrix and of.op == "jacobian"
        return Question(op, built, derived.path, derived.expression, names, wrt, change, cotangent, first, within, transposed)

    def _taken(self) -> set[str]:
        return {*self._answer.known_symbols(), *self._answer.reading_of_input.dims, *known().functions, *known().language().aliases}

    def _names(self) -> Names:
        taken = self._taken()
        of = self._answer.of
        capital = 1 not in self._answer.reading_of_input.root.shape
        second = of is not None and (of.op == "hessian" or of.first is not None)
        j = "J" if of is not None and of.op == "jacobian" and not second else "G"
        derivative = _fresh(j, taken)
        return Names(_fresh("F" if capital else "f", taken), derivative, _fresh("H", taken), _fresh(f"{'H' if second else j}_free", taken))

    def _change(self, variable: Symbol) -> Symbol:
        """dX, of which nothing is known; the same for both derivatives where there are two."""
        of = self._answer.of
        own = {of.linear_in.name} if of and of.linear_in and of.first else set()
        plain = f"d{variable.name}"
        name = _fresh(plain, self._taken() - own)
        return Symbol(name, variable.shape, spelled=f"d{variable.spelled}{name.removeprefix(plain)}" if variable.spelled else "")

    def _symbol(self, s: Symbol) -> Expr:
        return symbol(s.name, s.shape, known().closure(s.properties), len(self._answer.reading_of_input.symbols) + 1, s.spelled)

    def _written(self) -> Written:
        """The board in our own notation: this is what is checked, and what decides which parts have names."""
        if self._texts is None:
            self._texts = self._in("text")
        return self._texts

    def _in(self, format: str) -> Written:
        if self._board is None:
            self._board = board(self._question())
        answer = self._answer
        reading, derived = answer.reading_of_input, answer._derived
        sums = [node for node in postorder([derived.path.f]) if node.op == "add"]  # each difference has one sign in all lines
        read_as = show(reading.root, reading.symbols) if format == "text" else ""
        texts = written(self._board, format, reading.decimals, [*derived.typed, *sums], derived.typed, self._taken(), read_as)
        if self._indexed is not None:
            left, _, entries = self._indexed.to(format).partition(" = ")
            texts.blocks.append(Block(left, "indexed", [Row(entries, (Reason("entries", "entry by entry"),))]))
            return texts
        last, form = texts.blocks[-1], answer.to(format)
        if form != last.rows[-1].text and " where " not in form and "aligned" not in form:
            named = any(re.search(rf"(?<!\w){re.escape(b.left)}(?!\w)", last.rows[-1].text) for b in texts.blocks if b.kind == "named")
            last.rows.append(Row(form, (Reason("written out", "written out") if named else Reason("signs", "signs"),)))
        return texts

    # ------------------------------------------------------------ evidence
    def check(self) -> list[Evidence]:
        """The evidence for every equation, in the order of the steps: evaluated at random points with a free change of the variable;
        with one that stays in the variable's structure where a function is defined only there."""
        if self._evidence is None:
            self._evidence = self._equations().evidence()
            if self._answer.structure != "free" and any(e.verdict is False for e in self._evidence):
                self._evidence = self._equations(within=True).evidence()
        return self._evidence

    def summary(self) -> str:
        """What the check of the steps found, in a line."""
        found = self.check()
        weakest = combined(found)
        if weakest.verdict is not True:
            return f"steps: not every equation is checked: {weakest}"
        return f"steps checked, every equation: {' or '.join(sorted({e.kind for e in found})) or 'none'}"

    def _equations(self, within: bool = False) -> Equations:
        answer, texts = self._answer, self._written()
        assert self._board is not None
        read_as = dict(answer.known_symbols())
        for pending in self._board.pending:
            name = pending.change.data.name
            properties = LINEAR & known().closure(read_as[pending.wrt.data.name].properties) if within else ()
            read_as.setdefault(name, Symbol(name, pending.change.shape, frozenset(properties), spelled=pending.change.data.spelled))
        shown = answer if self._indexed is None else self._indexed
        return Equations(answer.reading_of_input, read_as, shown.evidence, texts, answer.structure)

    def _ensure_checked(self) -> None:
        answer = self._answer if self._indexed is None else self._indexed
        answer._ensure_checked()
        if not answer._wants_check:
            return
        for evidence in self.check():
            if evidence.verdict is False:
                detail = f"{evidence.reason}\nthe answer itself was checked; please report this with the command"
                raise CheckFailed("matcalc found a step of its own derivation wrong and withholds it", detail=detail).at(answer.request)


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _steps(blocks: list[Block]) -> Iterator[DerivationStep]:
    before = ""
    for block in blocks:
        for i, row in enumerate(block.rows):
            if i or block.kind not in ("value", "differential"):
                rule, words = ("; ".join(filter(None, (getattr(r, k) for r in row.reasons))) for k in ("rule", "words"))
                start = before if i or block.kind != "named" else block.left
                yield DerivationStep(block.left, start, row.text, rule, words, "; ".join(filter(None, (r.source for r in row.reasons))))
            before = row.text


# ---------------------------------------------------------------- a board in a format
def _printer(format: str) -> type[Printer]:
    from .printers import _printer as of_format

    return of_format(format)


def written(board: Board, format: str, decimals: bool, typed: Sequence[Expr], answers: Sequence[Expr], taken: set[str],
            read_as: str = "") -> Written:
    """The lines of a board, what repeats within one of them named, those left out that say nothing new or nobody would read.
    `typed`, `answers`: the sums whose signs stay as they are, in f and its differential, and in what is read off.
    `read_as`: the expression as it was typed, where it can be shown so."""
    text = _laid_out(Text(decimals, typed), board, "d(")
    names = _named(board, text, taken)
    opened = r"\mathrm{d}(" if format == "latex" else "d("
    printer = text if format == "text" else _laid_out(_printer(format)(decimals, typed), board, opened)
    of_answers = printer if any(part.op == "add" for part in names) else _printer(format)(decimals, answers)
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


def _named(board: Board, printer: Printer, taken: set[str]) -> dict[Expr, str]:
    """The parts that have names, those first that stand in others; a part that repeats within a line makes that line shorter."""
    lines = [form for chain in board.chains for i, line in enumerate(chain.lines)
             if (form := printer.form(line.expression)).length <= UNREADABLE or i in (0, len(chain.lines) - 1)]
    waiting = {d for p in board.pending for d in p.parts}
    changes = {p.change for p in board.pending}

    def has_name(form: Form) -> bool:
        nodes = postorder([form.of]) if form.of is not None else []
        return bool(nodes) and waiting.isdisjoint(nodes) and (form.length > WIDE or changes.isdisjoint(nodes))

    found = {id(f) for line in lines for f in shared(line) if has_name(f)}
    used = taken.union(*(names_in(line.expression) for chain in board.chains for line in chain.lines))
    names: dict[Expr, str] = {}
    for form in in_order(Form(ATOM, [(line, 0) for line in lines])):
        if id(form) in found and form.of is not None and form.of not in names:
            names[form.of] = letter_for(form.of, {*used, *names.values()})
    return names


class Citations:
    """Reasons in words, each with its source where it is named first."""

    def __init__(self) -> None:
        self._seen: set[Reason] = set()

    def said(self, reasons: Sequence[Reason]) -> str:
        return ", ".join(dict.fromkeys(r.words + self.source(r) for r in reasons if r.words))

    def source(self, reason: Reason) -> str:
        if not reason.source or reason in self._seen:
            return ""
        self._seen.add(reason)
        return f"  [{cited(reason.source)}]"


def cited(source: str) -> str:
    """The first place that a source names, in short.

    >>> cited("Matrix Cookbook (2012-11-15) eq. 40 (number recalled); Giles 2008 (NA-08/01) sec. 2.2.3")
    'cf. Matrix Cookbook eq. 40'
    """
    first = source.split(";")[0].replace("(2012-11-15) ", "").strip()
    return ("cf. " if "recalled" in first else "") + re.sub(r" \((number |from )?recalled[^)]*\)", "", first)


def _latex_left(left: str, printer: Printer) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda m: r"\operatorname{vec}" if m[0] == "vec" else _latex_name(m[0], printer), left).replace(
        ".T", r"^{\top}").replace("<", r"\langle ").replace(">", r" \rangle")


def _latex_name(name: str, printer: Printer) -> str:
    return rf"\mathrm{{d}}{printer.name(name[1:])}" if name[0] == "d" and len(name) > 1 else printer.name(name)


def _latex_reasons(reasons: Sequence[Reason], printer: Printer, cite: Citations) -> str:
    found = []
    for r in reasons:
        if r.rule == "read off":
            found.append(_latex_left(re.sub(r" [@*] ", r" \\, ", r.words), printer))
        elif r.words:
            formula = _latex_formula(r.words)
            words = _plain("" if formula else r.rule if _FORMULA.search(r.words) else r.words)
            where = _plain(cite.source(r).strip())
            text = " ".join(filter(None, (words, where)))
            found.append(formula + (r"\ " if formula and text else "") + (rf"\text{{{text}}}" if text else ""))
    return r",\ ".join(dict.fromkeys(found))


_FORMULA = re.compile(r"[=*@^<>_()]")


def _latex_formula(words: str) -> str:
    """A rule as a formula, if it is one that our notation says as it stands; `d` in front is the differential."""
    sides = []
    for side in words.split(" = "):
        text, opened = (side[2:], r"\mathrm{d}\,") if side.startswith("d ") else (side, "")
        change = [f"d{name}: vector(n)" for name in ("x",) if f"d{name}" in text]
        try:
            e = build(read(text, known().language(), [*change, *(["x: vector(n)"] if change else [])]))
        except MatcalcError:
            return ""
        if expression_text(e) != text:
            return ""
        sides.append(opened + printed(e, "latex"))
    return " = ".join(sides) if len(sides) == 2 else ""


def _plain(text: str) -> str:
    """Words as LaTeX sets them."""
    return re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", "/")).replace("~", " ").replace("^", " ")
