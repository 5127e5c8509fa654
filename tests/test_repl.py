"""The REPL: what is declared and defined stays, every error has a fix that works there, and the session goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from matcalc.cli import verbs
from matcalc.display import Shown
from matcalc.repl.completion import complete
from matcalc.repl.live import shape_of
from matcalc.repl.scope import Scope
from matcalc.repl.session import Session
from matcalc.repl.terminal import typed

from .command_line import command_line

ROOT = Path(__file__).parent.parent


def after(*lines: str) -> Session:
    """A session in which these lines were typed, without an error."""
    session = Session()
    for line in lines:
        shown = session.reply(line)
        assert shown.code == 0, (line, shown.err)
    return session


def out(*lines: str) -> list[str]:
    """What the last of these lines prints on stdout."""
    shown = after(*lines[:-1]).reply(lines[-1])
    assert shown.code == 0, shown.err
    return shown.out


def fixes(shown: Shown) -> list[str]:
    return [line[5:].split("    ")[0] for line in shown.err if line.startswith(("fix: ", " or: "))]


# ---------------------------------------------------------------- what stays


def test_declarations_stay() -> None:
    assert out("let A symmetric", "grad x.T A x x") == ["2 * A @ x"]
    assert out("let A, B: symmetric", "simplify A.T + B.T") == ["A + B"]
    assert out("let A: symmetric, x: vector(3)", "jacobian A x x") == ["A"]
    assert out("let A: matrix(3, 3)", "let A symmetric", ":let") == ["let A: matrix(3, 3) symmetric"]
    assert out("let A: matrix(3, 3)", "let A: matrix(n, n)", ":let") == ["let A: matrix(n, n)"]
    assert out("let A symmetric", "let A: symmetric, invertible", ":let") == ["let A: symmetric invertible"]


@pytest.mark.parametrize("line", ["let A: symmetric", "let A symmetric", "let A is symmetric", "let A be a symmetric", ":let A symmetric",
                                  "A: symmetric"])
def test_a_declaration_as_it_is_said(line: str) -> None:
    assert out(line, ":let") == ["let A: symmetric"]


def test_definitions_stay_and_are_taken_as_a_whole() -> None:
    assert out("f = norm2sq(A x - b)", "grad f x") == ["2 * A.T @ (A @ x - b)"]
    assert out("s = A + B", "2 s.T C") == ["2 * (A + B).T @ C"]
    assert out("r = A x - b", "f = r.T r", "r = x", "grad f x") == ["2 * x"]
    assert out("f = r.T r where r = A x - b", "grad f x") == ["2 * A.T @ (A @ x - b)"]
    assert out("Σ = A.T A", "x.T Sigma x") == out("x.T A.T A x")


def test_a_definition_is_used_inside_names_that_are_products() -> None:
    """x'Sx is x' S x, and S is what was defined."""
    assert out("S = A + A.T", "grad x'Sx x") == ["2 * (A + A.T) @ x"]
    assert out("let S symmetric", "grad x'Sx x") == ["2 * S @ x"]


def test_the_T_of_a_transpose_is_no_name() -> None:
    assert out("T = x", "grad x.T A x x") == ["(A + A.T) @ x"]


def test_answers_get_names_and_keep_their_shapes() -> None:
    session = after("f = x.T A x + b.T x", "g = grad f x")
    assert session.reply("jacobian g x").out == ["A + A.T"]
    assert session.reply("b").err[0].startswith("read as: b ")  # still a vector: declared, not assumed
    assert session.reply("jacobian b b").out == ["eye(n)"]
    assert out("let A symmetric", "g = grad x.T A x x", "jacobian g x") == ["2 * A"]
    assert out("s = hessian logsumexp(A x) x", "simplify s - s.T") == ["zeros(n, n)"]


def test_dimensions_of_different_answers_are_their_own() -> None:
    """The n of the first answer is not the n of the second."""
    session = after("g = grad x.T A x x", "h = grad z.T B z z")
    assert session.reply("kron(A, B)").code == session.reply("simplify z.T B z").code == 0
    assert session.scope.declared["A"] == "A: matrix(n, n)"
    assert session.scope.declared["B"] == "B: matrix(n_1, n_1)"


def test_a_dimension_is_never_taken_for_what_was_defined() -> None:
    """The m of 2 / m is the number of rows, whatever the session calls m."""
    session = after("m = 3", "f = mean((X w - y)**2)", "g = grad f w")
    assert session.reply("simplify g").out == ["2 / m_1 * X.T @ (X @ w - y)"]
    session = after("f = mean((X w - y)**2)", "g = grad f w")
    shown = session.reply("m = 3")
    assert (shown.code, shown.err[0], fixes(shown)) == (2, "error: m is a dimension of X, and cannot be defined", ["m_1 = 3"])
    shown = after("m = 3").reply("let A: matrix(m, m)")
    assert (shown.code, fixes(shown)) == (2, [":del m; let A: matrix(m, m)"])
    assert out("m = 3", *fixes(shown), "jacobian A x x") == ["A"]


def test_numbers_are_used_where_values_are_asked_for() -> None:
    lines = ("x = [1, 2]", "A = [[1, 2], [3, 4]]")
    assert out(*lines, "f = x.T A x", "eval f") == ["27"]
    assert out(*lines, "grad x.T A x x") == ["(A + A.T) @ x"]
    assert out("a = [1, 2]", "minimize norm2sq(x - a) x")[0] == "x = [1., 2.]"
    assert out("x = [1 2]", "A = [1 2; 3 4]", "eval x.T A x") == ["27"]
    assert out("x = np.array([1, 2])", "eval x") == out("x = [1; 2]", "eval x") == ["[1, 2]"]
    assert after(*lines).reply("A x").err[-1] == "note: eval A x gives its value"


def test_pictures_are_of_what_was_defined(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    where = str(tmp_path / "f.png")
    assert out("a = [1, 2]", "f = norm2sq(x - a)", f"plot field f, x --range '-3:3' --save {where}") == [where]
    shown = after("f = norm2sq(x)").reply("plot feild f over x")
    assert (shown.code, fixes(shown)) == (2, ["plot field f over x"])


def test_a_definition_says_what_it_changes() -> None:
    assert after("f = x.T x", "let x: vector(3)").reply("x = A y").err[1:] == ["note: no longer declared: x: vector(3)", "note: used by f"]


def test_what_was_said_is_listed_as_it_can_be_typed_and_forgotten() -> None:
    lines = ("let A: spd", "f = x.T A x", "x = [1, 2]")
    listed = out(*lines, ":let")
    assert out(*listed, ":let") == listed == ["let A: spd", "f = x.T A x", "x = [1, 2]"]
    assert out(*lines, ":del A x", ":let") == ["f = x.T A x"]
    assert out(*lines, ":clear", ":let") == []


# ---------------------------------------------------------------- which word is the variable


@pytest.mark.parametrize(("line", "answer"), [
    ("grad x.T A x x", "(A + A.T) @ x"), ("grad x.T A x wrt x", "(A + A.T) @ x"), ("grad x.T A x, x", "(A + A.T) @ x"),
    ('grad "x.T A x" x', "(A + A.T) @ x"), ("grad 'x.T A x' --wrt x", "(A + A.T) @ x"), ("grad x.T x", "2 * x"),
    ("grad norm2sq(x)", "2 * x"), ("jacobian A x x", "A"), ("differential inv(X) X", "-inv(X) @ dX @ inv(X)"), ("grad tr(A X) X", "A.T"),
    ("grad -x.T x x", "-2 * x"), ("hessian x.T A y wrt x, y --let 'y: vector(m)'", "A"), ("x + x", "2 * x"), ("-x", "-x"),
    ("grad sum(maximum(x, y)), y", "1 / 2 - sign(x - y) / 2"), ("grad f where f = x.T x wrt x", "2 * x"),
    ("jacobian A X X --wrt X", "kron(X.T, A) + kron(eye(n), A @ X)"),
    ("grad(x.T A x, x)", "(A + A.T) @ x"), ("grad(x.T x)", "2 * x"), ("grad (x + y).T (x + y) x", "2 * (x + y)"),
    ("matcalc grad 'x.T A x' --wrt x", "(A + A.T) @ x"), ("jacobian A X B wrt X --form index", "dF[i,j]/dX[k,l] = A[i,k] * B[l,j]"),
])
def test_variables(line: str, answer: str) -> None:
    assert out(line) == [answer]


def test_a_declared_variable_that_is_absent_is_no_variable_of_the_line() -> None:
    """jacobian A x, with x declared, is no derivative of A by x, which would be zero."""
    assert "which variable" in after("let x: vector(n)").reply("jacobian A x").err[0]


@pytest.mark.parametrize(("lines", "line", "said", "fix"), [
    (("let x: vector(3)", "loss = norm2sq(A x - b)"), "grad los x", "did you mean loss?", "grad loss wrt x"),
    (("let x: vector(3)", "loss = norm2sq(A x - b)"), "grad 2 los x --to latex", "did you mean loss?", "grad 2 loss wrt x --to latex"),
    (("let x: vector(3)", "f = norm2sq(A x - b)", ":del f"), "grad f x", "nothing is known of it", "grad f wrt f"),
])
def test_a_name_that_means_nothing_has_no_derivative_of_zero(lines: tuple[str, ...], line: str, said: str, fix: str) -> None:
    shown = after(*lines).reply(line)
    assert (shown.code, shown.err[0]) == (2, "error: x is not in the expression")
    assert said in shown.err[1]
    assert fixes(shown) == [fix]
    assert after(*lines).reply(fix).code == 0


def test_a_definition_is_none_of_let() -> None:
    assert fixes(Session().reply("let f = x.T A x")) == ["f = x.T A x"]
    assert fixes(Session().reply("let A = spd")) == ["let A: spd"]


# ---------------------------------------------------------------- other forms


def test_forms_of_the_last_answer_and_of_a_new_one() -> None:
    session = after("f = norm2sq(A x - b)", "grad f x")
    assert session.reply(":latex").out == [r"2 A^{\top} (A x - b)"]
    assert session.reply(":code").out[0].startswith("import numpy as np")
    assert len(session.reply(":steps").out) > 1
    assert session.reply(":to unicode").out == ["2 Aᵀ (A x − b)"]
    assert session.reply(":latex hessian f x").out == [r"2 A^{\top} A"]
    assert session.reply(":to text").out == ["2 * A.T @ A"]
    assert json.loads(session.reply(":json").out[0])["ok"] is True


def test_help() -> None:
    assert out(":help")[0].startswith("let A symmetric")
    assert out(":help grad") == out("grad --help")
    assert out(":help inv")[0].startswith("inv  (function")
    listed = "\n".join(out(":help"))
    for line in ("let A symmetric", "f = norm2sq(A x - b)", "grad f x", "g = grad f x", "check f x claim A.T (A x - b)", ":help inv"):
        assert line in listed


# ---------------------------------------------------------------- errors


ERRORS = [
    "grad tr(A @ X X", "grad A x x", "grad f", "grad f(x) x", "grad f r", "grad logdt(f) x", "grad f x --to lates", "gradient f x",
    "f = f + 1", "f = tr(A", "f(x) = x.T x", "let B skw", "let B", "let A: spd skew",
    "let n: vector(3)", "let B: matrix(2, 3) spd", ":del zz",
    ":lates", "x = [1, [2]]", "x = [[[1]]]", "q = vjp f x", "r_2 = r.T r where r = x", "grad (x.T b x", "x ^2 + y",
    "check f x claim 2 q", "check f x claim 2 A.T r + y", "grad f x --layout", "grad f x --let 'A", "hessian f wrt x, A, b",
    "eval f", "grad x.T * A x x", "jacobian A x", "exp = x.T x", "grad exp(x).T y z", "B = vjp r x", "q = grad f wrt x, A",
    "repl", "rules inx", "d/dx f", "df/dx", "d/dx r", "A is symmetric", "latex", "steps f", "gradient(f, x)", "clear f", ":clear zz",
    ":del", "eval grad f x", "grad f x --stesp", "grad f x --nonsense", "grad f x --limit", "grad f x --seed", "grad f x --wrt",
    "simplify A @ B.T + A.T x", "grad f wrt q",
]


@pytest.mark.parametrize("line", ERRORS)
def test_every_error_has_a_fix_that_works_here(line: str) -> None:
    lines = ("let A: matrix(n, n)", "r = A x - b", "f = norm2sq(r)")
    shown = after(*lines).reply(line)
    assert shown.code in (2, 4), shown
    assert sum(said.startswith("error: ") for said in shown.err) == 1, shown.err
    assert fixes(shown), shown.err
    for fix in fixes(shown):
        again = after(*lines).reply(fix)
        assert again.code in (0, 1), (fix, again.err)


def test_carets_are_under_what_was_typed() -> None:
    session = after("f = norm2sq(A x - b)")
    assert session.reply("grad f + tr(A x wrt x").err[1:3] == ["  f + tr(A x", "        ^   ^ expected ')' here"]
    assert session.reply("g = f + tr(A").err[1:3] == ["  f + tr(A", "        ^ ^ expected ')' here"]


def test_an_error_changes_nothing() -> None:
    session = after("let A: spd", "f = x.T A x")
    before = session.scope.listed()
    for line in ERRORS:
        if session.reply(line).code:
            assert session.scope.listed() == before
        session.scope.forget([name for name in [*session.scope.defined, *session.scope.declared] if name not in "Af"])


@pytest.mark.parametrize("line", ["", "   ", "# a comment"])
def test_nothing_is_said_to_nothing(line: str) -> None:
    assert Session().reply(line) == Shown([], [])


@pytest.mark.parametrize("line", [
    "(" * 500, "let " + "a: scalar; let " * 3000 + "b: scalar", "f = " + "g where g = " * 300, "grad " + "a, " * 20_000 + "a",
    "a" + " " * 60_000 + "+",
    "let", ":", ": ", "let :", "= 3", "f =", "grad", "grad x wrt", "check x", "\x00", "\ud800", "matcalc", "matcalc ", "matcalc --nonsense",
    "plot", "plot field", "rules a b", "grad --wrt", '"', "grad \"", ":to", ":to nonsense", ":latex nonsense(", "help nonsense", "x = [",
    "x = [nan", "f = grad", "minimize", "eval", "let A: matrix(10**9, 2)", "f = x where", "x where x = x", "where", "grad where",
    "let where: spd", "x = []",
])
def test_no_line_ends_the_session(line: str) -> None:
    session = Session()
    shown = session.reply(line)
    assert shown.code in (0, 2, 3, 4), shown.err[:3]
    assert not any("itself failed" in said for said in shown.err), shown.err
    assert session.reply("2 + 3").out == ["5"]


# ---------------------------------------------------------------- pipes


def test_lines_from_a_pipe() -> None:
    ran = command_line("repl", stdin=b"let A symmetric\ngrad x.T A x x\n")
    assert (ran.code, ran.out) == (0, "2 * A @ x\n")
    assert ran.err.startswith("A: symmetric\n")


def test_an_error_from_a_pipe_names_its_line_and_the_worst_code_is_the_exit_code() -> None:
    ran = command_line("repl", stdin=b"tr(A\ngrad x.T x x\ncheck x.T x x claim x\nquit\n0 0 0")
    assert ran.code == 2
    assert ran.err.startswith("error: line 1: '(' is never closed\n")
    assert ran.out.startswith("2 * x\nfalse: a factor 2 is missing\n")


def test_bytes_from_a_pipe() -> None:
    ran = command_line("repl", stdin=b"\xef\xbb\xbflet A symmetric\r\ngrad x.T A\xff x x\r\n\xce\xa3 = A\n")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == ["A: symmetric", "error: line 2: the line is not UTF-8 text", "fix: grad x.T A x x",
                                    "\u03a3: matrix(n, n)    assumed: A matrix(n, n)"]


def test_rules_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[cubed]\nsignature = "cubed(x: any) -> like(x)"\nderivative = "3 * x**2"\nnumpy = "x**3"\n')
    lines = b"grad sum(cubed(x)) x\n"
    assert command_line("repl", "--rules", str(tmp_path / "mine.toml"), stdin=lines).out == "3 * x**2\n"
    ran = command_line("repl", "--rules", "nowhere.toml", stdin=lines)
    assert (ran.code, ran.error, ran.fixes) == (2, "nowhere.toml cannot be read", ["matcalc repl"])


# ---------------------------------------------------------------- while typing


@pytest.mark.parametrize(("line", "shown"), [
    ("grad x.T A x", "scalar    assumed: A matrix(n, n), x vector(n)"), ("f = A x", "vector(m)    assumed: A matrix(m, n), x vector(n)"),
    ("A @ (", "the expression ends after '('"), ("", ""), ("grad", ""), ("let A", ""), (":let", ""), ("x = [1,", ""),
    (":latex A", "matrix(m, n)"), ("grad tr(A @ X", "'(' is never closed"),
])
def test_the_shape_of_what_is_typed(line: str, shown: str) -> None:
    assert shape_of(line, Scope()).startswith(shown)
    assert shown or not shape_of(line, Scope())


def test_what_is_wrong_is_said_of_what_was_typed() -> None:
    assert shape_of("grad f + tr(A @ (X", after("f = x.T x").scope) == "'(' is never closed"


def test_every_beginning_of_a_line_has_a_shape_or_a_word_on_what_is_missing() -> None:
    scope = after("let A symmetric", "f = x.T A x").scope
    for line in ("g = grad f + norm2sq(A x - b)' / 2 wrt x --to latex", ":latex check f x claim 2 A x", "let B: matrix(3, n)"):
        for end in range(len(line)):
            assert "\n" not in shape_of(line[:end], scope)


def words(before: str, *lines: str) -> list[str]:
    return [candidate.word for candidate in complete(before, after(*lines).scope)[1]]


def test_completion() -> None:
    assert words("gra") == ["grad "]
    assert "softmax(" in words("grad soft")
    assert words("let A: sy") == words("let A sy") == ["symmetric"]
    assert words("grad loss", "loss = x.T x") == ["loss"]
    assert words("grad norm2sq(Theta x) wrt Th") == ["Theta"]
    assert words("grad f x --stru") == ["--structure"]
    assert words("grad f x --to la") == words(":to la") == ["latex"]
    assert words("grad f x --structure f") == ["free"]
    assert words(":la") == [":latex"]
    assert {f"{name} " for name in verbs.commands} - {"repl "} <= set(words(""))
    assert words(":help logd") == ["logdet("] or words(":help logd") == ["logdet"]


def test_history_is_kept_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("prompt_toolkit")
    from matcalc.repl.drawing import history

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept: Any = history()
    kept.append_string("grad x.T x x")
    assert "grad x.T x x" in (tmp_path / "matcalc" / "history").read_text()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    other: Any = history()
    other.append_string("not written, and no error")


def test_a_person_in_a_terminal(tmp_path: Path) -> None:
    """A conversation over a pseudo-terminal: it begins with a word on what to type, errors do not end it, and its exit code is 0."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)}
    person = subprocess.Popen([sys.executable, "-m", "matcalc", "repl"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.write(ours, b"let A symmetric\rtr(A\rgrad x.T A x x\r:quit\r")
    shown, patience = b"", Timer(60, person.kill)
    patience.start()
    with suppress(OSError):  # what is left to read ends with an error on Linux
        while more := os.read(ours, 65536):
            shown += more
    patience.cancel()
    os.close(ours)
    assert person.wait(timeout=30) == 0
    for said in (b"asks for a gradient", b"A: symmetric", b"is never closed", b"2 * A @ x"):
        assert said in shown


def test_a_terminal_conversation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.document import Document
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    from matcalc.repl.drawing import Prompt

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with create_pipe_input() as keys:
        prompt = Prompt(Session(), "> ", input=keys, output=DummyOutput())
        keys.send_text("\x1b[200~let A symmetric\ngrad x.T A x x\x1b[201~\n")
        assert next(typed(prompt.ask)) == "let A symmetric"
        keys.send_text("grad x.T A x x\n")
        assert prompt.ask() == "grad x.T A x x"
        completed = prompt.asks.completer.get_completions(Document("grad x.T A x wr"), None)
        assert [(c.text, c.start_position) for c in completed] == [("wrt ", -2)]
