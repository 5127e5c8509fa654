"""The built wheel, installed into an empty environment far from the repository, answers."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT, cwd=out)
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_has_the_rules_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    rules = {str(path.relative_to(ROOT / "rules")) for path in (ROOT / "rules").rglob("*.toml")}
    assert rules
    assert {f"matcalc/_rules/{name}" for name in rules} <= names
    assert "matcalc/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"matcalc", "matcalc_symbolic-" + wheel.name.split("-")[1] + ".dist-info"}


@pytest.mark.slow
def test_the_installed_wheel_answers(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    installed = run(scripts / "python", "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    for command in ([scripts / "matcalc"], [scripts / "python", "-m", "matcalc"]):
        ran = run(*command, "grad", "x.T A x", "--wrt", "x", cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (0, "(A + A.T) @ x\n"), ran.stderr
        assert ran.stderr == "assumed: A matrix(n, n), x vector(n)    read as: x.T @ A @ x    checked: exact, 3 points\n"
