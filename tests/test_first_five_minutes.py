"""What people type when they meet matcalc, their mistakes included, and what they get: stdout, exit code, error, and every fix, run."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

import pytest

from .command_line import Run, command_line


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
    assert ran.code == 0
    examples = [line.strip() for line in ran.out.splitlines() if line.startswith("  matcalc ")]
    assert len(examples) == 3
    for example in examples:
        assert typed(example).code == 0


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
