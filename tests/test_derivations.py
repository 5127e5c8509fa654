"""Derivations: what they say, every equation in them, and their three forms: text, LaTeX, data."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc
from docs.pages import Classic, classics
from matcalc.equations import Equations
from matcalc.written import Block, Row
from tests.derivations import Asked, at_random, every_way, faults, problems
from tests.test_printers import COMMANDS

ROOT = Path(__file__).parent.parent
SAMPLE = list(every_way(problems()))[::29]
CLASSICS = pytest.mark.parametrize("classic", classics(), ids=lambda c: c.title)


def written(verb: str, f: str, wrt: Any, let: list[str] | None = None, **options: Any) -> str:
    answer = getattr(mc, verb)(f, wrt, let or [], **options)
    return str((answer[0] if isinstance(answer, list) else answer).derivation)


# ---------------------------------------------------------------- every equation
@CLASSICS
def test_every_equation_of_a_classic_is_confirmed(classic: Classic) -> None:
    answer = classic.answer
    assert faults(answer) == []
    steps = list(answer.derivation)
    assert 2 <= len(steps) <= 14
    assert steps[-1].after == str(answer)
    assert all((step.rule and step.words) or step.rule == "name" for step in steps), [s for s in steps if not s.words]


@pytest.mark.parametrize("asked", SAMPLE, ids=lambda a: a.name)
def test_every_equation_of_a_sample_is_confirmed(asked: Asked) -> None:
    """All of the corpus, in every way: python -m tests.derivations."""
    answer = asked.answer
    assert answer is None or faults(answer) == []


def test_every_equation_of_random_derivations_is_confirmed() -> None:
    """More of them: python -m tests.derivations 1000."""
    for asked in at_random(48, seed=7):
        answer = asked.answer
        if answer is not None and answer.evidence.verdict is True:
            assert faults(answer) == [], asked.name


def test_most_of_the_sample_has_answers() -> None:
    assert sum(asked.answer is not None for asked in SAMPLE) > len(SAMPLE) * 0.8


def planted(answer: Any) -> Iterator[tuple[Block, int, list[Any]]]:
    """The evidence after one line at a time was made twice its value, and which line it was."""
    equations = answer.derivation._equations()
    for block in equations.texts.blocks:
        for i, row in enumerate(block.rows):
            differential = block.kind == "differential" and i == 0  # d(f) is a name: what it is is checked elsewhere
            if block.kind != "named" and not differential and row.text not in ("0", "zeros(n, n)"):
                block.rows[i] = Row(f"2 * ({row.text})", row.reasons)
                yield block, i, equations.evidence()
                block.rows[i] = row


@CLASSICS
def test_a_wrong_line_is_found(classic: Classic) -> None:
    answer = classic.answer
    answer._wants_check = False  # the faults are planted, so that nothing is withheld
    seen = 0
    for block, i, found in planted(answer):
        assert any(e.verdict is False for e in found), f"line {i} of {block.left} may be anything"
        seen += 1
    assert seen >= 2


def test_a_wrong_differential_is_found() -> None:
    """d(part) is a name in the equations, so what it stands for is checked against the part."""
    d = mc.grad("sum(sin(A x)**2)", "x").derivation
    equations = d._equations()
    name = next(n for (_, shown), n in equations.names.items() if shown == "d(A @ x)")
    assert all(e.verdict is True for e in equations.evidence())
    equations.defined[name] = "2 * A @ dx"
    assert any(e.verdict is False for e in equations.evidence())


def test_a_wrong_step_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Equations.evidence
    monkeypatch.setattr(Equations, "evidence", lambda self: [e._replace(verdict=False, reason="planted") for e in right(self)])
    answer = mc.grad("x.T A x", "x")
    with pytest.raises(mc.CheckFailed, match="a step of its own"):
        str(answer.derivation)
    assert str(answer) == "(A + A.T) @ x"
    assert answer.to_dict()["derivation"] == []


@pytest.mark.parametrize(("verb", "f", "wrt", "let"), [
    ("jacobian", "max(X, axis=0)", "X", []),  # a row
    ("grad", "tr(chol(X))", "X", ["X: spd"]),  # chol is a function of symmetric matrices alone
    ("hessian", "sum(x * y * x)", ["x", "y"], ["x: vector(n)", "y: vector(n)"]),  # d(x * y) is another one by x and by y
    ("hessian", "norm1(A x - y)", "x", ["y: vector(m)"]),  # the differential of the sign is zero, whatever is in it
    ("hvp", "logdet(X) - norm1(X)", "X", ["X: spd"]),  # dX is symmetric
    ("vjp", "tr(A.T A) * A", "A", [])])
def test_what_is_special(verb: str, f: str, wrt: Any, let: list[str]) -> None:
    answer = getattr(mc, verb)(f, wrt, let)
    assert faults(answer[0] if isinstance(answer, list) else answer) == []


# ---------------------------------------------------------------- what it says
def test_a_quadratic_form_takes_five_lines() -> None:
    assert written("grad", "x.T A x", "x").splitlines() == [
        "df = d(x.T @ A @ x)",
        "   = dx.T @ A @ x + x.T @ A @ dx      product rule",
        "   = x.T @ A.T @ dx + x.T @ A @ dx    a number is its own transpose",
        "G  = A @ x + A.T @ x                  df = <G, dx>",
        "   = (A + A.T) @ x                    collected"]


def test_the_logistic_loss_takes_eight_lines_at_the_most() -> None:
    lines = written("grad", "sum(log(1 + exp(-y * (X w))))", "w").splitlines()
    assert len(lines) <= 8
    assert "log(1 + exp(x)) = softplus(x)" in lines[1]


def test_every_rule_has_its_source() -> None:
    steps = mc.grad("logdet(X) + a.T inv(X) b", "X").derivation
    assert "Matrix Cookbook (2012-11-15) eq. 43" in steps[0].source
    assert "Matrix Cookbook (2012-11-15) eq. 40" in steps[0].source
    assert str(steps).count("cf. Matrix Cookbook eq. 40") == 1


def test_a_source_is_named_once() -> None:
    assert written("grad", "sum(tanh(A tanh(A x)))", "x").count("DLMF") == 1


def test_a_structured_variable_is_projected_in_a_step() -> None:
    lines = written("grad", "logdet(X)", "X", ["X: matrix(n, n) symmetric"], structure="independent")
    assert "G_free = inv(X).T" in lines
    assert "G      = G_free + G_free.T - G_free * eye(n)    X is symmetric: by the free entries" in lines


def test_a_jacobian_is_read_off_vec() -> None:
    lines = written("jacobian", "A X B", "X").splitlines()
    assert [re.sub(r"(?<=\))    .*", "", line) for line in lines] == [
        "dF      = d(A @ X @ B)", "        = A @ dX @ B                d is linear",
        "vec(dF) = kron(B.T, A) @ vec(dX)", "J       = kron(B.T, A)"]
    assert written("jacobian", "A X B", "X", layout="denominator").splitlines()[-1].startswith("J.T     = kron(B, A.T)")
    assert written("jacobian", "A X B", "X", form="index").splitlines()[-1].startswith("dF[i,j]/dX[k,l] = A[i,k] * B[l,j]")


def test_a_hessian_is_the_gradient_differentiated() -> None:
    lines = written("hessian", "x.T A x", "x").splitlines()
    assert [line.partition(" = ")[0].strip() for line in lines] == ["df", "", "", "G", "", "dG", "", "H"]
    assert "dG = d(A @ y)" in written("hessian", "x.T A y", ["x", "y"])


def test_names_are_those_of_nothing_else() -> None:
    lines = written("grad", "x.T G x + f * sum(x)", "x", ["f: scalar", "dx: vector(n)"])
    assert lines.startswith("df_ = ")
    assert "G_x " in lines


def test_what_is_absent_has_no_differential() -> None:
    assert "zeros(n)" in written("grad", "y.T y", "x", ["x: vector(n)"])


def test_deep_expressions_take_the_chain_rule_in_one_line() -> None:
    layers = "x"
    for i in range(30):
        layers = f"tanh(W{i} @ {layers})"
    answer = mc.grad(f"sum({layers})", "x", ["x: vector(n)", *(f"W{i}: matrix(n, n)" for i in range(30))])
    lines = [line for line in str(answer.derivation).splitlines() if line[:5] in ("df  =", "    =")]
    assert any("the chain rule, through more than 16 layers" in line for line in str(answer.derivation).splitlines())
    assert len(lines) <= 4
    assert faults(answer) == []


def test_steps_are_written_only_when_they_are_asked_for() -> None:
    script = "import matcalc as mc, sys; str(mc.grad('x.T A x', 'x')); print('matcalc.steps' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "False\n"


# ---------------------------------------------------------------- LaTeX
@CLASSICS
def test_latex_is_an_aligned_environment(classic: Classic) -> None:
    text = classic.answer.derivation.latex()
    first, *rows, last = text.splitlines()
    assert (first, last) == (r"\begin{align*}", r"\end{align*}")
    for i, line in enumerate(rows):
        row = line.partition(" % ")[0]
        assert row.endswith(r"\\") is (i < len(rows) - 1)
        cells = re.split(r"(?<!\\)&", row)
        assert len(cells) in (2, 4)  # left & formula, and && reason
        assert cells[1].startswith("= ")
        assert set(re.findall(r"\\(?:[A-Za-z]+|.)", row)) <= COMMANDS | {r"\langle", r"\rangle", r"\&", r"\,", r"\ "}, row
        for cell in cells:
            assert len(re.findall(r"(?<!\\)\{", cell)) == len(re.findall(r"(?<!\\)\}", cell)), cell
            assert cell.count(r"\left") == cell.count(r"\right")


def test_latex_says_the_rule_of_a_function_and_not_its_name_here() -> None:
    latex = mc.grad("norm2sq(A x - b)", "x").derivation.latex()
    assert r"\mathrm{d}\,\lVert x \rVert_{2}^{2} = 2 x^{\top} \, \mathrm{d}x" in latex
    assert "norm2sq" not in latex
    latex = mc.vjp("softmax(Q K.T) V", "Q").derivation.latex()
    assert r"\langle G_{Q}, \mathrm{d}Q \rangle" in latex
    assert "differential of" not in latex
    assert r"\_" not in latex


def test_the_parts_of_the_steps_and_of_the_answer_have_the_same_names() -> None:
    answer = mc.vjp("softmax(Q K.T / sqrt(d)) V", "Q")
    assert str(answer).endswith("where S = softmax(Q @ K.T / sqrt(d))")
    lines = [line.partition(" = ") for line in str(answer.derivation).splitlines()]
    values = {left.strip(): value for left, _, value in lines if left.strip() in ("S", "R")}
    assert values == {"R": "Q @ K.T / sqrt(d)", "S": "softmax(R)"}


def test_long_sources_are_comments_in_latex() -> None:
    rows = mc.grad("sum(log(1 + exp(-y * (X w)))) + a.T inv(B) w", "w").derivation.latex().splitlines()
    assert any(row.endswith(r"\\ % softplus-fold: Goodfellow, Bengio & Courville, Deep Learning (2016), sec. 3.10") for row in rows)
    assert any("[cf. Matrix Cookbook eq. 40]" in row for row in mc.grad("a.T inv(X) b", "X").derivation.latex().splitlines())


@pytest.mark.katex
def test_latex_is_set_by_katex() -> None:
    home = ROOT / "node_modules"
    if not shutil.which("node") or not (home / "katex").exists():
        pytest.skip("needs node, and katex in node_modules: npm install --no-save katex")
    texts = [answer.derivation.latex() for asked in [*classics(), *SAMPLE] if (answer := asked.answer) is not None]
    script = """const k = require('katex'); let all = JSON.parse(require('fs').readFileSync(0));
        for (const f of all) {
            try { k.renderToString(f, {displayMode: true, strict: 'error'}) } catch (e) { console.log(f + '   ' + e.message) }
        }"""
    run = subprocess.run(["node", "-e", script], input=json.dumps(texts), capture_output=True, text=True, cwd=ROOT, check=False)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr


# ---------------------------------------------------------------- data
def test_steps_are_equations_that_lead_to_each_other() -> None:
    steps = mc.grad("norm2sq(A x - b)", "x").derivation.to_list()
    assert [s["left"] for s in steps] == ["df", "df", "df", "G"]
    assert all(one["after"] == other["before"] for one, other in pairwise(steps))
    assert steps[0] == {
        "left": "df", "before": "d(norm2sq(A @ x - b))", "after": "2 * d(A @ x - b).T @ (A @ x - b)", "rule": "differential of norm2sq",
        "words": "d norm2sq(x) = 2 * sum(x * dx)", "source": "Matrix Cookbook (2012-11-15) eqs. 131, 132"}
