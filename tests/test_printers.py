"""Every format, over every problem of the corpus: it can be read, or run, and says the same as the text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import matcalc as mc
from matcalc.checker import draw, verify_equal
from matcalc.knowledge import known
from matcalc.parser import read
from matcalc.printers.latex import sized
from tests.test_corpus import CASES, answered

EVERY = pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
COMMANDS = set(
    r"""
    \top \frac \sqrt \left \right \operatorname \mathbf \mathrm \mathit \text \quad \begin \end \odot \oslash \otimes \cdot \times
    \infty \lVert \rVert \lvert \rvert \log \exp \sin \cos \tan \arcsin \arccos \arctan \sinh \cosh \tanh \det \max \min \pi \hat
    \bar \tilde \dot \\ \_ \alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \rho \sigma \tau
    \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon \Phi \Psi \Omega
    """.split()
)  # of LaTeX itself or amsmath


@cache
def _answer(identity: str) -> Any:
    return answered(next(c for c in CASES if c["id"] == identity))


def _same(case: dict[str, Any], text: str) -> bool:
    """Does the text, read with the symbols of the answer, have the value of the answer?"""
    answer = _answer(case["id"])
    symbols = {s.name: s for s in answer.reading.symbols}
    sizes = {d for s in symbols.values() for d in s.shape if isinstance(d, str)}
    both = [read(t, known().language(), known=symbols, dims=sizes) for t in (text, str(answer))]
    return verify_equal(both[0], both[1]).verdict is not False


@EVERY
def test_unicode_is_read_again_with_the_same_value(case: dict[str, Any]) -> None:
    text = _answer(case["id"]).unicode()
    assert "@" not in text
    assert _same(case, text), text


@EVERY
def test_latex_uses_amsmath_alone_and_mathml_is_well_formed(case: dict[str, Any]) -> None:
    answer = _answer(case["id"])
    latex = answer.latex()
    assert set(re.findall(r"\\(?:[A-Za-z]+|.)", latex)) <= COMMANDS, latex
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0, latex
    assert depth == 0, latex
    assert latex.count(r"\left") == latex.count(r"\right")
    assert not re.search(r"\^\{(?:[^{}]|\{[^{}]*\})*\}\s*\^", latex), f"two scripts on one letter: {latex}"
    ElementTree.fromstring(answer.mathml())


@EVERY
def test_numpy_code_gives_the_value(case: dict[str, Any]) -> None:
    answer = _answer(case["id"])
    reading = read(case["expr"], known().language(), case["let"], wrt=[case["wrt"]])
    values, sizes = draw(reading, 3)
    code = answer.code("numpy")
    names = re.search(r"^def (?:grad)\((.*)\):$", code, re.M)
    assert names, code
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - the code is our own output, and running it is the test
    columns = {s.name for s in answer.reading.symbols if s.shape[1] == 1 or s.shape[0] == 1}
    arrays = {n: v for n, v in {**values, **sizes}.items() if n not in sizes}
    given = {n.rstrip("_"): n for n in names[1].split(", ") if n}
    args = {full: _plain(arrays[n], n in columns) if n in arrays else sizes[n] for n, full in given.items()}
    with np.errstate(all="ignore"):
        got = space["grad"](**args)
        wanted = answer({**arrays, **{d: n for d, n in sizes.items() if d not in arrays}})
    assert np.shape(got) == np.shape(wanted), code
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11, err_msg=code)


def _plain(value: Any, flat: bool) -> Any:
    array = np.asarray(value, float)
    return float(array.reshape(())) if array.size == 1 and flat else array.reshape(-1) if flat else array


@pytest.mark.katex
def test_every_latex_output_is_set_by_katex() -> None:
    """KaTeX (npm install katex) reads what LaTeX with amsmath reads; it stops at any command or script that it does not know."""
    home = Path(__file__).parent.parent / "node_modules"
    if not shutil.which("node") or not (home / "katex").exists():
        pytest.skip("needs node, and katex in node_modules: npm install --no-save katex")
    formulas = [_answer(case["id"]).latex() for case in CASES]
    script = """const k = require('katex'); let all = JSON.parse(require('fs').readFileSync(0));
        for (const f of all) {
            try { k.renderToString(f, {displayMode: true, strict: 'error'}) }
            catch (e) { console.log(f + '   ' + e.message) }
        }"""
    run = subprocess.run(["node", "-e", script], input=json.dumps(formulas), capture_output=True, text=True, cwd=home.parent)
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""


WRITTEN = [
    ("x.T A x", "x", [], r"\left(A + A^{\top}\right) x", "(A + Aᵀ) x"),
    ("norm2sq(X w - y) / (2 * n)", "w", ["X: matrix(n, d)", "w: vector(d)"], r"\frac{1}{n} X^{\top} (X w - y)", "Xᵀ (X w − y) / n"),
    ("logdet(Sigma)", "Sigma", [], r"\Sigma^{-\top}", "Σ⁻ᵀ"),
    ("a.T inv(X) b", "X", [], r"-X^{-\top} a b^{\top} X^{-\top}", "−X⁻ᵀ a bᵀ X⁻ᵀ"),
    ("norm(W1 @ x)", "x", [], r"\frac{W_{1}^{\top} W_{1} x}{\lVert W_{1} x \rVert_{2}}", "W₁ᵀ W₁ x / ‖W₁ x‖"),
    ("sum(exp(lambda * x))", "x", [], r"\lambda \exp(\lambda x)", "λ exp(λ x)"),
    ("tr(inv(X) @ A)", "X", ["X: spd"], None, None),
    ("sum(sqrt(x))", "x", [], r"\frac{1}{2} \mathbf{1}_{n} \oslash \sqrt{x}", "1 / (2 sqrt(x))"),
    ("x_hat.T @ x_hat", "x_hat", [], r"2 \hat{x}", "2 x_hat"),
    ("tr(A kron(X, B))", "X", ["A: matrix(6, 6)", "X: matrix(2, 2)", "B: matrix(3, 3)"], None, None),
]


@pytest.mark.parametrize(("f", "wrt", "let", "latex", "plain"), [w for w in WRITTEN if w[3]])
def test_as_a_person_writes_it(f: str, wrt: str, let: list[str], latex: str, plain: str) -> None:
    answer = mc.grad(f, wrt, let)
    assert answer.latex() == latex
    assert answer.unicode() == plain


def test_brackets_grow_only_around_what_is_tall() -> None:
    assert sized("(x - y)") == "(x - y)"
    assert sized(r"\lVert A (x - \frac{1}{2}) \rVert") == r"\left\lVert A \left(x - \frac{1}{2}\right) \right\rVert"


def test_definitions_are_aligned() -> None:
    latex = mc.grad("log(sum(exp(-norm2sq(A x - b) * (A x - b))))", "x").latex()
    assert latex.startswith(r"\begin{aligned} & ")
    assert r" \\ \text{where}\quad " in latex
    assert latex.endswith(r"\end{aligned}")


def test_several_answers_name_what_they_share_once() -> None:
    latex = mc.vjp("softmax(Q K.T / sqrt(d)) V", ["Q", "K", "V"])._repr_latex_()
    assert latex.count(r"\text{where}") == latex.count(r"\operatorname{softmax}") == 1
    assert mc.grad("x.T A x", ["x", "A"])._repr_latex_() == (
        r"$\displaystyle \begin{aligned} & \left(A + A^{\top}\right) x \\ & x x^{\top} \end{aligned}$")


def test_names_that_python_or_numpy_use_are_varied_in_code() -> None:
    code = mc.grad("lambda * x.T @ x", "x").code("numpy")
    assert "lambda_: float" in code
    assert "2 * lambda_ * x" in code


def test_an_unknown_format_is_refused_with_the_list() -> None:
    with pytest.raises(mc.MatcalcError, match="there is no code for 'cobol'"):
        mc.grad("x.T x", "x").code("cobol")
