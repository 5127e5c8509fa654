"""What people type when they meet matcalc, their mistakes included, and what they get: stdout, exit code, error, and every fix, run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import matcalc as mc
from matcalc import cli

from .command_line import Run, command_line
from .test_cli import SCHEMA, fits


def typed(line: str) -> Run:
    return command_line.run_line(line)


def error_fields(line: str) -> dict[str, Any]:
    """The error as JSON has it: type, message, spans, text, fixes."""
    words = shlex.split(line)[1:]
    at = words.index("--") if "--" in words else len(words)
    return dict(json.loads(command_line(*words[:at], "--to", "json", *words[at:]).out)["error"])


def fixes_work(ran: Run, stdin: bytes = b"", steps: int = 3) -> None:
    """Every fix is rid of the error, and answers; or it meets the next error, whose own fixes lead to an answer."""
    assert ran.fixes, f"no fix in:\n{ran.err}"
    for fix in ran.fixes:
        again = command_line.run_line(fix, stdin)
        assert again.error != ran.error, fix
        assert again.code in (0, 2, 4), f"{fix}\n{again.err}"
        if again.code:
            assert steps, f"no answer after {fix}"
            fixes_work(again, stdin, steps - 1)


# ---------------------------------------------------------------- answers


class Answer(NamedTuple):
    """A row that is answered: what stderr must contain is listed after the line of output."""

    row: int
    line: str
    out: str
    said: tuple[str, ...] = ()


ANSWERS = [
    Answer(19, 'grad "x.T A x + b.T x + c" --wrt x', "(A + A.T) @ x + b", ("c scalar",)),
    Answer(2, 'grad "x.T A x" --wrt x', "(A + A.T) @ x",
           ("assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points",)),
    Answer(3, 'grad "x.T @ x"', "2 * x", ("note: differentiated by x, the only variable",)),
    Answer(4, "grad \"x'Ax\" --wrt x", "(A + A.T) @ x", ("assumed: A matrix(n, n), x vector(n)", "read as: x.T @ A @ x")),
    Answer(4, "grad \"x'Ax\" --wrt x --let \"Ax: vector(n)\"", "Ax", ("read as: x.T @ Ax",)),
    Answer(4, 'grad "loss * sum(x)" --wrt loss', "sum(x)", ("loss scalar",)),
    Answer(4, 'grad "mu * sum(x)" --wrt mu', "sum(x)", ("mu scalar",)),
    Answer(4, 'grad "cov * sum(x)" --wrt cov', "sum(x)", ("cov scalar",)),
    Answer(6, 'grad "x^T A x" --wrt x', "(A + A.T) @ x", ("read as: x.T @ A @ x",)),
    Answer(7, 'grad "xᵀAx" --wrt x', "(A + A.T) @ x", ("read as: x.T @ A @ x",)),
    Answer(7, 'grad "‖Ax − b‖²" --wrt x', "2 * A.T @ (A @ x - b)", ("read as: norm2sq(A @ x - b)",)),
    Answer(7, 'grad "x.T\u00a0A\u00a0x − b.T x" --wrt x', "(A + A.T) @ x - b"),
    Answer(7, 'grad "x’Ax" --wrt x', "(A + A.T) @ x", ("read as: x.T @ A @ x",)),
    Answer(8, 'grad "tr(Σ)" --wrt Sigma', "eye(n)", ("assumed: Σ matrix(n, n)",)),
    Answer(8, 'grad "tr(A Σ)" --wrt A', "Σ.T", ("Σ matrix(",)),
    Answer(8, 'simplify "Sigma - Σ"', "zeros(m, n)"),
    Answer(10, 'grad "sum(A * B)" --wrt A', "B", ("note: ", "elementwise")),
    Answer(12, 'grad "(A@x - b).T @ (A@x - b)" --wrt x', "2 * A.T @ (A @ x - b)"),
    Answer(18, 'grad "tr(A @ X)" --wrt B --let "B: matrix(p, q)"', "zeros(p, q)", ("note: ",)),
    Answer(19, 'grad "a * norm(w)" --wrt w', "a * w / norm(w)", ("w vector(n), a scalar",)),
    Answer(19, 'simplify "t * x"', "t * x", ("x vector(n), t scalar",)),
    Answer(19, 'simplify "X @ beta"', "X @ beta", ("X matrix(m, n), beta vector(n)",)),
    Answer(19, 'grad "(x - mu).T inv(Sigma) (x - mu)" --wrt x --let "Sigma: spd"', "2 * inv(Sigma) @ (x - mu)",
           ("x vector(n), mu vector(n)",)),
    Answer(19, 'grad "norm2sq(X @ w - y) / m" --wrt w --let "X: matrix(m, n)"', "2 / m * X.T @ (X @ w - y)"),
    Answer(20, 'simplify "W1 @ x + b1"', "W1 @ x + b1", ("W1 matrix(m, n), x vector(n), b1 vector(m)",)),
    Answer(20, 'simplify "W_1 x_i"', "W_1 @ x_i", ("W_1 matrix(m, n), x_i vector(n)",)),
    Answer(20, 'grad "lambda * norm2sq(x)" --wrt x', "2 * lambda * x", ("lambda scalar",)),
    Answer(20, 'grad "norm2sq(X @ beta1 - y)" --wrt beta1', "2 * X.T @ (X @ beta1 - y)", ("beta1 vector(n)",)),
    Answer(21, 'grad "x.T A x" --wrt x --let "A: symmetric"', "2 * A @ x"),
    Answer(22, 'grad "det(X)" --wrt X', "adj(X).T", ("= det(X) * inv(X).T  valid if X is invertible",)),
    Answer(23, 'grad "norm(x)" --wrt x', "x / norm(x)", ("valid if x != 0",)),
    Answer(23, 'grad "norm1(x)" --wrt x', "sign(x)", ("at kinks: sign(0) = 0",)),
    Answer(23, 'grad "sum(relu(x))" --wrt x', "step(x)", ("at kinks: ",)),
    Answer(23, 'grad "max(x)" --wrt x', "argmaxmask(x)", ("valid if ",)),
    Answer(25, 'simplify "2x"', "2 * x", ("read as: 2 * x",)),
    Answer(5, "grad \"x'*A*x\" --wrt x", "(A + A.T) @ x", ("note: read as MATLAB", "read as: x.T @ A @ x")),
    Answer(6, r"grad 'x^\top A x' --wrt x", "(A + A.T) @ x", ("read as: x.T @ A @ x",)),
    Answer(6, "grad '$x^{T}Ax$' --wrt x", "(A + A.T) @ x", ("read as: x.T @ A @ x", "note: ^T is read as the transpose")),
    Answer(6, "grad '$x^{T}Ax$' --wrt x --let 'T: scalar' --let 'x: scalar' --let 'A: scalar'",
           "(T + 1) * x**T * A", ("read as: x**T * A * x",)),
    Answer(7, 'grad "“x.T A x”" --wrt x', "(A + A.T) @ x"),
    Answer(8, r"grad 'tr(\Sigma)' --wrt Sigma", "eye(n)", ("assumed: Sigma matrix(n, n)",)),
    Answer(8, r"grad 'tr(\Sigma)' --wrt '\Sigma'", "eye(n)"),
    Answer(27, 'simplify "x**2"', "x**2", ("note: ** is elementwise",)),
    Answer(27, 'simplify "X**2"', "X**2", ("note: ** is elementwise; the matrix power is X^2",)),
    Answer(27, 'simplify "X^2"', "X @ X", ("read as: mpow(X, 2)",)),
    Answer(28, r"simplify 'A\b'", "inv(A) @ b", (r"note: A\b is inv(A) @ b",)),
    Answer(28, 'simplify "A^-1 b"', "inv(A) @ b", ("read as: inv(A) @ b",)),
    Answer(28, 'simplify "A**-1"', "1 / A", ("did you mean inv(A)?",)),
    Answer(39, 'grad "||Ax - b||^2" --wrt x', "2 * A.T @ (A @ x - b)", ("read as: norm2sq(A @ x - b)",)),
    Answer(39, 'simplify "np.linalg.inv(X)"', "inv(X)", ("read as: inv(X)",)),
    Answer(39, 'simplify "A.trace()"', "tr(A)", ("read as: tr(A)",)),
    Answer(39, 'simplify "X.sum()"', "sum(X)", ("read as: sum(X)",)),
    Answer(39, 'simplify "trace(X)"', "tr(X)", ("read as: tr(X)",)),
    Answer(39, 'simplify "ln(x)"', "log(x)", ("read as: log(x)",)),
    Answer(39, 'simplify "max(0, z)"', "relu(z)", ("read as: relu(z)",)),
    Answer(39, 'simplify "A.I"', "inv(A)", ("read as: inv(A)",)),
    Answer(39, 'simplify "x·y"', "x.T @ y", ("read as: x.T @ y",)),
    Answer(40, 'grad "self.T self" --wrt self', "2 * self"),
    Answer(40, 'grad "np * sum(x)" --wrt np', "sum(x)"),
    Answer(42, 'grad "norm2sq(y - (A + lambda*I) x)" --wrt x', "2 * (A.T + lambda * eye(n)) @ (A @ x - y + lambda * x)",
           ("note: I is the identity, eye(n)",)),
    Answer(26, 'simplify "A (x + y)"', "A @ (x + y)", ("note: ", "read as: A @ (x + y)")),
    Answer(26, 'simplify "a (x + y)" --let "a: scalar"', "a * (x + y)", ("note: a (...) is read as a product",)),
    Answer(4, "simplify \"x'Ax\"", "x.T @ A @ x", ("note: Ax is read as A x",)),
    Answer(5, "simplify \"sum(A.*B*x)\"", "sum((A * B) @ x)", ("note: read as MATLAB: * is the matrix product, .* is elementwise",)),
    Answer(6, 'simplify "x^T A x"', "x.T @ A @ x", ("note: ^T is read as the transpose",)),
    Answer(7, 'simplify "‖Ax − b‖²"', "norm2sq(A @ x - b)", ("note: Ax is read as A x", "read as: norm2sq(A @ x - b)")),
    Answer(7, 'grad "x.T A‘x" --wrt x', "(A + A.T) @ x", ("read as: x.T @ A.T @ x",)),
    Answer(8, 'grad "tr(Sigma)" --wrt Σ', "eye(n)", ("assumed: Sigma matrix(n, n)",)),
    Answer(8, 'simplify "Σ + Sigma"', "2 * Σ"),
    Answer(19, 'simplify "(x - mu).T inv(Sigma) (x - mu)"', "(x - mu).T @ inv(Sigma) @ (x - mu)",
           ("assumed: Sigma matrix(n, n), x vector(n), mu vector(n)", "valid if Sigma is invertible")),
    Answer(19, 'grad "sum(X) / m" --wrt X --let "X: matrix(m, n)"', "ones(m, n) / m"),
    Answer(20, 'simplify "tr(Sigma)"', "tr(Sigma)", ("assumed: Sigma matrix(n, n)",)),
    Answer(29, 'hessian "x.T A x" --wrt x', "A + A.T", ("layout: numerator",)),
    Answer(29, 'hessian "x.T A x + x.T B y" --wrt x --wrt y', "B"),
    Answer(31, 'grad --wrt x -- "-x.T @ x"', "-2 * x"),
    Answer(31, 'grad "-x.T @ x" --wrt x', "-2 * x"),
    Answer(38, 'grad "100*(y - x**2)**2 + (1 - x)**2" --wrt x --let "y: scalar" --let "x: scalar"', "2 * (x - 1) - 400 * x * (y - x**2)"),
    Answer(39, 'simplify "||Ax - b||^2"', "norm2sq(A @ x - b)", ("note: Ax is read as A x", "read as: norm2sq(A @ x - b)")),
    Answer(40, 'grad "lambda.T lambda" --wrt lambda', "2 * lambda", ("assumed: lambda vector(n)",)),
    Answer(40, 'grad "in * sum(x)" --wrt in', "sum(x)", ("in scalar",)),
    Answer(40, 'grad "np.T A np" --wrt np', "(A + A.T) @ np"),
    Answer(41, 'grad "x.T A x" --wrt x --let "A: symmetric, psd"', "2 * A @ x"),
]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: f"{row.row}: {row.line}")
def test_answers(row: Answer) -> None:
    ran = typed(f"matcalc {row.line}")
    assert (ran.code, ran.out) == (0, row.out + "\n"), ran.err
    for said in row.said:
        assert said in ran.err


def test_the_first_answer_to_the_letter() -> None:
    assert typed('matcalc grad "x.T A x" --wrt x') == Run(
        0, "(A + A.T) @ x\n", "assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points\n")


def test_matcalc_alone_shows_examples_that_work() -> None:
    ran = typed("matcalc")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == """matcalc: matrix derivatives in closed form, checked before they are shown.

  matcalc grad "x.T A x" --wrt x
  matcalc grad "logdet(X)" --wrt X --let "X: spd"
  matcalc simplify "tr(A @ B) - tr(B @ A)"

More: matcalc --help, matcalc grad --help, matcalc repl, matcalc rules
"""
    examples = [line.strip() for line in ran.out.splitlines() if line.startswith("  matcalc ")]
    assert len(examples) == 3
    for example in examples:
        assert typed(example).code == 0


def test_a_note_is_said_once() -> None:
    """Row 10."""
    assert typed('matcalc grad "sum(A * B) + sum(A * C * A)" --wrt A').err.count("* is elementwise") == 1


def test_what_holds_where_is_said_to_the_letter() -> None:
    """Row 23: conditions before the reading, each on a line of its own."""
    assert typed('matcalc grad "norm(x)" --wrt x') == Run(
        0, "x / norm(x)\n", "valid if x != 0\nat kinks: norm'(0) = 0\n"
        "assumed: x vector(n)    read as: norm(x)    checked: exact, 8 points\n")


def test_a_claim_that_is_false_is_shown_where_it_fails() -> None:
    """Row 35."""
    assert typed('matcalc check "x.T A x" --wrt x --claim "2 A x"') == Run(
        1, "false: true only if A is symmetric; differs by (A.T - A) @ x\n"
        "the gradient is (A + A.T) @ x\n"
        "for example, at x = [1, 0], A = [[0, 1], [0, 0]] it is [0, 1], and the claim says [0, 0]\n",
        "assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points\n")
    assert typed('matcalc check "x.T A x" --wrt x --claim "2 A x" --let "A: symmetric"').code == 0


# ---------------------------------------------------------------- files, streams, formats (rows 31, 32, 37, 41)


def test_a_thousand_lines_are_a_thousand_lines(tmp_path: Path) -> None:
    lines = [f"x.T A x + {i}" for i in range(1, 1001)]
    lines[499], lines[699] = "tr(A @ X", "svd(x)"
    (tmp_path / "many.txt").write_text("\n".join(lines))
    ran = command_line("grad", "--file", str(tmp_path / "many.txt"), "--wrt", "x")
    assert ran.code == 3
    assert ran.out.splitlines() == ["" if i in (499, 699) else "(A + A.T) @ x" for i in range(1000)]
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert errors == ["error: line 500: '(' is never closed", "error: line 700: svd is not supported"]
    assert "line 501: assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x + 501    checked: exact, 3 points\n" in ran.err


@pytest.mark.parametrize("data", [b"x.T A x\n", b"\xef\xbb\xbfx.T A x", b"x.T A x\r\n\r\n", b"\r\nx.T A x"])
def test_standard_input_a_byte_order_mark_and_carriage_returns(data: bytes) -> None:
    ran = command_line("grad", "-", "--wrt", "x", stdin=data)
    assert (ran.code, ran.out) == (0, "(A + A.T) @ x\n")


def test_bytes_that_are_no_text_are_refused_where_they_are() -> None:
    ran = command_line("grad", "-", "--wrt", "x", stdin=b"x.T x\nx\xff\nx.T A x\n")
    assert (ran.code, ran.out, ran.error) == (2, "2 * x\n\n(A + A.T) @ x\n", "line 2: the text is not UTF-8")
    ran = command_line("grad", "x\udcff.T x")
    assert (ran.code, ran.out, ran.error) == (2, "", "argument 2 is not UTF-8 text")
    fixes_work(ran)


@pytest.mark.parametrize(("line", "out"), [
    ('grad "x.T A x" --wrt x --to latex 2>/dev/null | cat', "\\left(A + A^{\\top}\\right) x\n"),
    ('grad "x.T A x" --wrt x 2>&1 | cat', "(A + A.T) @ x\nassumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    "
                                          "checked: exact, 3 points\n"),
    ('grad "tr(A" 2>&1 | cat', "error: '(' is never closed\n  tr(A\n    ^ ^ expected ')' here\nfix: matcalc grad \"tr(A)\"\n"),
    ("grad - --wrt x < many.txt 2>/dev/null | head -1", "(A + A.T) @ x\n"),
])
def test_through_a_pipe_without_colour_and_quietly_when_it_closes(line: str, out: str, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("x.T A x\n" * 300)
    root = str(Path(__file__).parent.parent)
    command = f"set -o pipefail; {sys.executable} -m matcalc {line}"
    environment = {**os.environ, "PYTHONPATH": root, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    for no_colour in ({}, {"NO_COLOR": "1"}):
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, env={**environment, **no_colour},
                             check=False)
        assert (ran.stdout, ran.stderr) == (out, "")
        assert ran.returncode in ((0, 141) if "head" in line else (2,) if "error" in out else (0,))


@pytest.mark.parametrize("line", ['grad "x.T A x" --wrt x', 'grad "tr(A @ X" --wrt X', 'grad "logdt(X)"', "--verson",
                                  'check "x.T x" --wrt x --claim "2 x"', 'simplify "x**9**9**9"', 'grda "x.T x"'])
def test_json_is_all_there_is(line: str) -> None:
    plain, ran = typed(f"matcalc {line}"), typed(f"matcalc {line} --to json")
    assert (ran.code, ran.err) == (plain.code, "")
    fits(json.loads(ran.out), SCHEMA)
    said = json.loads(ran.out)
    assert said["ok"] is (plain.code == 0)
    for fix in () if said["ok"] else said["error"]["fixes"]:
        assert typed(fix).code in (0, 4)


@pytest.mark.parametrize(("line", "said", "fix"), [
    ('grda "x.T A x" --wrt x', "there is no command grda; did you mean grad?", 'matcalc grad "x.T A x" --wrt x'),
    ("--verson", "there is no option --verson; did you mean --version?", "matcalc --version"),
    ('--wrt x grad "x.T A x"', "options come after the verb", 'matcalc grad --wrt x "x.T A x"'),
    ('grad "x.T A x" --wrt x --version', "--version is an option of matcalc itself", "matcalc --version"),
])
def test_a_slip_of_the_command_line_is_mended(line: str, said: str, fix: str) -> None:
    ran = typed(f"matcalc {line}")
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {said}\nfix: {fix}\n")
    fixes_work(ran)


def test_help_and_version_answer_at_once() -> None:
    assert typed("matcalc --version") == Run(0, f"matcalc {mc.__version__}\n", "")
    helped = typed("matcalc --help")
    assert (helped.code, helped.err) == (0, "")
    assert helped.out.startswith("Examples:\n  matcalc grad")
    for verb in cli.verbs.commands:
        ran = typed(f"matcalc {verb} --help")
        assert (ran.code, ran.out.splitlines()[0]) == (0, "Examples:")
        assert ran.out.splitlines()[1].startswith(("  matcalc ", "  printf "))


# ---------------------------------------------------------------- limits (row 36)


@pytest.mark.parametrize(("text", "said", "option"), [
    ("x + " * 250_000 + "x", "the limit is 65,536 bytes of text; --limit text=1000001 raises it", "text=1000001"),
    ("(" * 10_000 + "x" + ")" * 10_000, "the limit is 10,000 words and signs; --limit tokens=20001 raises it", "tokens=20001"),
    ("(" * 300 + "x" + ")" * 300, "the limit is 200 levels of nesting; --limit depth=", "depth="),
    ("eye(10**9)", "the limit is 1,000,000 as a dimension; --limit dimension=1000000000 raises it", "dimension=1000000000"),
], ids=["a megabyte", "brackets", "fewer brackets", "eye"])
def test_a_limit_is_met_at_once_and_can_be_raised(text: str, said: str, option: str) -> None:
    start = time.perf_counter()
    ran = command_line("simplify", text)
    assert time.perf_counter() - start < 2
    assert (ran.code, ran.out) == (4, "")
    assert said in ran.err
    assert len(ran.err) < 2_000
    (fix,) = ran.fixes
    assert f"--limit {option}" in fix
    if len(text) < 30_000:  # a megabyte takes a while once it may
        fixes_work(ran, text.encode())
    else:
        assert command_line.run_line(fix, text.encode()).error != ran.error


def test_a_tower_of_powers_is_refused_twice() -> None:
    ran = typed('matcalc simplify "x**9**9**9"')
    assert (ran.code, ran.error) == (4, "an exponent is too large")
    assert "the limit is 64 as an exponent; --limit exponent=387420489 raises it" in ran.err
    (fix,) = ran.fixes
    again = typed(fix)
    assert (again.code, again.error, again.fixes) == (4, "a constant has 369,693,100 digits", [])


# ---------------------------------------------------------------- in Python (rows 33, 34, 40)


def test_an_answer_in_python() -> None:
    g = mc.grad("x.T A x", "x")
    assert (str(g), g.latex()) == ("(A + A.T) @ x", r"\left(A + A^{\top}\right) x")
    assert g._repr_latex_() == rf"$\displaystyle {g.latex()}$"
    assert g.equals("(A+A.T) @ x")
    assert not g.equals("2 A x")
    f, A, x = g.compile(), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0])
    assert f(A=A, x=x).tolist() == ((A + A.T) @ x).tolist()


@pytest.mark.parametrize(("arrays", "kind", "said"), [
    ({"A": np.ones((2, 3)), "x": np.ones(2)}, mc.ShapeError, "A must be matrix(n, n) with n = 2; the array given is 2 x 3"),
    ({"A": np.eye(2), "x": np.ones(3)}, mc.ShapeError, "A must be matrix(n, n) with n = 3; the array given is 2 x 2"),
    ({"A": np.eye(2)}, mc.DomainError, "no value is given for x"),
    ({"A": np.eye(2), "x": np.ones(2), "y": 1}, mc.DomainError, "y is not a variable of this answer"),
    ({"A": "a", "x": np.ones(2)}, mc.DomainError, "A must be matrix(n, n) of numbers"),
])
def test_a_wrong_array_is_an_error_of_ours(arrays: dict[str, Any], kind: type, said: str) -> None:
    g = mc.grad("x.T A x", "x")
    for f in (g, g.compile()):
        with pytest.raises(kind) as caught:
            f(**arrays)
        assert caught.value.message == said


def test_functions_sympy_and_arrays_instead_of_text() -> None:
    sympy = pytest.importorskip("sympy")
    n = sympy.Symbol("n", integer=True, positive=True)
    A, x = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("x", n, 1)
    for f in (lambda x, A: x.T @ A @ x, x.T * A * x):
        assert str(mc.grad(f, "x")) == "(A + A.T) @ x"
    for f in (np.eye(2), 3, None):
        with pytest.raises(mc.DomainError, match=r"made by mc\.parse, of SymPy or a Python function, not|is a number, and no"):
            mc.grad(f, "x")


@pytest.mark.parametrize("name", ["lambda", "self", "in", "np"])
def test_any_name_works_everywhere(name: str) -> None:
    d = mc.grad(f"{name}.T A {name}", name, [f"{name}: vector(n)"])
    values = {name: np.array([1.0, 2.0]), "A": np.eye(2)}
    assert str(d) == f"(A + A.T) @ {name}"
    for value in (d(values), d(**values), d.compile()(**values), mc.evaluate(str(d), values)):
        assert value.tolist() == [2, 4]


def test_the_name_of_a_function_is_no_variable_in_python_either() -> None:
    with pytest.raises(mc.ParseError) as caught:
        mc.grad("sum.T A sum", "sum")
    assert str(caught.value).splitlines()[-1] == 'fix: mc.grad("sum_1.T A sum_1", wrt="sum_1")'


# ---------------------------------------------------------------- errors


class Refusal(NamedTuple):
    """A row that is refused: the class of the error, the line of carets, the message and what else is said, and all its fixes."""

    row: int
    line: str
    error: str
    carets: str  # the line under the text; "" if the error has none
    said: tuple[str, ...]
    fixes: tuple[str, ...]
    code: int = 2


REFUSALS = [
    Refusal(0, 'grad "tr(A @ X" --wrt X', "ParseError", "  ^     ^ expected ')' here",
            ("'(' is never closed",), ('grad "tr(A @ X)" --wrt X',)),
    Refusal(3, 'grad "x.T A x"', "DomainError", "",
            ("which variable? several are in the expression: x, A",), ('grad "x.T A x" --wrt x', 'grad "x.T A x" --wrt A')),
    Refusal(5, "grad \"x'*A*x\" --wrt x --syntax numpy", "ShapeError", "^^ ^",
            ("shapes do not match in an elementwise product",), ("grad --syntax numpy \"x' @ A @ x\" --wrt x",)),
    Refusal(8, 'simplify "∑"', "ParseError", "^", ("'∑' is not part of any expression", "Σ"), ('simplify "Σ"',)),
    Refusal(8, 'grad "tr(∑)" --wrt Sigma', "ParseError", "   ^", ("'∑' is not part of any expression",), ('grad "tr(Σ)" --wrt Sigma',)),
    Refusal(9, 'grad "x.T * A * x" --wrt x', "ShapeError", "^^^   ^",
            ("shapes do not match in an elementwise product",), ('grad "x.T @ A @ x" --wrt x',)),
    Refusal(10, 'simplify "A * x"', "ShapeError", "^   ^",
            ("shapes do not match in an elementwise product",), ('simplify "A @ x"', 'simplify "A @ diag(x)"', 'simplify "diag(x) @ A"')),
    Refusal(11, 'grad "A @ x" --wrt x', "ShapeError", "^^^^^",
            ("grad needs a scalar, and this is vector(m)",), ('jacobian "A @ x" --wrt x', 'grad "sum(A @ x)" --wrt x')),
    Refusal(13, 'grad "x @ y.T" --wrt x', "ShapeError", "^^^^^^^",
            ("grad needs a scalar, and this is matrix(m, n)",),
            ('grad "x.T @ y" --wrt x',
             'grad "sum(x @ y.T)" --wrt x',
             'vjp "x @ y.T" --wrt x',
             'jacobian --form index "x @ y.T" --wrt x')),
    Refusal(14, 'grad "x.T @ A @ y" --wrt x --let "x: vector(3)" --let "A: matrix(4, 5)"', "ShapeError", "^^^   ^",
            ("shapes do not match in a product", "3 columns cannot meet 4 rows", "x.T is a row, 1 x 3; A is matrix(4, 5)"),
            ('grad "x.T @ A @ y" --wrt x --let "x: vector(3)" --let "A: matrix"',
             'grad "x.T @ A @ y" --wrt x --let "A: matrix(4, 5)" --let "x: vector"')),
    Refusal(14, 'grad "x.T @ A @ y" --let "x: vector(3)" --let "A: matrix(4, 5)"', "ShapeError", "^^^   ^",
            ("shapes do not match in a product",),
            ('grad "x.T @ A @ y" --let "x: vector(3)" --let "A: matrix"',
             'grad "x.T @ A @ y" --let "A: matrix(4, 5)" --let "x: vector"')),
    Refusal(15, 'grad "logdt(X)" --wrt X', "UnknownName", "^^^^^",
            ("unknown function 'logdt'", "did you mean logdet?"), ('grad "logdet(X)" --wrt X',)),
    Refusal(16, 'grad "log(X)" --wrt X', "ShapeError", "^^^^^^",
            ("grad needs a scalar, and this is matrix(m, n)", "elementwise", "logm", "logdet"), ('grad "logdet(X)" --wrt X',)),
    Refusal(17, 'grad "x.T A x" --wrt X', "UnknownName", "",
            ("X is not in the expression", "did you mean x?"), ('grad "x.T A x" --wrt x',)),
    Refusal(19, 'grad "X @ beta" --wrt beta', "ShapeError", "^^^^^^^^",
            ("grad needs a scalar, and this is vector(m)",), ('jacobian "X @ beta" --wrt beta', 'grad "sum(X @ beta)" --wrt beta')),
    Refusal(19, 'grad "t * x" --wrt x', "ShapeError", "^^^^^",
            ("grad needs a scalar, and this is vector(n)",),
            ('grad "t * x" --wrt x --let "x: scalar"',
             'jacobian "t * x" --wrt x',
             'grad "sum(t * x)" --wrt x')),
    Refusal(23, 'grad "relu(x)" --wrt x', "ShapeError", "^^^^^^^",
            ("grad needs a scalar, and this is vector(n)",),
            ('grad "relu(x)" --wrt x --let "x: scalar"',
             'jacobian "relu(x)" --wrt x',
             'grad "sum(relu(x))" --wrt x')),
    Refusal(24, 'simplify "svd(X)"', "NotSupported", "^^^", ("svd is not supported",), ('simplify "tr(X.T @ X)"',), 3),
    Refusal(24, 'simplify "eig(X)"', "NotSupported", "^^^", ("eig is not supported",), ('simplify "tr(X)"',), 3),
    Refusal(24, 'grad "svd(X)" --wrt X', "NotSupported", "^^^", ("svd is not supported",), ('grad "tr(X.T @ X)" --wrt X',), 3),
    Refusal(25, 'simplify "x.T A x)"', "ParseError", "       ^", ("')' was never opened",), ('simplify "x.T A x"',)),
    Refusal(25, 'simplify "A + ) B"', "ParseError", "    ^", ("an operand is expected after '+', not ')'",), ('simplify "A + B"',)),
    Refusal(25, 'simplify "A @@ x"', "ParseError", "   ^", ("an operand is expected after '@', not '@'",), ('simplify "A @ x"',)),
    Refusal(25, 'simplify "x +"', "ParseError", "  ^", ("the expression ends after '+'",), ('simplify "x"',)),
    Refusal(25, 'simplify ""', "ParseError", "", ("there is no expression",), ('simplify "x.T @ A @ x"',)),
    Refusal(25, 'grad "x.T A x)" --wrt x', "ParseError", "       ^", ("')' was never opened",), ('grad "x.T A x" --wrt x',)),
    Refusal(25, 'grad "" --wrt x', "ParseError", "", ("there is no expression",), ('grad "x.T @ A @ x" --wrt x',)),
    Refusal(26, 'simplify "f(x)"', "UnknownName", "^", ("unknown function 'f'",), ('simplify "f * (x)"',)),
    Refusal(29, 'hessian "x.T A x" --wrt x --wrt y', "UnknownName", "",
            ("y is not in the expression",), ('hessian "x.T A x" --wrt x', 'hessian "x.T A x" --wrt A')),
    Refusal(30, 'grad "softmax(Q K.T / sqrt(d)) V" --wrt Q', "ShapeError", "^^^^^^^^^^^^^^^^^^^^^^^^^^",
            ("grad needs a scalar, and this is matrix(m, p)",),
            ('grad "sum(softmax(Q K.T / sqrt(d)) V)" --wrt Q',
             'vjp "softmax(Q K.T / sqrt(d)) V" --wrt Q',
             'jacobian --form index "softmax(Q K.T / sqrt(d)) V" --wrt Q')),
    Refusal(36, 'simplify "eye(10**9)"', "LimitError", "    ^^^^^",
            ("1,000,000,000 is too large for a dimension",), ('simplify --limit dimension=1000000000 "eye(10**9)"',), 4),
    Refusal(38, 'grad "100*(y - x**2)**2 + (1 - x)**2" --wrt x', "ShapeError", "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
            ("grad needs a scalar, and this is vector(n)", "y vector(n), x vector(n)"),
            ('grad "100*(y - x**2)**2 + (1 - x)**2" --wrt x --let "y: scalar" --let "x: scalar"',
             'jacobian "100*(y - x**2)**2 + (1 - x)**2" --wrt x',
             'grad "sum(100*(y - x**2)**2 + (1 - x)**2)" --wrt x')),
    Refusal(39, 'simplify "x²"', "ShapeError", "^^",
            ("a vector has no power",), ('simplify "x**2"', 'simplify "x.T @ x"', 'simplify "x²" --let "x: scalar"')),
    Refusal(40, 'simplify "sum + 1"', "ParseError", "^^^",
            ("sum is a function: its argument goes in brackets",), ('simplify "sum_1 + 1"',)),
    Refusal(40, 'grad "sum.T sum" --wrt sum', "ParseError", "^^^",
            ("sum is a function: its argument goes in brackets",), ('grad "sum_1.T sum_1" --wrt sum_1',)),
    Refusal(40, 'grad "sum(x)" --wrt x --let "sum: vector(n)"', "DomainError", "^^^",
            ("sum is a function and cannot name a variable",), ('grad "sum(x)" --wrt x',)),
    Refusal(41, 'grad "x.T A x" --wrt A.T', "DomainError", "", ("'A.T' is not a variable",), ('grad "x.T A x" --wrt A',)),
    Refusal(41, 'simplify "1e999"', "LimitError", "^^^^^",
            ("a number has 1,000 digits", "limit"), ('simplify --limit digits=1000 "1e999"',), 4),
    Refusal(41, 'grad "x.T A x" --wrt x --let "x: vector(3)" --let "x: vector(4)"', "DomainError", "^",
            ("x is declared twice",), ('grad "x.T A x" --wrt x --let "x: vector(3)"', 'grad "x.T A x" --wrt x --let "x: vector(4)"')),
    Refusal(41, 'grad "x.T A x" --wrt x --let "A: symmetric" --let "A: skew"', "DomainError", "^",
            ("A is declared twice",), ('grad "x.T A x" --wrt x --let "A: symmetric"', 'grad "x.T A x" --wrt x --let "A: skew"')),
    Refusal(41, 'grad "x.T A x" --wrt x --let "x: scalar" --let "x: vector(3)"', "DomainError", "^",
            ("x is declared twice",), ('grad "x.T A x" --wrt x --let "x: scalar"', 'grad "x.T A x" --wrt x --let "x: vector(3)"')),
    Refusal(41, 'grad "x.T A x" --wrt n', "DomainError", "",
            ("n is a dimension, not a variable",), ('grad "x.T A x" --wrt x', 'grad "x.T A x" --wrt A')),
    Refusal(41, 'grad "sum(x) / n" --wrt n --let "x: vector(n)"', "DomainError", "",
            ("n is a dimension, not a variable",), ('grad "sum(x) / n" --wrt x --let "x: vector(n)"',)),
    Refusal(41, 'grad "1e999 * sum(x)" --wrt x', "LimitError", "^^^^^",
            ("a number has 1,000 digits",), ('grad --limit digits=1000 "1e999 * sum(x)" --wrt x',), 4),
]


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: f"{row.row}: {row.line}")
def test_refusals(row: Refusal) -> None:
    line = f"matcalc {row.line}"
    ran = typed(line)
    assert (ran.code, ran.out) == (row.code, ""), ran.err
    fields = error_fields(line)
    assert (fields["type"], fields["message"], fields["exit"]) == (row.error, row.said[0], row.code)
    assert under_the_text(ran, fields) == row.carets
    for said in row.said:
        assert said in ran.err
    assert ran.fixes == [f"matcalc {fix}" for fix in row.fixes]
    fixes_work(ran)


def bad_input() -> Iterator[tuple[str, ...]]:
    """The command line of every text that tests/errors and tests/readings refuse."""
    here = Path(__file__).parent
    for path in (*sorted((here / "errors").glob("*.toml")), here / "readings" / "refused.toml"):
        for name, entries in tomllib.loads(path.read_text("utf-8")).items():
            for entry in entries:
                let = [entry["let"]] if isinstance(entry.get("let"), str) else entry.get("let", [])
                syntax = entry.get("syntax", "latex" if name == "refused" else "auto")
                yield ("simplify", "--syntax", syntax, *(word for d in let for word in ("--let", d)), "--", entry.get("text", "x"))


@pytest.mark.parametrize("words", list(bad_input()), ids=lambda words: words[-1])
def test_every_fix_of_every_bad_text_can_be_copied(words: tuple[str, ...]) -> None:
    """As a command line: it is rid of the error, and answers or says how to go on."""
    ran = command_line(*words)
    for fix in ran.fixes:
        again = command_line.run_line(fix)
        assert again.error != ran.error, fix
        assert again.code == 0 or again.fixes, f"{fix}\n{again.err}"


def under_the_text(ran: Run, fields: dict[str, Any]) -> str:
    """The line of carets, which is alone and stands under the text; "" where nothing is marked."""
    shown = ran.err.splitlines()
    assert sum(line.startswith("error: ") for line in shown) == 1
    marked = [i for i, line in enumerate(shown) if line.startswith("  ") and line.strip().startswith("^")]
    if not fields["spans"]:
        assert not marked
        return ""
    (i,) = marked
    assert shown[i - 1] == f"  {fields['text']}"
    for start, end in fields["spans"]:
        assert set(shown[i][2:][start : max(end, start + 1)]) == {"^"}
    return shown[i][2:]


def test_the_first_error_to_the_letter() -> None:
    assert typed('matcalc grad "tr(A @ X" --wrt X') == Run(
        2, "", "error: '(' is never closed\n  tr(A @ X\n    ^     ^ expected ')' here\nfix: matcalc grad \"tr(A @ X)\" --wrt X\n")
