"""Completion in a shell: what the script that the shell loads is told, and what bash makes of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from matcalc.cli_completion import SWITCHED_ON

from .command_line import command_line

ROOT = Path(__file__).parent.parent


def told(instruction: str, **environment: str) -> str:
    """What matcalc tells a shell that asks."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), "_MATCALC_COMPLETE": instruction, **environment}
    ran = subprocess.run([sys.executable, "-m", "matcalc"], capture_output=True, text=True, env=known, check=False)
    assert ran.stderr == ""
    return ran.stdout


def completed(line: str) -> list[str]:
    """What bash is told where the cursor is at the end of the line."""
    return told("bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(shlex.split(line)) - (not line.endswith(" ")))).split()


@pytest.mark.parametrize(("line", "words"), [
    ("matcalc gr", ["plain,grad"]),
    ('matcalc grad "norm2sq(A x - b)" --wrt ', ["plain,A", "plain,x", "plain,b"]),
    ('matcalc grad "norm2sq(Theta.T x - b)" --wrt x --wrt Th', ["plain,Theta"]),
    ("matcalc grad -x.T@x --wrt ", ["plain,x"]),
    ('matcalc grad "x.T x" --wrt x --to la', ["plain,latex"]),
    ('matcalc grad "x.T x" --wrt x --struc', ["plain,--structure"]),
    ('matcalc grad "x.T x" --structure f', ["plain,free"]),
    ('matcalc minimize "norm2sq(A x)" --over ', ["plain,A", "plain,x"]),
    ("matcalc grad --file ", ["file,"]),
    ("matcalc eval x --data arr", ["file,arr"]),
    ("matcalc plot fi", ["plain,field"]),
    ("matcalc rules logde", ["plain,logdet", "plain,logdet-scalar", "plain,logdet-diag", "plain,logdet-expm"]),
    ("matcalc nonsense ", []),
    ('matcalc grad "tr(A" --wrt ', ["plain,A"]),
    ('matcalc grad "~~" --wrt ', []),
])
def test_words(line: str, words: list[str]) -> None:
    found = completed(line)
    assert found[:len(words)] == words
    assert words == found or "rules" in line


def test_after_an_expression_come_options() -> None:
    assert completed('matcalc grad "x.T x" ')[0] == "plain,--wrt"


@pytest.mark.parametrize("shell", SWITCHED_ON)
def test_every_shell_has_a_script_and_the_help_says_how_to_load_it(shell: str) -> None:
    assert SWITCHED_ON[shell] in command_line("--help").out
    assert f"_MATCALC_COMPLETE={shell}_complete" in told(f"{shell}_source")


def test_bash_completes(tmp_path: Path) -> None:
    """The line of the help, loaded into bash, and what Tab gives."""
    (tmp_path / "matcalc").write_text(f'#!/bin/bash\nexec {sys.executable} -m matcalc "$@"\n')
    (tmp_path / "matcalc").chmod(0o755)
    load = SWITCHED_ON["bash"].split("    ")[0]
    script = f"""{load}
        COMP_WORDS=(matcalc grad '"norm2sq(A x - b)"' --wrt '') COMP_CWORD=4
        _matcalc_completion matcalc
        echo "${{COMPREPLY[@]}}" """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert ran.stdout == "A x b\n", ran.stderr
