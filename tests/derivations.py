"""Derivations of real problems, every equation of them checked.

    python -m tests.derivations              all of tests/corpus, in every way in which they can be differentiated
    python -m tests.derivations FOLDER       the corpus of a folder
    python -m tests.derivations 1000         that many random expressions
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matcalc as mc
from tests.oracle.random_expressions import problem

CORPUS = Path(__file__).parent / "corpus"
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("grad", {}), ("grad", {"structure": "free"}), ("grad", {"structure": "independent"}), ("jacobian", {}),
    ("jacobian", {"layout": "denominator"}), ("jacobian", {"form": "index"}), ("hessian", {}), ("differential", {}), ("vjp", {}),
    ("hvp", {})]


class Asked(NamedTuple):
    """One problem, differentiated in one way."""

    name: str
    verb: str
    expr: str
    wrt: Any
    let: tuple[str, ...]
    options: dict[str, Any]

    @property
    def answer(self) -> Any:
        """The answer, or None if there is none in this way."""
        try:
            found = getattr(mc, self.verb)(self.expr, self.wrt, self.let, **self.options)
            str(found)
        except mc.MatcalcError:
            return None
        return found[0] if isinstance(found, list) else found


def problems(folder: Path = CORPUS) -> list[dict[str, Any]]:
    return [case for path in sorted(folder.glob("*.toml")) for case in tomllib.loads(path.read_text(encoding="utf-8")).get("case", [])]


def every_way(cases: Sequence[dict[str, Any]]) -> Iterator[Asked]:
    for case in cases:
        for verb, options in WAYS:
            name = " ".join([case["id"], verb, *(str(v) for v in options.values())])
            yield Asked(name, verb, case["expr"], case["wrt"], tuple(case["let"]), options)
        others = [name for d in case["let"] if (name := d.partition(":")[0].strip()) != case["wrt"]]
        if others:
            yield Asked(f"{case['id']} mixed", "hessian", case["expr"], [case["wrt"], others[0]], tuple(case["let"]), {"structure": "free"})


def at_random(count: int, seed: int = 0) -> Iterator[Asked]:
    """Expressions with every function of rules/ in them."""
    for i in range(count):
        found = problem(f"{seed}:{i}", ("grad", "jacobian", "hessian")[i % 3])
        yield Asked(f"{found.op} {found.text}", found.op, found.text, found.wrt, tuple(found.let), {})


def faults(answer: Any) -> list[str]:
    """The steps that are not confirmed, in words."""
    found = answer.derivation.check()
    return [f"{evidence}: step {i + 1}" for i, evidence in enumerate(found) if evidence.verdict is not True]


def main(which: Iterable[Asked]) -> int:
    count: Counter[str] = Counter()
    for asked in which:
        answer = asked.answer
        if answer is None:
            count["no answer in this way"] += 1
            continue
        if answer.evidence.verdict is not True:
            count["answer itself not confirmed"] += 1
            continue
        wrong = faults(answer)
        count["not confirmed" if wrong else "confirmed"] += 1
        if wrong:
            print(asked.name, asked.expr, asked.let, wrong[0], "", sep="\n")
    print(dict(count))
    return 1 if count["not confirmed"] else 0


if __name__ == "__main__":
    asked_for = sys.argv[1] if len(sys.argv) > 1 else str(CORPUS)
    sys.exit(main(at_random(int(asked_for)) if asked_for.isdigit() else every_way(problems(Path(asked_for)))))
