"""A derivation as a caller gets it: aligned text, aligned LaTeX, or data, and the evidence for every equation in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .board import Board, Names, Question, board
from .build import build
from .checker import Evidence
from .citations import Citations, latex_left, latex_reasons
from .derive import constrained_of
from .equations import Equations, combined
from .errors import CheckFailed
from .expr import Expr, postorder, symbol, symbols
from .knowledge import known
from .printers import printer_of
from .printers.text import named_parts
from .steps import Reason
from .structured import LINEAR, structure_of, structured_both_sides, structured_gradient, structured_rows
from .syntax import Symbol
from .unparse import show
from .written import WIDE, Block, Row, Written, written

if TYPE_CHECKING:
    from .answer import Answer

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
        r"""An `align*` environment for amsmath, one equation a line, the reasons on the right; long sources are comments.

        >>> import matcalc as mc
        >>> print(mc.grad("a.T X b", wrt="X", let=["X: matrix(m, n)"]).derivation.latex())
        \begin{align*}
        \mathrm{d}f &= \mathrm{d}\left(a^{\top} X b\right) \\
        &= a^{\top} \, \mathrm{d}X b && \text{d is linear} \\
        &= \operatorname{tr}\left(b a^{\top} \, \mathrm{d}X\right) && \text{trace of an outer product} \\
        G &= a b^{\top} && \mathrm{d}f = \langle G, \mathrm{d}X \rangle
        \end{align*}
        """
        self._ensure_checked()
        printer = printer_of("latex")()
        rows: list[tuple[str, str]] = []
        cite = Citations()
        for block in self._in("latex").blocks:
            left = block.left if block.kind in ("named", "indexed") else latex_left(block.left, printer)
            for i, row in enumerate(block.rows):
                why, sources = latex_reasons(row.reasons, printer, cite)
                cells = ("" if i else f"{left} ") + f"&= {row.text}" + (f" && {why}" if why else "")
                rows.append((cells, f" % {sources}" if sources else ""))
        lines = [row + (r" \\" if i < len(rows) else "") + sources for i, (row, sources) in enumerate(rows, 1)]
        return "\n".join([r"\begin{align*}", *lines, r"\end{align*}"])

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
            x = symbol(of.wrt.name, of.wrt.shape, known().closure(of.wrt.properties), wrt.data.rank)
            formula = convention(derived.structure, structure, symbol(names.free, shape), x)
            words = "by the free entries" if derived.structure == "independent" else "within the matrices of that structure"
            within = f"{of.wrt.spelled or of.wrt.name} is {structure}: {words}", formula
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
        if of is not None and derivative != j:
            derivative = _fresh(f"{j}_{of.wrt.name}", taken)  # beside the G that arrives, the one for Q
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
        taken, letters = self._names_of_parts()
        texts = written(self._board, format, reading.decimals, [*derived.typed, *sums], derived.typed, taken, letters, read_as)
        if self._indexed is not None:
            left, _, entries = self._indexed.to(format).partition(" = ")
            texts.blocks.append(Block(left, "indexed", [Row(entries, (Reason("entries", "entry by entry"),))]))
            return texts
        last, form = texts.blocks[-1], answer.to(format)
        if form != last.rows[-1].text and " where " not in form and "aligned" not in form:
            named = any(re.search(rf"(?<!\w){re.escape(b.left)}(?!\w)", last.rows[-1].text) for b in texts.blocks if b.kind == "named")
            last.rows.append(Row(form, (Reason("written out", "written out") if named else Reason("signs", "signs"),)))
        return texts

    def _names_of_parts(self) -> tuple[set[str], dict[Expr, str]]:
        """The names in use, those behind `where` in the answer too; and what these stand for: the steps call it the same."""
        answer, derived = self._answer, self._answer._derived
        if self._indexed is not None:
            return self._taken() | set(re.findall(r"(\w+) = ", str(self._indexed).partition(" where ")[2])), {}
        _, names, parts = named_parts([derived.expression], answer.reading_of_input.decimals, derived.typed, answer._taken())
        letters = {part.of: names[id(part)] for part in parts if part.of is not None}
        return self._taken() | {*letters.values()}, letters

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
