"""Hostile input: each ends in a typed error or in an answer, within its limit; nothing else reaches the user, and nothing is run."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import matcalc as mc

SECONDS = 20  # far beyond what any of these takes; the limits themselves count work, not time


@contextmanager
def in_time() -> Iterator[None]:
    def late(*_: Any) -> None:
        raise AssertionError(f"more than {SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def ends_well(ask: Callable[[], Any]) -> mc.MatcalcError | None:
    """Ask, and use the answer in every notation; only a MatcalcError may come out."""
    with in_time():
        try:
            d = ask()
            for use in (str, lambda x: x.latex(), lambda x: x.unicode(), lambda x: x.mathml(), lambda x: x.code("numpy")):
                use(d) if hasattr(d, "latex") else str(d)
        except mc.MatcalcError as error:
            str(error)
            return error
    return None


N = 3000
TEXTS = {
    "brackets": "(" * 10_000 + "x" + ")" * 10_000,
    "open brackets": "(" * 10_000,
    "closed brackets": ")" * 10_000,
    "transposes": "A" + ".T" * N,
    "primes": "A" + "'" * N,
    "minus signs": "-" * N + "x",
    "nested calls": "tanh(" * N + "x" + ")" * N,
    "nested squares": "(" * 150 + "x" + ")**2" * 150,
    "tower of powers": "x**9**9**9**9",
    "high power": "x**1000000",
    "negative tower": "2**-9**9**9",
    "matrix tower": "A^9^9^9",
    "matrix power": "tr(A^64 @ A^64)",
    "power of ten": "10**(10**10)",
    "long number": "9" * 60_000 + " * x",
    "long fraction": "1 / " + "3" * 5_000 + " * x",
    "decimal": "0." + "0" * 5_000 + "1 * x",
    "exponent": "1e999 * x",
    "exponent below": "1e-999999999 * x",
    "large eye": "tr(eye(10**9))",
    "large eye, literal": "eye(999999999999) @ x",
    "large ones": "ones(1000000, 1000000) @ x",
    "large zeros": "sum(zeros(100000, 100000)) + sum(x)",
    "krons": "kron(" * 100 + "A" + ", A)" * 100,
    "krons of krons": "kron(kron(kron(kron(A, A), kron(A, A)), kron(kron(A, A), kron(A, A))), kron(A, A))",
    "a megabyte": "x + " * 250_000 + "x",
    "many names": " + ".join(f"a{i}" for i in range(5_000)),
    "long name": "x" * 70_000,
    "underscores": "_" * 100,
    "dunder": "__class__",
    "dunders": "x.__class__.__mro__",
    "import": "__import__('os').system('true')",
    "lambda": "(lambda: 0)()",
    "eval": "eval('1')",
    "subscript": "x[__import__('os')]",
    "slice": "x[0:10**9]",
    "index": "x[999999999999999999999]",
    "negative index": "X[-99999999999, 0]",
    "step": "x[::2]",
    "format": "{0.__class__.__init__.__globals__}",
    "percent": "%s%n%x" * 100,
    "dollar": "${IFS}$(true)`true`",
    "backslashes": "\\" * 1_000,
    "newlines": "x\n" * 1_000,
    "nul": "x\0 + y",
    "bell": "x\a",
    "escape": "\x1b[31mx\x1b[0m",
    "bidirectional": "x\u202e + y\u202c",
    "isolates": "\u2066x\u2069",
    "zero width": "x\u200b\u200c\u200d\u2060\ufeff",
    "combining": "x" + "\u0301" * 5_000,
    "surrogate": "x\ud800",
    "private use": "\ue000 + x",
    "emoji": "🤯 @ x",
    "full width": "ｘ ＋ ｙ",
    "mathematical": "𝐀𝐱 + 𝔹𝕪",
    "right to left": "א @ ב",
    "quotes": "'" * 500 + '"' * 500,
    "where chain": "y0 where " + "; ".join(f"y{i} = y{i + 1} + x" for i in range(500)),
    "where circle": "a where a = b; b = a",
    "where itself": "a where a = a + 1",
    "where doubling": "y60 where y0 = x; " + "; ".join(f"y{i + 1} = kron(y{i}, y{i})" for i in range(60)),
    "where squaring": "sum(y50) where y0 = x; " + "; ".join(f"y{i + 1} = y{i} * y{i}" for i in range(50)),
    "sum of products": " * ".join(f"(x{i} + y{i})" for i in range(300)),
    "stars": "x" + "*" * 1_000 + "y",
    "commas": "max(" + "x," * 5_000 + "x)",
    "empty": "",
    "blanks": " " * 60_000,
    "norm bars": "|" * 1_000 + "x" + "|" * 1_000,
    "SQL": "x'; DROP TABLE rules; --",
    "HTML": "<script>alert(1)</script>",
    "path": "../../../../etc/passwd",
}


@pytest.mark.parametrize("verb", ["grad", "jacobian", "simplify"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_ends_well(text: str, verb: str) -> None:
    ends_well(lambda: getattr(mc, verb)(text, *(["x"] if verb != "simplify" else [])))


def test_the_sample_is_large() -> None:
    assert len(TEXTS) >= 60


LETS = ["A: matrix(10**9, 10**9)", "A: matrix(n, n) " + "symmetric " * 5_000, "A: matrix(" + "n," * 1_000 + ")", "A" * 10_000 + ": scalar",
        "__class__: scalar", "x: vector(__import__('os'))", "x: vector(0)", "x: vector(-3)", "x: vector(9" + "9" * 5_000 + ")", ":", "",
        "x",
        "x: matrix(n * n * n * n * n * n * n, m)", "\u202ex: scalar", "x: vector(n)\0", "lambda: spd", "eye: matrix(n, n)"]


@pytest.mark.parametrize("let", LETS, ids=[d[:30] for d in LETS])
def test_a_declaration_ends_well(let: str) -> None:
    ends_well(lambda: mc.grad("sum(x) + tr(A)", "A", [let]))


ODD = [None, 3, 3.5, True, b"x", [], {}, object(), lambda: 0, float("nan"), "x" * 10, ("x", "y"), [1, 2], [None], {"x": 1}, range(3)]


@pytest.mark.parametrize("value", ODD, ids=[repr(v)[:20] for v in ODD])
def test_a_value_of_another_type_ends_well(value: Any) -> None:
    f = "x.T x"
    for ask in (lambda: mc.grad(value, "x"), lambda: mc.grad(f, value), lambda: mc.grad(f, "x", value), lambda: mc.check(f, "x", value),
                lambda: mc.evaluate(f, value), lambda: mc.evaluate(f, {"x": value}), lambda: mc.jacobian("x", "x", layout=value),
                lambda: mc.jacobian("x", "x", form=value), lambda: mc.grad(f, "x", structure=value), lambda: mc.grad(f, "x", seed=value),
                lambda: mc.simplify(value), lambda: mc.parse(value), lambda: mc.grad(f, "x", syntax=value), lambda: mc.load_rules(value)):
        ends_well(ask)


def test_a_hessian_of_something_large_ends_well() -> None:
    for f in ("sum(tanh(A @ tanh(B @ tanh(C @ x))))", "tr(inv(X) @ A @ inv(X) @ B @ inv(X))",
              "log(sum(exp(A @ x))) * norm(B @ x)**3 / (1 + x.T @ C @ x)"):
        wrt = "X" if "X" in f else "x"
        ends_well(lambda f=f, wrt=wrt: mc.hessian(f, wrt))
        ends_well(lambda f=f, wrt=wrt: mc.hessian(str(mc.hessian(f, wrt)), wrt))


HEAD = '[f]\nsignature = "f(x: any) -> like(x)"\n'
RULES = {
    "a name that opens files": HEAD + 'derivative = "1 + 0 * x"\nnumpy = "numpy.load"',
    "a name that runs commands": HEAD + 'derivative = "1 + 0 * x"\nnumpy = "os.system"',
    "a module of ours": HEAD + 'derivative = "1 + 0 * x"\nnumpy = "matcalc.knowledge.load"',
    "itself": HEAD + 'definition = "f(f(x))"\nnumpy = "x"',
    "each other": HEAD + 'definition = "g(x)"\n[g]\nsignature = "g(x: any) -> like(x)"\ndefinition = "f(x)"',
    "a wrong derivative": HEAD + 'derivative = "cos(x)"\nnumpy = "exp(x)"',
    "a long string": f'[f]\nsignature = "{"f" * 100_000}(x: any) -> like(x)"',
    "no TOML": "][" * 1_000,
    "nested tables": "[a" + ".a" * 5_000 + "]\nb = 1",
    "another type": "[f]\nsignature = 3",
    "an unknown key": HEAD + 'exec = "import os"',
    "code": HEAD + 'derivative = "__import__(\'os\').system(\'true\')"',
}


@pytest.mark.parametrize("text", RULES.values(), ids=RULES.keys())
def test_a_file_of_rules_ends_well(text: str, tmp_path: Path) -> None:
    """In a process of its own: what such a file adds must not stay."""
    import subprocess

    path = tmp_path / "mine.toml"
    path.write_text(text)
    run = subprocess.run([sys.executable, "-m", "matcalc", "grad", "sum(sin(x))", "--wrt", "x", "--rules", str(path)],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode in (2, 4), (run.stdout, run.stderr)
    assert run.stderr.startswith("error: ")
    assert "Traceback" not in run.stderr


NAMES = ["__import__", "os", "exec", "eval", "print", "self", "lambda", "class", "None", "np", "sum_", "_", "__", "x__y", "a" * 200,
         "é", "Ω", "x1_2_3"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_ends_well_in_every_notation_and_in_code(name: str) -> None:
    def ask() -> Any:
        d = mc.grad(f"{name} * x.T @ A @ x", "x", [f"{name}: scalar", "x: vector(n)"])
        space: dict[str, Any] = {}
        exec(d.code("numpy"), space)  # noqa: S102 - the code is our own output, and running it is the test
        values = {name: 2.0, "x": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 4.0]]}
        assert d(values).tolist() == [24.0, 42.0]
        return d

    ends_well(ask)


def test_hostile_text_opens_runs_and_imports_nothing() -> None:
    """With an audit hook, once all that is needed has been loaded; benchmarks/audited.py asks as often as one likes."""
    import subprocess

    pytest.importorskip("lark")
    path = Path(__file__).parent.parent / "benchmarks" / "audited.py"
    run = subprocess.run([sys.executable, str(path), "--count", "2000", "--warm", "700"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    assert "escaped: 0" in run.stdout
