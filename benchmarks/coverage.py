"""Which derivatives matcalc gives of every function, by every kind of variable, and how each was checked; writes docs/derivatives.md.

    python benchmarks/coverage.py [--dry]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.derivatives import ALL, ARGUMENTS, OPERATIONS, Case, verdict

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "derivatives.md"
ANSWERED = ("exact", "numeric")
VERDICTS = (*ANSWERED, "inconclusive", "refused")
TITLES = {"jacobian": "Jacobian", "index": "index form", "hessian": "Hessian", "jvp": "jvp", "vjp": "vjp"}
Key = tuple[str, str, str]  # an entry of rules/, the kind of its argument, the operation
Table = dict[Key, Counter[str]]

HEAD = """# Every derivative of every function

For each function, each kind of argument that it takes, and each kind of variable in it, matcalc was asked for: {operations}.
This page is written by `python benchmarks/coverage.py`; `tests/test_derivatives.py` measures the same answers one by one, by differences
of values that do not come from the engine, and fails when a count of this page falls.

The argument is the variable itself, and affine in a scalar, a vector and a matrix, with unequal sizes:

| argument | itself | in a scalar | in a vector | in a matrix |
| --- | --- | --- | --- | --- |
{arguments}

The Hessian is that of the sum of the entries. **exact**: proved at random points modulo a prime. **numeric**: agrees with differences of
values. **inconclusive**: floating point could not say. **refused**: there is no rule, and a typed error says so. The number says of how
many variables.
"""


def table() -> Table:
    """How often each verdict was given, by function, argument and operation."""
    found: Table = {}
    for case in ALL:
        for operation in OPERATIONS:
            found.setdefault((case.entry, case.argument, operation), Counter())[kind(verdict(case, operation))] += 1
    return found


def kind(verdict: str) -> str:
    return verdict.split(":")[0]


def page(found: Table) -> str:
    arguments = [f"| {a} | " + " | ".join(f"`{text}`" for text, _ in kinds.values()) + " |" for a, kinds in ARGUMENTS.items()]
    operations = ", ".join(TITLES.values())
    head = HEAD.format(operations=operations, arguments="\n".join(arguments))
    lines = [head, "## Counts", "", *counted(found), "", "## Why not", "", *reasons(), "", "## The table", "", *rows(found)]
    return "\n".join(lines) + "\n"


def counted(found: Table) -> Iterable[str]:
    yield f"{len({e for e, _, _ in found})} functions and overloads, {len(ALL)} cases, {len(ALL) * len(OPERATIONS):,} answers."
    yield ""
    yield "| | " + " | ".join(VERDICTS) + " | answered |"
    yield "| --- |" + " ---: |" * (len(VERDICTS) + 1)
    for operation in OPERATIONS:
        total: Counter[str] = sum((c for (_, _, o), c in found.items() if o == operation), Counter())
        share = sum(total[v] for v in ANSWERED) / sum(total.values())
        yield f"| {TITLES[operation]} | " + " | ".join(str(total[v]) for v in VERDICTS) + f" | {share:.1%} |"


def reasons() -> Iterable[str]:
    """Why there is no answer, how often, and one example."""
    found: dict[tuple[str, str], list[Case]] = {}
    for operation in OPERATIONS:
        for case in ALL:
            said = verdict(case, operation)
            if kind(said) not in ANSWERED:
                found.setdefault((TITLES[operation], said), []).append(case)
    yield "| | verdict | cases | for example |"
    yield "| --- | --- | ---: | --- |"
    for (title, said), cases in found.items():
        yield f"| {title} | {said} | {len(cases)} | `{cases[0].text}` by `{cases[0].wrt}` |"


def rows(found: Table) -> Iterable[str]:
    yield "| function | argument | " + " | ".join(TITLES.values()) + " |"
    yield "| --- | --- |" + " --- |" * len(OPERATIONS)
    for entry, argument in dict.fromkeys((e, a) for e, a, _ in found):
        yield f"| {entry} | {argument} | " + " | ".join(cell(found[entry, argument, o]) for o in OPERATIONS) + " |"


def cell(counts: Counter[str]) -> str:
    """`exact 3, refused 1`."""
    return ", ".join(f"{v} {counts[v]}" for v in VERDICTS if counts[v])


def listed(text: str) -> Table:
    """The table of the page."""
    found: Table = {}
    for line in text.partition("## The table")[2].splitlines()[4:]:
        entry, argument, *cells = (c.strip() for c in line.strip("|").split("|"))
        for operation, inside in zip(OPERATIONS, cells, strict=True):
            found[entry, argument, operation] = Counter({v: int(n) for v, n in re.findall(r"(\w+) (\d+)", inside)})
    return found


def answered(counts: Counter[str]) -> int:
    return sum(counts[v] for v in ANSWERED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    text = page(table())
    print(text.partition("## The table")[0].partition("## Counts")[2])
    if not options.dry:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
