"""What people paste, in LaTeX, MATLAB and NumPy: each text with the plain one that it must read as, and those that must be refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc
from matcalc.asking import understand
from matcalc.errors import MatcalcError

FOLDER = Path(__file__).parent / "readings"
SNIPPETS = [(syntax, entry) for syntax in ("latex", "matlab", "numpy")
            for entry in tomllib.loads((FOLDER / f"{syntax}.toml").read_text("utf-8"))["snippet"]]
REFUSED = tomllib.loads((FOLDER / "refused.toml").read_text("utf-8"))["refused"]


def named(case: Any) -> str:
    return f"{case[0]}: {case[1]['text']}"


@pytest.mark.parametrize("case", SNIPPETS, ids=named)
def test_reads_as(case: tuple[str, dict[str, Any]]) -> None:
    """The same object as the plain text, whether the syntax is named or seen."""
    syntax, entry = case
    let = entry.get("let", [])
    plain = mc.parse(entry["reads"], let=let, syntax="numpy")
    assert mc.parse(entry["text"], let=let, syntax=syntax) is plain
    if not entry.get("named"):
        assert mc.parse(entry["text"], let=let) is plain
        shows = syntax != "latex" or not {"\\", "$"}.isdisjoint(entry["text"])  # what has no mark of LaTeX reads plainly as the same
        assert not shows or understand(entry["text"], let, "auto", (), (), None).syntax == syntax


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry["text"])
def test_refused(entry: dict[str, Any]) -> None:
    """With the class and the caret of the error, and fixes that are read."""
    let, syntax = entry.get("let", []), entry.get("syntax", "latex")
    with pytest.raises(MatcalcError) as caught:
        mc.parse(entry["text"], let=let, syntax=syntax)
    error = caught.value
    assert type(error).__name__ == entry["error"]
    assert "".join(entry["text"][start:end] for start, end in error.spans[:1]) == entry["caret"]
    fixes = [fix for fix in error.fixes if fix.text is not None]
    assert [fix.text for fix in fixes] == entry["fixes"]
    for fix in fixes:
        mc.parse(fix.text, let=[*let, *fix.declare], syntax=syntax)


def test_there_are_as_many_as_promised() -> None:
    counts = {syntax: sum(case[0] == syntax for case in SNIPPETS) for syntax in ("latex", "matlab", "numpy")}
    assert counts["latex"] >= 80
    assert min(counts["matlab"], counts["numpy"]) >= 40
    assert len(REFUSED) >= 30
    assert all(entry["source"] for _, entry in SNIPPETS)


@pytest.mark.parametrize(("text", "plain"), [("“x.T A x”", "x.T @ A @ x"), (r"\lambda Sigma + \Sigma", "lambda * Sigma + Sigma")])
def test_what_came_along_when_it_was_copied(text: str, plain: str) -> None:
    assert mc.parse(text) is mc.parse(plain)
