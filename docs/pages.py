"""Writes the pages that are made from data: cookbook.md and derivations.md from problems and our own answers, rules.md from rules/.

    python docs/pages.py            writes them
    python docs/pages.py --check    says which are out of date
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matcalc as mc
from matcalc.checker import Evidence, verify_equal, verify_index
from matcalc.display import Asked, Place, emit, show_answers
from matcalc.knowledge import Function, known
from matcalc.parser import read
from matcalc.syntax import Reading

DOCS = Path(__file__).resolve().parent
FIRST, LAST = 33, 142


# ---------------------------------------------------------------- the answers
class Case:
    """One problem of an equation; its answers are found when they are first asked for."""

    def __init__(self, table: dict[str, Any], let: list[str], *, relaxed: bool) -> None:
        self.number: int = table["number"]
        self.table, self.let = table, let
        self.relaxed = relaxed  # without the declarations that the book's form needs

    @cached_property
    def answers(self) -> list[Any]:
        """One for each variable."""
        table = self.table
        op, options = table.get("op", "grad"), {"structure": table["structure"]} if "structure" in table else {}
        if op == "index":
            op, options["form"] = "jacobian", "index"
        found = [getattr(mc, op)(table["expr"], wrt, self.let, **options) for wrt in listed(table["wrt"])]
        if "then" in table:
            found = [mc.simplify(re.sub(r"\bG\b", f"({answer})", table["then"]), self.let) for answer in found]
        return found

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(str(answer) for answer in self.answers)

    @property
    def evidence(self) -> list[Evidence]:
        return [a.evidence for a in self.answers]

    @property
    def checked(self) -> str:
        """exact, numeric; or, if an answer is not confirmed, the evidence in words."""
        doubtful = [e for e in self.evidence if e.verdict is not True]
        return str(doubtful[0]) if doubtful else "numeric" if any(e.kind == "numeric" for e in self.evidence) else "exact"

    @property
    def stated(self) -> tuple[str, ...]:
        return listed(self.table.get("stated", ()))

    def is_as_stated(self) -> bool | None:
        """Does the book's form have the value of the answer? None where there is none, or nothing can tell."""
        return self._all(self.stated)

    def is_as_printed(self) -> bool | None:
        """Does the form that is thought to be a misprint have the value of the answer?"""
        return self._all(listed(self.table.get("misprint", ())))

    def _all(self, forms: Sequence[str]) -> bool | None:
        found = [self._holds(answer, form) for answer, form in zip(self.answers, forms, strict=True)] if forms else [None]
        return None if None in found else all(found)

    def _holds(self, answer: Any, form: str) -> bool | None:
        if self.table.get("op") == "index":
            wrt = self.table["wrt"]
            change = next(d for d in self.let if d.startswith(f"{wrt}:")).replace(f"{wrt}:", f"d{wrt}:")
            differential = self._read(str(mc.differential(self.table["expr"], wrt, self.let)), change)
            return verify_index(differential, (wrt, f"d{wrt}"), form, self._read).verdict
        if answer.equals(form):
            return True
        return verify_equal(self._read(str(answer)), self._read(form)).verdict

    def _read(self, text: str, *more: str) -> Reading:
        return read(text, known().language(), [*self.let, *more])


def listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@cache
def sections() -> list[dict[str, Any]]:
    return tomllib.loads((DOCS / "cookbook.toml").read_text(encoding="utf-8"))["section"]  # type: ignore[no-any-return]


def equations() -> list[dict[str, Any]]:
    return [table for section in sections() for table in section["equation"]]


@cache
def cases() -> list[Case]:
    return [case for table in equations() if "out_of_scope" not in table for case in _cases(table)]


def _cases(table: dict[str, Any]) -> Iterator[Case]:
    yield Case(table, table["let"], relaxed=False)
    if "relaxed" in table:
        instead = {name_of(d): d for d in table["relaxed"]}
        yield Case(table, [instead.get(name_of(d), d) for d in table["let"]], relaxed=True)


def name_of(declaration: str) -> str:
    return declaration.partition(":")[0].strip()


class Counts(NamedTuple):
    """How many equations, and which."""

    total: int
    exact: list[int]
    numeric: list[int]
    agreeing: list[int]
    corrected: list[int]
    out_of_scope: list[int]

    @property
    def answered(self) -> int:
        return len(self.exact) + len(self.numeric)


@cache
def counts() -> Counts:
    """An equation counts once, and as the weakest of its cases."""
    numbers = sorted({e["number"] for e in equations()})
    of = {n: [c for c in cases() if c.number == n] for n in numbers}
    checked = {n: {c.checked for c in found} for n, found in of.items() if found}
    agreeing = [n for n, found in of.items() if all([c.is_as_stated() for c in found if c.stated and not c.relaxed] or [False])]
    return Counts(
        total=len(numbers),
        exact=[n for n, words in checked.items() if words == {"exact"}],
        numeric=[n for n, words in checked.items() if "numeric" in words and words <= {"exact", "numeric"}],
        agreeing=agreeing,
        corrected=sorted({e["number"] for e in equations() if "correction" in e}),
        out_of_scope=sorted({e["number"] for e in equations() if "out_of_scope" in e}),
    )


# ---------------------------------------------------------------- cookbook.md
COOKBOOK = """# The Matrix Cookbook, equation by equation

K. B. Petersen & M. S. Pedersen, *The Matrix Cookbook*, version of 15 November 2012: equations {first} to {last}, all of chapter 2 but
Toeplitz matrices (143 and 144, for which there is no declaration). Every answer below is what matcalc prints, and was checked against the
problem first: **exact**, by arithmetic without rounding at random points, or **numeric**, in floating point. The last column compares it
with the form that the book states: the same text, or another text that evaluation finds equal (=). By hand are only the problems and the
book's forms, which are in [cookbook.toml](cookbook.toml), with all sizes; `python docs/pages.py` writes the page, and a test fails when
an answer changes.

| equations | | |
| --- | ---: | --- |
| all | {total} | {first} to {last} |
| answered and checked | {answered} | {exact} exact, {numeric} numeric ({numeric_list}) |
| equal to the book's form | {agreeing} | {others} |
| corrected | {corrected} | {corrected_list}: see the notes |
| out of scope | {out} | {out_list} |

How to read the tables:

- A problem is a gradient, unless it says *d* (the differential: `dX` is a small change of X), *Jacobian* (by entries where the book has it
  so), *Hessian* or *vjp* (`G` is the gradient by the value). Capitals are matrices, lower-case letters vectors, `c` and `t` scalars.
  Sizes are whatever fits: matrices are square only where they must be. `adj` is the adjugate, `adj(X) = det(X) * inv(X)`: an answer with
  it holds at singular X, too.
- Numbers without a star are quoted beside their formula by SymPy's tests (`test_derivatives.py`), by a formalisation of the book in Lean
  (`eric-wieser/lean-matrix-cookbook`), or by the Tensor Cookbook. Those with a star were found by counting, between two of the others, in
  the transcription of the book that comes with that formalisation and was made by machine. No number is from memory.
- That transcription is all that we have of 92 and 95: what is corrected there may be its fault, and not the book's.
- Where the book has any function or any exponent, a note says which was asked here.
- Where the book needs a declaration (*A symmetric*), the next line drops it: the answer is another, and the book's form is wrong (≠).
"""

VERBS = {"grad": "", "differential": "*d* ", "jacobian": "*Jacobian* ", "index": "*Jacobian* ", "hessian": "*Hessian* ", "vjp": "*vjp* "}


def cookbook() -> str:
    c = counts()
    lists = {"numeric": c.numeric, "agreeing": c.agreeing, "corrected": c.corrected, "out": c.out_of_scope}
    numbers = {name: len(found) for name, found in lists.items()} | {f"{name}_list": spans(found) for name, found in lists.items()}
    head = COOKBOOK.format(first=FIRST, last=LAST, total=c.total, answered=c.answered, exact=len(c.exact), others=_others(c), **numbers)
    return "\n".join([head, *(line for section in sections() for line in _section(section))]).rstrip() + "\n"


def _others(c: Counts) -> str:
    missing = sorted({*c.exact, *c.numeric} - {*c.agreeing})
    return f"all that are answered{f' but {spans(missing)}' if missing else ''}; {spans(c.corrected)} as corrected"


def spans(numbers: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> 1 to 3, 7."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}, {r[1]}" if len(r) == 2 else f"{r[0]} to {r[-1]}" for r in runs)


def _section(section: dict[str, Any]) -> Iterator[str]:
    tables = section["equation"]
    yield from (f"## {section['title']} ({spans(sorted({t['number'] for t in tables}))})", "")
    if "says" in section:
        yield from (section["says"], "")
    yield from ("| eq. | problem | answer | checked | in the book |", "| ---: | --- | --- | --- | --- |")
    for table in tables:
        yield from _rows(table)
    notes = [note for table in tables for note in _notes(table)]
    yield from (["", *notes, ""] if notes else [""])


def _rows(table: dict[str, Any]) -> Iterator[str]:
    number = f"{table['number']}{'*' if table.get('counted') else ''}"
    if "out_of_scope" in table:
        yield row(number, "*out of scope*: " + table["out_of_scope"], "", "", "")
    for case in [c for c in cases() if c.table is table]:
        yield row("" if case.relaxed else number, _problem(case), " + ".join(code(s) for s in case.shown), case.checked, _compared(case))


def row(*cells: str) -> str:
    return "|" + "".join(f" {c.replace('|', chr(92) + '|')} |" if c else " |" for c in cells)


def code(text: str) -> str:
    return f"`{text}`"


def _problem(case: Case) -> str:
    table = case.table
    text = f"{VERBS[table.get('op', 'grad')]}{code(table['expr'])} by {' and '.join(listed(table['wrt']))}"
    if "then" in table:
        text = f"{code(table['then'])}, where G is the gradient of {text}"
    before = {name_of(d): declaration_words(d) for d in table["let"]}
    names: dict[str, list[str]] = {}  # by what is said of them
    for d in case.let:
        name, words = name_of(d), declaration_words(d)
        said = f"not {before[name]}" if words != before[name] else words
        names.setdefault(said, []).append(name)
    return ", ".join([text, *(f"{' and '.join(found)} {words}" for words, found in names.items() if words)])


def declaration_words(declaration: str) -> str:
    """`A: matrix(n, n) symmetric` -> symmetric."""
    return re.sub(r"^.*?:\s*(scalar|\w+\([^)]*\))\s*", "", declaration).strip()


def _compared(case: Case) -> str:
    if not case.stated:
        return ""
    verdict = case.is_as_stated()
    if case.relaxed and verdict is False:
        return "≠ the form above"
    if verdict and case.shown == case.stated:
        return "the same"
    return {True: "= ", False: "≠ ", None: "? "}[verdict] + " + ".join(code(s) for s in case.stated)


def _notes(table: dict[str, Any]) -> Iterator[str]:
    parts = [table["note"]] if "note" in table else []
    if "correction" in table:
        parts.append(f"**corrected**: {table['correction']}")
    if "misprint" in table:
        parts.append(f"as printed, {code(table['misprint'])}, it is wrong")
    if parts:
        yield f"- {table['number']}: {'; '.join(parts)}."


# ---------------------------------------------------------------- rules.md
RULES = """# The functions, and their derivatives

What matcalc knows of every function, as it stands in [rules/](../rules/README.md), and where it comes from. `python docs/pages.py` writes
this page, and a test fails when it is out of date. Each line is tested: the derivative against measured differences, at unequal sizes.

- An argument without a kind is a scalar, a vector or a matrix, and so is the value where none is said.
- *f'* is the derivative of a function that applies to every entry. *d* is the differential: linear in `dX`, a small change of X. *d tr* is
  the differential of the trace, where that is shorter. A function that *is* something else is replaced by it at once.
- What is linear or bilinear in the notation itself (`+ - @ * .T tr sum mean diag diagv kron vec`, slices) needs no line here.
- From these, the gradient and the pullback follow by transposition, and the Jacobian and the Hessian by writing the differential with
  `vec`.
"""
TITLES = {"elementwise": "Entry by entry", "linalg": "Of matrices", "norms": "Norms",
          "reductions": "Of all entries, or of each row or column"}
ROLES = {"matrix power": "that of the product of k factors"}


def rules() -> str:
    found = [f for overloads in known().functions.values() for f in overloads if f.where.file.startswith("rules/functions/")]
    helpers = [f for f in found if f.get("written_out")]
    lines = [RULES]
    for name in dict.fromkeys(Path(f.where.file).stem for f in found):
        here = [f for f in found if Path(f.where.file).stem == name and f not in helpers]
        lines += [f"## {TITLES.get(name, name.capitalize())}", "", *_table("derivative", _calculus, here), ""]
    if helpers:
        lines += ["## Names that rules use", "", "These stand in the rules above, and are written out in answers.", ""]
        lines += _table("written out", lambda f: code(f.get("written_out")), helpers)
    return "\n".join(lines).rstrip() + "\n"


def _table(title: str, shown: Callable[[Function], str], functions: Sequence[Function]) -> list[str]:
    head = [row("function", title, "where", "source"), "| --- | --- | --- | --- |"]
    return head + [row(code(_signature(f)), shown(f), _where(f), f.source) for f in functions]


def _signature(f: Function) -> str:
    """Without what goes without saying: a value like the argument, of any kind."""
    return re.sub(r" -> like\(\w+\)$|: any\b", "", f.get("signature"))


def _calculus(f: Function) -> str:
    words = {"derivative": "*f'*", "differential": "*d*", "trace_differential": "*d tr*", "definition": "is"}
    lines = [f"{word} {code(f.get(key))}" for key, word in words.items() if f.get(key)]
    return "; ".join(lines) or ROLES.get(f.get("role"), "none")


def _where(f: Function) -> str:
    """Where it is defined, where the derivative is one, and what is taken where it is not."""
    smooth, kink = _joined(f.words("smooth")), f.get("kink")
    parts = [_joined(f.words("domain")), smooth and f"smooth if {smooth}", kink and f"at kinks: {kink}"]
    return "; ".join(filter(None, parts))


def _joined(conditions: Sequence[str]) -> str:
    """Conditions in words; a declaration as it is read: X is invertible."""
    return " and ".join(re.sub(r"^(\w+): (\w+)$", r"\1 is \2", c) for c in conditions)


# ---------------------------------------------------------------- derivations.md
DERIVATIONS = """# Derivations

`--steps` on the command line, and `d.derivation` in Python, show how an answer comes about, as it would be written on a board. Below are
{count} classics as they print. They stand in [derivations.toml](derivations.toml), `python docs/pages.py` writes this page, and a test
checks every equation in it, not only the last ones.

How to read a derivation:

- A name for a part (`s = X @ w`) comes first, where a part repeats within a line.
- `f` is the expression, if it was rewritten before it was differentiated.
- `df` is its differential. `d(...)` is one that is still to be taken; a line takes one layer: all that is linear, and one rule for every
  function. On the right stand the rules, with the place where each can be looked up, named once (*cf.*: the number is from memory).
- The last line of `df` is `<G, dX>`, the inner product of the gradient with the change: `G.T @ dx`, `tr(G.T @ dX)`. So `G` is read off it.
  A Jacobian is read off `vec(dF) = J @ vec(dX)`, a Hessian off `dG = H @ dx`.
- Then the answer is simplified, by common factors and by the identities of [rules/](../rules/README.md), three lines at the most: more
  rewrites share a line, and all are named.
- The gradient by a symmetric, triangular ... matrix is `G_free` first, as if all entries varied; then it is brought into the structure.

Every equation is checked before any of them is shown, like an answer: exactly where that is possible, and with `dX` as a variable of its
own. What is checked is the text that you read, with every `d(...)` in it evaluated; and every `d(...)` is checked to be the differential
of what stands in it.

```python
>>> import matcalc as mc
>>> d = mc.grad("a.T inv(X) b", wrt="X").derivation
>>> d[0].rule, d[0].after
('differential of inv', '-a.T @ inv(X) @ dX @ inv(X) @ b')
>>> d[0].source
'Matrix Cookbook (2012-11-15) eq. 40 (number recalled); Giles 2008 (NA-08/01) sec. 2.2.3 (number recalled)'
>>> {{str(evidence) for evidence in d.check()}}
{{'exact, 3 points'}}
>>> print(d.latex())
{latex}

```

The LaTeX needs amsmath, and `--steps --to latex` prints it alone. With `--to json` the steps are the field `derivation`
([schema](schema.json)).
"""


class Classic(NamedTuple):
    """One problem whose derivation is shown."""

    title: str
    expr: str
    wrt: str
    verb: str = "grad"
    let: tuple[str, ...] = ()
    says: str = ""

    @property
    def answer(self) -> Any:
        return getattr(mc, self.verb)(self.expr, self.wrt, self.let)

    @property
    def command(self) -> str:
        declared = "".join(f' --let "{d}"' for d in self.let)
        return f'matcalc {self.verb} "{self.expr}" --wrt {self.wrt}{declared} --steps'


@cache
def classics() -> list[Classic]:
    tables = tomllib.loads((DOCS / "derivations.toml").read_text(encoding="utf-8"))["classic"]
    return [Classic(**{**table, "let": tuple(table.get("let", ()))}) for table in tables]


def derivations() -> str:
    example = mc.grad("a.T inv(X) b", wrt="X").derivation.latex()
    lines = [DERIVATIONS.format(count={20: "twenty"}.get(len(classics()), len(classics())), latex=example)]
    for classic in classics():
        asked = Asked(classic.verb, {"wrt": (classic.wrt,), "steps": True}, (), Place(emit))
        shown = show_answers(asked, classic.expr, [classic.answer], 0.0)
        lines += [f"## {classic.title}", "", *([classic.says, ""] if classic.says else [])]
        lines += ["```", f"$ {classic.command}", *shown.out, *shown.err, "```", ""]
    return "\n".join(lines).rstrip() + "\n"


# ---------------------------------------------------------------- the command
PAGES: dict[str, Callable[[], str]] = {"cookbook.md": cookbook, "rules.md": rules, "derivations.md": derivations}


def out_of_date() -> list[str]:
    return [name for name, page in PAGES.items() if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != page()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    if parser.parse_args().check:
        stale = out_of_date()
        print("\n".join(f"docs/{name} is out of date: python docs/pages.py" for name in stale), end="\n" if stale else "")
        return 1 if stale else 0
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
