"""The command line, with an API that answers at once: options, streams, exit codes, JSON."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import matcalc
from matcalc import cli
from matcalc.errors import CheckFailed, DomainError, Fix, LimitError, MatcalcError, NotSupported, ParseError
from matcalc.syntax import Symbol

from .command_line import Run, command_line

DEFAULTS = {"let": (), "syntax": "auto", "rules": (), "check": True, "seed": 0, "limits": None}
SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "schema.json").read_text())


class Derivation:
    """Its steps, as derivation.py gives them."""

    def cells(self, format: str) -> list[tuple[str, str, str]]:
        return [("df = ", "x.T @ (A + A.T) @ dx    ", "product rule"), ("G  = ", "(A + A.T) @ x", "")]

    def lines(self, format: str) -> list[str]:
        return ["".join(row) for row in self.cells(format)]

    def summary(self) -> str:
        return "steps checked, every equation: exact"

    def latex(self) -> str:
        return "\\begin{align*}\n\\end{align*}"


class Answer:
    """An answer as answer.py gives it, for `x.T A x`."""

    def __init__(self, text: str, wrt: str | None, **more: Any) -> None:
        self.text, self.wrt = text, wrt
        self.conditions = more.get("conditions", ())
        self.alternative = more.get("alternative", ())
        self.evidence = "exact, 3 points"
        self.derivation = Derivation()
        assumed = (Symbol("x", ("n", 1)), Symbol("A", ("n", "n")))  # in the order of the text
        self.reading = SimpleNamespace(read_as="x.T @ A @ x", assumed=assumed, notes=more.get("notes", ()))

    def __str__(self) -> str:
        return "(A + A.T) @ x"

    def to(self, format: str) -> str:
        return f"{self} in {format}" if format != "text" else str(self)

    def to_dict(self) -> dict[str, Any]:
        symbols = [{"name": "x", "shape": "vector(n)", "properties": [], "declared": False}]
        reading = {"text": self.text, "read_as": "x.T @ A @ x", "symbols": symbols, "notes": [], "layout": None, "structure": "projected"}
        evidence = {"kind": "exact", "points": 3, "worst": 0.0, "verdict": True, "reason": ""}
        return {"text": self.text, "wrt": self.wrt, "answer": str(self), "reading": reading, "conditions": [], "alternative": [],
                "evidence": evidence, "derivation": [{"left": "G", "before": "a", "after": "b", "rule": "r", "words": "", "source": ""}]}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for the API: what it was asked is kept, what it raises or adds to an answer can be set."""
    stand_in = SimpleNamespace(calls=[], raises={}, more={})

    def grad(f: str, wrt: Any = None, **options: Any) -> Any:
        stand_in.calls.append((f, wrt, options))
        if f in stand_in.raises:
            raise stand_in.raises[f]
        if isinstance(wrt, list):
            return [Answer(f, name, **stand_in.more) for name in wrt]
        return Answer(f, wrt or "x", **stand_in.more)

    def simplify(f: str, **options: Any) -> Any:
        stand_in.calls.append((f, None, options))
        return Answer(f, None, **stand_in.more)

    def evaluate(f: str, values: dict[str, Any], **options: Any) -> Any:
        stand_in.calls.append((f, values, options))
        return stand_in.more.get("value", 5.0)

    def rules(**_options: Any) -> list[Any]:
        return [SimpleNamespace(name="inv", kind="function", text="inv(X: matrix(n, n)) -> matrix(n, n)", source="Cookbook eq. 40",
                                where="rules/functions/linalg.toml:3"),
                SimpleNamespace(name="trace-gram", kind="identity", text="tr(A.T @ A) -> norm2sq(A)", source="",
                                where="rules/identities/trace.toml:9")]

    for name, function in (("grad", grad), ("simplify", simplify), ("evaluate", evaluate), ("rules", rules)):
        monkeypatch.setattr(matcalc, name, function, raising=False)
    return stand_in


# ---------------------------------------------------------------- answers


def test_the_answer_alone_goes_to_stdout(api: SimpleNamespace) -> None:
    ran = command_line("grad", "x.T A x", "--wrt", "x")
    assert ran == Run(0, "(A + A.T) @ x\n",
                      "assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points\n")
    (call,) = api.calls
    assert call == ("x.T A x", "x", {**DEFAULTS, "structure": "projected"})


def test_options_reach_the_api(api: SimpleNamespace) -> None:
    command_line("grad", "f", "--wrt", "x", "--wrt", "A", "--let", "A: spd", "--let", "x: vector(3)", "--syntax", "numpy",
                 "--structure", "free", "--rules", "mine.toml", "--no-check", "--seed", "7", "--limit", "nodes=5", "--limit", "tokens=6")
    (call,) = api.calls
    assert call == ("f", ["x", "A"], {"let": ("A: spd", "x: vector(3)"), "syntax": "numpy", "structure": "free", "rules": ("mine.toml",),
                                      "check": False, "seed": 7, "limits": {"nodes": 5, "tokens": 6}})


def test_conditions_other_forms_and_notes_go_to_stderr(api: SimpleNamespace) -> None:
    api.more.update(conditions=("x != 0", "at kinks: sign(0) = 0"), alternative=("= B  valid if X is invertible",),
                    notes=("* is elementwise",))
    ran = command_line("grad", "f", "--wrt", "x")
    assert ran.out == "(A + A.T) @ x\n"
    assert ran.err.splitlines() == ["valid if x != 0", "at kinks: sign(0) = 0", "= B  valid if X is invertible",
                                    "assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points",
                                    "note: * is elementwise"]


def test_the_only_variable_is_named(api: SimpleNamespace) -> None:
    assert "note: differentiated by x, the only variable\n" in command_line("grad", "x.T @ x").err


def test_several_variables_give_a_line_each(api: SimpleNamespace) -> None:
    assert command_line("grad", "f", "--wrt", "x", "--wrt", "A").out == "(A + A.T) @ x\n" * 2


def test_steps_come_before_the_answer(api: SimpleNamespace) -> None:
    assert command_line("grad", "f", "--steps").out == "df = x.T @ (A + A.T) @ dx    product rule\nG  = (A + A.T) @ x\n(A + A.T) @ x\n"
    assert command_line("grad", "f", "--steps").err.splitlines()[-1] == "steps checked, every equation: exact"
    assert "steps" not in command_line("grad", "f", "--steps", "--no-check").err
    assert command_line("grad", "f", "--steps", "--to", "latex").out == "\\begin{align*}\n\\end{align*}\n"
    assert command_line("grad", "f", "--steps", "--to", "numpy").out.endswith("\n(A + A.T) @ x in numpy\n")


def test_simplify(api: SimpleNamespace) -> None:
    assert command_line("simplify", "f").out == "(A + A.T) @ x\n"
    assert api.calls[0][2] == DEFAULTS


def test_a_leading_minus_and_an_option_without_its_value(api: SimpleNamespace) -> None:
    ran = command_line("grad", "-x.T @ x", "--wrt")
    assert (ran.error, ran.fixes) == ("--wrt needs a value", ['matcalc grad "-x.T @ x" --wrt x'])
    assert command_line.run_line(ran.fixes[0]).code == 0


def test_a_leading_minus_is_no_option(api: SimpleNamespace) -> None:
    for words in (("--wrt", "x", "--", "-x.T @ x"), ("-x.T @ x", "--wrt", "x")):
        assert command_line("grad", *words).code == 0
    assert [call[:2] for call in api.calls] == [("-x.T @ x", "x")] * 2


# ---------------------------------------------------------------- values


def test_eval_takes_values_from_the_line_and_from_a_file(api: SimpleNamespace, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", A=np.eye(2), x=np.zeros(2))
    ran = command_line("eval", "x.T A x", "--set", "x=[1, 2]", "--data", str(tmp_path / "data.npz"))
    assert ran == Run(0, "5\n", "")
    values = api.calls[0][1]
    assert values["A"].tolist() == [[1, 0], [0, 1]]
    assert values["x"].tolist() == [1, 2]


@pytest.mark.parametrize(("value", "printed"), [(np.float64(2.5), "2.5"), (np.array([1.0, 0.5]), "[1, 0.5]"),
                                                (np.array([[1.0], [2.0]]), "[[1], [2]]"), (float("nan"), "NaN")])
def test_values_are_printed_as_they_are_typed(api: SimpleNamespace, value: Any, printed: str) -> None:
    api.more["value"] = value
    assert command_line("eval", "f").out == printed + "\n"


@pytest.mark.parametrize("words", [("--set", "x"), ("--set", "x=[1, 2"), ("--set", "x=[[1], [1, 2]]"), ("--set", "x=__import__('os')"),
                                   ("--set", "=3"), ("--set", "x={}"), ("--data", "no such file.npz"), ("--data", __file__),
                                   ("--set", "x=" + "[" * 100_000)])
def test_bad_values_are_typed_errors(api: SimpleNamespace, words: tuple[str, ...]) -> None:
    ran = command_line("eval", "f", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.fixes == ['matcalc eval --set f=1 "f"']


# ---------------------------------------------------------------- errors


def test_an_error_is_printed_with_the_command_mended(api: SimpleNamespace) -> None:
    api.raises["tr(A"] = ParseError("'(' is never closed", (2, 3), fixes=[Fix("tr(A)")], text="tr(A")
    ran = command_line("grad", "tr(A", "--wrt", "A", "--let", "A: spd", "--structure", "free")
    assert ran == Run(2, "", "error: '(' is never closed\n  tr(A\n    ^\n"
                             'fix: matcalc grad --structure free "tr(A)" --wrt A --let "A: spd"\n')


@pytest.mark.parametrize("error", [DomainError("d"), NotSupported("n"), LimitError("l"), CheckFailed("c")])
def test_exit_codes_are_those_of_the_errors(api: SimpleNamespace, error: MatcalcError) -> None:
    api.raises["f"] = error
    assert command_line("grad", "f") == Run(error.exit_code, "", f"error: {error.message}\n")


def test_a_fault_of_ours_is_no_traceback(api: SimpleNamespace) -> None:
    api.raises["f"] = KeyError("oops")
    ran = command_line("grad", "f")
    assert ran.code == 70
    assert ran.err.startswith("error: matcalc itself failed (KeyError: 'oops' at test_cli.py:")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(("words", "said", "fix"), [
    (("grda", "x.T A x", "--wrt", "x"), "there is no command grda; did you mean grad?", 'matcalc grad "x.T A x" --wrt x'),
    (("--verson",), "there is no option --verson; did you mean --version?", "matcalc --version"),
    (("grad", "f", "--wtr", "x"), "there is no option --wtr; did you mean --wrt?", "matcalc grad f --wrt x"),
    (("grad", "f", "--wtr=x"), "there is no option --wtr; did you mean --wrt?", "matcalc grad f --wrt=x"),
    (("grad", "f", "--qqq"), "there is no option --qqq; grad takes", "matcalc grad --help"),
    (("gradient", "x.T A x", "--wrt", "x"), "there is no command gradient; did you mean grad?", 'matcalc grad "x.T A x" --wrt x'),
    (("zzz",), "there is no command zzz", "matcalc --help"),
    (("x.T A x",), "a verb is missing before the expression", 'matcalc simplify "x.T A x"'),
    (("grad",), "an expression is missing", 'matcalc grad "x.T A x" --wrt x'),
    (("grad", "--wrt", "Q", "--wrt", "K"), "an expression is missing", 'matcalc grad "norm2sq(Q) + norm2sq(K)" --wrt Q --wrt K'),
    (("simplify",), "an expression is missing", 'matcalc simplify "x.T A x"'),
    (("grad", "x.T", "A", "x", "--wrt", "x"), "several expressions; one with blanks in it needs quotes", 'matcalc grad "x.T A x" --wrt x'),
    (("grad", "f", "--wrt"), "--wrt needs a value", "matcalc grad f --wrt x"),
    (("grad", "f", "--seed", "x"), "invalid value for '--seed'", "matcalc grad --help"),
    (("grad", "f", "--to", "jsn"), "--to takes text, unicode, latex, mathml, sympy, numpy, jax, torch, julia, matlab, json; not jsn",
     "matcalc grad f --to json"),
    (("grad", "f", "--syntax", "nunpy"), "--syntax takes auto, numpy, matlab, latex; not nunpy", "matcalc grad f --syntax numpy"),
    (("grad", "f", "--structure", "sym"), "--structure takes", "matcalc grad f --structure projected"),
    (("grad", "f", "--limit", "nodes"), "--limit takes NAME=VALUE", "matcalc grad f"),
    (("grad", "f", "--file", "g"), "an expression or --file, not both", 'matcalc grad "f"'),
    (("grad", "f\udcff"), "argument 2 is not UTF-8 text", "matcalc grad f"),
    (("rules", "nv"), "there is no function or identity nv; did you mean inv?", "matcalc rules inv"),
])
def test_usage_errors_have_a_fix_that_works(api: SimpleNamespace, words: tuple[str, ...], said: str, fix: str) -> None:
    ran = command_line(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith(f"error: {said}")
    assert ran.fixes == [fix]
    assert command_line.run_line(fix).code == 0


# ---------------------------------------------------------------- files and standard input


def test_a_file_has_one_expression_a_line(api: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "many.txt"
    file.write_bytes("\ufeffa\r\n\r\nbad\nb\n".encode())
    api.raises["bad"] = NotSupported("no rule", fixes=[Fix("good")])
    ran = command_line("grad", "--file", str(file), "--wrt", "x")
    assert ran.code == 3
    assert ran.out.splitlines() == ["(A + A.T) @ x", "", "(A + A.T) @ x"]
    said = ran.err.splitlines()
    assert [line[:16] for line in said] == ["line 1: assumed:", "error: line 3: n", "fix: matcalc gra", "line 4: assumed:"]
    assert ran.fixes == ['matcalc grad "good" --wrt x']


def test_the_exit_code_is_the_worst(api: SimpleNamespace, tmp_path: Path) -> None:
    for name, error in (("two", DomainError("d")), ("three", NotSupported("n")), ("four", LimitError("l")), ("seventy", CheckFailed("c"))):
        api.raises[name] = error
    file = tmp_path / "many.txt"
    for names, code in (("f two f", 2), ("three two", 3), ("two four three", 4), ("four seventy two", 70), ("f f", 0), ("", 0)):
        file.write_text("\n".join(names.split()))
        assert command_line("grad", "--file", str(file)).code == code


@pytest.mark.parametrize("data", [b"x.T A x\n", b"\xef\xbb\xbfx.T A x", b"x.T A x\r\n\r\n"])
def test_standard_input(api: SimpleNamespace, data: bytes) -> None:
    assert command_line("grad", "-", "--wrt", "x", stdin=data).code == 0
    assert api.calls[0][:2] == ("x.T A x", "x")


def test_several_lines_of_standard_input_are_several_expressions(api: SimpleNamespace) -> None:
    assert command_line("grad", "-", stdin=b"a\nb\n").out == "(A + A.T) @ x\n" * 2


def test_what_cannot_be_read_is_a_typed_error(api: SimpleNamespace, tmp_path: Path) -> None:
    missing = command_line("grad", "--file", "no such file")
    assert missing.err.startswith("error: no such file cannot be read\n  No such file or directory\nfix: ")
    assert command_line("grad", "--file", str(tmp_path)).code == 2
    ran = command_line("grad", "-", stdin=b"a\n\xff\nb")
    assert (ran.code, ran.out, ran.error) == (2, "(A + A.T) @ x\n\n(A + A.T) @ x\n", "line 2: the text is not UTF-8")


def test_a_line_that_is_not_utf8_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"tr(A)\nx\xff\nsum(x)\n")
    ran = command_line("simplify", "--file", str(tmp_path / "f"))
    assert (ran.code, ran.out, ran.error) == (2, "tr(A)\n\nsum(x)\n", "line 2: the text is not UTF-8")


# ---------------------------------------------------------------- the real API: data, dimensions, fixes


def test_an_array_that_is_not_used_is_left_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(2), unused=np.zeros(3), objects=np.array([{}], dtype=object))
    assert command_line("eval", "x.T x", "--data", str(tmp_path / "a.npz")).out == "2\n"
    ran = command_line("eval", "sum(objects)", "--data", str(tmp_path / "a.npz"))
    assert (ran.code, "pickle" in ran.err) == (2, False)
    assert command_line.run_line(ran.fixes[0]).code == 0


@pytest.mark.parametrize("name", ["a.npy", "a.txt", "a.pkl", "damaged.npz"])
def test_data_of_other_kinds_is_a_typed_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    np.save(tmp_path / "a.npy", np.ones(2))
    if name != "a.npy":
        path.write_bytes({"a.txt": b"1 2", "a.pkl": b"\x80\x04N.", "damaged.npz": b"PK\x03\x04" + bytes(50)}[name])
    ran = command_line("eval", "x.T A x", "--data", str(path))
    assert ran.code == 2
    assert "pickle" not in ran.err
    if name == "a.npy":
        assert "np.savez(" in ran.fixes[0]
    else:
        assert command_line.run_line(ran.fixes[0]).code == 0


@pytest.mark.parametrize("words", [
    ("eval", "ones(n)", "--set", "n=-2"), ("eval", "ones(n)", "--set", "n=1.5"), ("eval", "ones(n)", "--set", "n=[1, 2]"),
    ("eval", "x.T A x", "--set", "x=[1, 2]", "--set", "A=[1, 2, 3]"), ("eval", "x.T A x", "--set", "x=[1, 2", "--set", "A=[[1]]"),
    ("minimize",), ("grad",), ("grad", "--wrt", "X"), ("grad", "sum(x)", "--limit", "foo=3", "--limit", "depth=100"),
    ("grad", "tr(A .* x')", "--wrt", "A"), ("grad", "tr(A / x.T)", "--wrt", "A"),
    ("grad", "sum(x)", "--rules", "/nonexistent"), ("rules", "--rules", "/nonexistent"),
    ("grad", "sum(x)/n", "--wrt", "n", "--let", "x: vector(n)"), ("grad", "tr(A.T)", "--wrt", "A.T"), ("grad", "sum(x)", "--wrt", ""),
    ("grad", "sum(beta)", "--wrt", "bta"), ("grad", "eye(A)"), ("grad", "np.foo(x)"), ("grad", "x.T ones(x)", "--wrt", "x"),
    ("grad", "x.T A x", "x"), ("grad", "sum.T sum", "--wrt", "sum"), ("grad", "sum(x)", "--let", "sum: vector"),
    ("grad", "sum(M+b)", "--wrt", "b"), ("grad", "tr(X^-)"),
    ("grad", r"\|A x-b\|_2^2", "--wrt", "x", "--syntax", "numpy"), ("simplify", '"x"'), ("grad", "sum(x where x = 2 * y)", "--wrt", "y")])
def test_errors_have_fixes_and_all_of_them_work(words: tuple[str, ...]) -> None:
    ran = command_line(*words)
    assert ran.code == 2
    assert ran.fixes
    assert "Errno" not in ran.err
    for fix in ran.fixes:
        assert command_line.run_line(fix).code == 0, fix


@pytest.mark.parametrize("words", [("x.T A x", "y z"), ("x if y else z",), ("[x, y]",), ("x;y",)])
def test_no_fix_is_better_than_a_wrong_one(words: tuple[str, ...]) -> None:
    ran = command_line("simplify", *words)
    assert (ran.code, ran.fixes) == (2, [])


# ---------------------------------------------------------------- streams, in a shell


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(("line", "code"), [
    ('grad "tr(A)" >&-', 141), ('grad "tr(A)" >/dev/full', 141), ('grad "tr(A)" 2>&-', 0), ('grad "tr(A)" 2>/dev/full', 0),
    ('grad "tr(A)" >&- 2>&-', 141), ("grad - <&-", 2), ('grad "tr(A" >&-', 2), ('grad "tr(A" 2>&-', 2), ('grad "tr(A" >/dev/full', 2),
    ('grad "tr(A" --to json >/dev/full', 141), ("--help >/dev/full", 141), ("--version >/dev/full", 141), ("nonsense 2>&-", 2)])
def test_streams_that_are_closed_or_full_end_quietly(line: str, code: int) -> None:
    ran = subprocess.run(["bash", "-c", f"{sys.executable} -m matcalc {line}"], capture_output=True, text=True, check=False)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr


def test_a_terminal_without_greek_gets_escapes() -> None:
    command = f"LC_ALL=C PYTHONIOENCODING=ascii {sys.executable} -m matcalc"
    ran = subprocess.run(["bash", "-c", f"{command} grad 'tr(Σ Ω)' --wrt Sigma"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "\\u03a9.T\n")
    ran = subprocess.run(["bash", "-c", f"{command} grad 'tr(𝐀 é)' --to json"], capture_output=True, text=True, check=False)
    assert json.loads(ran.stdout)["text"] == "tr(𝐀 é)"


# ---------------------------------------------------------------- JSON


def test_json_fits_the_schema(api: SimpleNamespace) -> None:
    api.raises["bad"] = ParseError("no", (0, 1), fixes=[Fix("good")], text="bad")
    runs = [command_line(*words, "--to", "json") for words in (
        ("grad", "f", "--wrt", "x"), ("simplify", "f"), ("eval", "f", "--set", "x=1"), ("grad", "bad"), ("grad", "f", "--sed", "1"),
        ("grad", "f", "--structure", "x"))]
    for ran in runs:
        assert ran.err == ""
        fits(json.loads(ran.out), SCHEMA)
    assert [ran.code for ran in runs] == [0, 0, 0, 2, 2, 2]
    assert json.loads(runs[3].out)["error"]["fixes"] == ['matcalc grad --to json "good"']


LINES = [
    "grad 'x.T A x' --wrt x --let 'A: symmetric' --steps", "grad 'norm(x) + det(X)' --wrt X --wrt x --no-check", "simplify 'tr(A.T)'",
    "eval 'A @ x' --set 'A=[[1, 2], [3, 4]]' --set 'x=[1, 0.5]'", "grad 'svd(X)'", "grad 'x.T A' --wrt x", "grad x --let 'x: vetcor(n)'",
    "jacobian 'A X B' --wrt X", "hessian 'x.T A y' --wrt x --wrt y", "vjp 'A @ x' --wrt x", "check 'x.T A x' --wrt x --claim '2 A x'",
    "check 'x.T A x' --wrt x --claim '(A + A.T) x'", "jacobian 'X * X' --wrt X --form index", "hvp 'x.T A x' --wrt x",
    "jvp 'A @ x' --wrt x", "differential 'inv(X)' --wrt X", "minimize 'norm2sq(x - a)' --over x --set 'a=[1, 2]'",
    "minimize '-norm2sq(x)' --over x --start 'x=[1, 2]'", "plot field 'x[0]**2 + x[1]**2' --range '-1:1'", "plot feild 'x[0]'",
    "minimize 'x.T A' --over x", "nonsense x", "grad 'x.T x' --nonsense"]


def test_every_verb_that_prints_json_is_there() -> None:
    printing = {name for name, verb in cli.verbs.commands.items() if any("--to" in p.opts for p in verb.params)}
    assert printing == {line.split()[0] for line in LINES} - {"nonsense"}


@pytest.mark.parametrize("line", LINES)
def test_the_real_answers_fit_the_schema_too(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if line.startswith("plot field"):
        pytest.importorskip("matplotlib")
    ran = command_line.run_line(f"matcalc {line} --to json")
    assert ran.err == ""
    for printed in ran.out.splitlines():
        fits(json.loads(printed), SCHEMA)


def test_json_says_infinities_as_text(api: SimpleNamespace) -> None:
    api.more["value"] = np.array([np.inf, -np.inf, np.nan, 1.0])
    assert json.loads(command_line("eval", "f", "--to", "json").out)["value"] == ["inf", "-inf", "nan", 1]


def test_the_schema_is_not_vacuous() -> None:
    for wrong in ({}, {"ok": True}, {"ok": False, "verb": "grad", "text": "", "error": {}, "seconds": 1}):
        with pytest.raises(AssertionError):
            fits(wrong, SCHEMA)


TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
                         "null": type(None)}


def fits(value: Any, schema: dict[str, Any]) -> None:
    """The part of JSON Schema that docs/schema.json uses."""
    if "$ref" in schema:
        fits(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    if "oneOf" in schema:
        assert sum(fits_one(value, choice) for choice in schema["oneOf"]) == 1, value
    if "const" in schema:
        assert value == schema["const"]
    if "enum" in schema:
        assert value in schema["enum"]
    if "type" in schema:
        named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, TYPES[t]) for t in named), (value, named)
    for name in schema.get("required", ()):
        assert name in value, name
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), set(value) - set(schema["properties"])
        for name, part in value.items():
            fits(part, schema["properties"][name])
    if isinstance(value, list):
        for part in value:
            fits(part, schema.get("items", {}))


def fits_one(value: Any, schema: dict[str, Any]) -> bool:
    try:
        fits(value, schema)
    except AssertionError:
        return False
    return True


# ---------------------------------------------------------------- help, rules, streams


def test_matcalc_alone_is_a_short_help() -> None:
    ran = command_line()
    assert ran.code == 0
    assert ran.out.splitlines() == [cli.PURPOSE, "", *(f"  {example}" for example in cli.EXAMPLES), "", cli.MORE]


@pytest.mark.parametrize("verb", [None, *cli.verbs.commands])
def test_help_begins_with_examples(verb: str | None) -> None:
    ran = command_line(*([verb] if verb else []), "--help")
    assert ran.code == 0
    assert ran.out.startswith("Examples:\n  matcalc " + (verb or ""))


def test_version() -> None:
    assert command_line("--version").out.startswith("matcalc ")


def test_rules_are_listed_and_shown(api: SimpleNamespace) -> None:
    assert command_line("rules").out.splitlines() == [
        "# function", "inv         inv(X: matrix(n, n)) -> matrix(n, n)", "# identity", "trace-gram  tr(A.T @ A) -> norm2sq(A)"]
    assert command_line("rules", "inv").out.splitlines() == [
        "inv  (function, rules/functions/linalg.toml:3)", "  inv(X: matrix(n, n)) -> matrix(n, n)", "  source: Cookbook eq. 40"]


def test_real_rules_are_shown_and_checked(tmp_path: Path) -> None:
    assert "\n# normal\n" in command_line("rules").out
    assert command_line("rules", "logdet").out.startswith("logdet  (function, rules/functions/linalg.toml:")
    assert command_line("rules", "check", "logdet", "--seed", "3").out == "1 of 1 rules hold (seed 3)\n"
    assert command_line("rules", "check", "nothing").code == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_that_wants_it(api: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for no_colour, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_colour)
        monkeypatch.setattr(sys, "stderr", Terminal())
        cli.emit(cli.Shown([], ["error: no", "fix: yes"]))
        assert ("\x1b[" in sys.stderr.getvalue()) is coloured  # type: ignore[attr-defined]


def test_steps_are_coloured_on_a_terminal_that_wants_it(api: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    plain = command_line("grad", "f", "--steps").out
    for no_colour, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_colour)
        monkeypatch.setattr(sys, "stdout", Terminal())
        cli.main(["grad", "f", "--steps"])
        shown = sys.stdout.getvalue()  # type: ignore[attr-defined]
        assert ("\x1b[" in shown) is coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == plain


def test_a_bar_shows_how_far_a_file_is_and_leaves_the_answers_alone(api: SimpleNamespace, monkeypatch: pytest.MonkeyPatch,
                                                                     capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("f\n" * 40)
    monkeypatch.setattr("matcalc.cli_progress.QUIET", 0.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert cli.main(["simplify", "--file", str(tmp_path / "f.txt")]) == 0
    assert "39/40" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert capsys.readouterr().out == "(A + A.T) @ x\n" * 40


def test_a_closed_pipe_ends_quietly(api: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert cli.main(["grad", "f"]) == 141
    assert capsys.readouterr().err == ""


def test_an_interrupt_ends_quietly(api: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    api.raises["f"] = KeyboardInterrupt()
    assert cli.main(["grad", "f"]) == 130
    assert capsys.readouterr().err == ""


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = ("numpy", "sympy", "rich", "scipy", "matcalc.expr")
    program = f"import sys, matcalc.cli; matcalc.cli.main([]); print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
