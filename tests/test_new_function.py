"""A function is one table and no Python: loaded from a file, it has a derivative, a text, a value, a check and a documentation line."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np

TABLE = '''
[gauss]
signature    = "gauss(x: any) -> like(x)"
derivative   = "2 / sqrt(pi) * exp(-x**2)"
numpy        = "math.erf"
latex        = '\\operatorname{gauss}\\left({x}\\right)'
source       = "DLMF 7.2.1"
'''

ASK = """
import sys, math, numpy as np, matcalc as mc
mc.load_rules(sys.argv[1])
d = mc.grad("sum(gauss(A @ x))", wrt="x")
print(d); print(d.check()); print(d.derivation[0].source)
A, x = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.2]]), np.array([0.3, -0.2])
print(repr(float(mc.evaluate("sum(gauss(A @ x))", {"A": A, "x": x}))))
print(d(A=A, x=x).tolist())
"""


def run(*command: str) -> str:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True).stdout


def test_a_new_function_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TABLE)
    text, evidence, source, value, gradient = run("-c", ASK, str(file)).splitlines()
    assert text == "2 / sqrt(pi) * A.T @ exp(-(A @ x)**2)"
    assert evidence.startswith("numeric, 2 points")
    assert source == "DLMF 7.2.1"
    a, x = np.array([[1.0, 2.0], [0.5, -1.0], [0.3, 0.2]]), np.array([0.3, -0.2])
    assert math.isclose(float(value), sum(math.erf(v) for v in a @ x))

    def f(v: np.ndarray) -> float:
        return sum(math.erf(u) for u in a @ v)

    step = 1e-5
    slopes = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(2)]
    assert np.allclose(eval_list(gradient), slopes, rtol=1e-8)


def eval_list(text: str) -> list[float]:
    return [float(v) for v in text.strip("[]").split(",")]


def test_its_documentation_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TABLE)
    shown = run("-m", "matcalc", "rules", "gauss", "--rules", str(file))
    assert "gauss(x: any) -> like(x)" in shown
    assert "DLMF 7.2.1" in shown
    assert run("-m", "matcalc", "grad", "gauss(t)", "--wrt", "t", "--rules", str(file)) == "2 * exp(-t**2) / sqrt(pi)\n"
