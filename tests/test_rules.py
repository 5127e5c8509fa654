"""Every entry of rules/ is tested by being there: measured at unequal sizes, against evaluation that shares nothing with the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from matcalc.cost import cost
from matcalc.identities import compiled
from matcalc.knowledge import Function, Identity, PropertyRule, folder, known
from matcalc.rulecheck import check

ENTRIES = known().entries()
EXERCISED: dict[str, int] = {}


def name(entry: Function | Identity | PropertyRule) -> str:
    return f"{entry.kind}:{entry.entry if isinstance(entry, Function) else entry.name}"


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_entry_holds(entry: Function | Identity | PropertyRule) -> None:
    result = check(entry)
    assert result.evidence.verdict is True, f"{entry.where}: {entry.text}: {result.evidence} {result.evidence.reason}"
    assert result.cases > 0
    EXERCISED[entry.kind] = EXERCISED.get(entry.kind, 0) + 1


@pytest.mark.parametrize("entry", [e for e in ENTRIES if isinstance(e, Identity) and e.kind == "simplify"], ids=name)
def test_a_simplification_costs_less_on_the_right(entry: Identity) -> None:
    rewrites = compiled(entry)
    assert rewrites, f"{entry.text} says nothing that the operators do not know"
    matrices = [r for r in rewrites if not all(v.is_scalar for v in r.pattern.variables)] or rewrites  # norm1 of a number is abs
    for r in matrices:
        assert r.right is not None
        assert cost(r.right) < cost(r.pattern.left), entry.text


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_entry_has_a_source(entry: Function | Identity | PropertyRule) -> None:
    assert entry.source, f"{entry.where}: {entry.name}"
    assert entry.where.line > 0


def test_no_entry_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    lines = sum(1 for path in Path(folder()).rglob("*.toml") for line in path.read_text().splitlines()
                if (line.startswith("[") and path.parent.name == "functions")
                or (("->" in line or " : " in line) and "=" in line and path.parent.name != "functions" and not line.startswith("#")))
    assert lines == len(ENTRIES)
    with capsys.disabled():
        print("\nrules exercised:", ", ".join(f"{n} {kind}" for kind, n in sorted(EXERCISED.items())))


def test_a_wrong_rule_is_caught(tmp_path: Path) -> None:
    import matcalc as mc

    for broken in ('[f]\nsignature = "f(x: any) -> like(x)"\nderivative = "-cos(x)"\nnumpy = "numpy.sin"\nsource = "none"\n',
                   'source = "none"\n[simplify]\nwrong = "tr(A @ B.T) + det(A) -> tr(A) * det(B)"\n',
                   'source = "none"\n[properties]\nwrong = "A @ B : symmetric  if A: symmetric, B: symmetric"\n'):
        file = tmp_path / "mine.toml"
        file.write_text(broken)
        with pytest.raises(mc.RuleError):
            mc.load_rules(file)


def test_a_function_that_is_loaded_hides_no_wrong_rule(tmp_path: Path) -> None:
    script = """
import sys, matcalc as mc
mc.load_rules(sys.argv[1])
for file in sys.argv[2:]:
    try:
        mc.load_rules(file)
        print("loaded", file)
    except mc.RuleError as error:
        print("does not hold" in str(error))
"""
    texts = [
        '[floored]\nsignature = "floored(x: any) -> like(x)"\nderivative = "0 * x"\nnumpy = "numpy.floor"\nsource = "none"\n',
        'source = "none"\n[simplify]\nl = "log(x * y) -> log(x) + log(y)"\n',
        'source = "none"\n[simplify]\na = "arctan(tan(x)) -> x"\n']
    files = [tmp_path / f"{i}.toml" for i in range(3)]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    found = subprocess.run([sys.executable, "-c", script, *map(str, files)], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", "True"]
