"""Every shell line and every `>>>` of the README and of docs/ does what the page says."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


class ShellLine(NamedTuple):
    """A line after `$` in a block of a page, and what the page shows under it."""

    page: str
    line: int
    command: str
    shown: str


def shell_lines(page: Path) -> list[ShellLine]:
    """The lines that begin with `$ ` inside the page's blocks, each with what follows up to the next one."""
    text = page.read_text()
    found = []
    for block in re.finditer(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block[1], re.MULTILINE):
            number = text.count("\n", 0, block.start(1) + line.start()) + 1
            found.append(ShellLine(page.name, number, line[1], line[2].strip("\n")))
    return found


LINES = [line for page in PAGES for line in shell_lines(page) if "matcalc" in line.command]


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.page}:{line.line}")
def test_shell_line(line: ShellLine, tmp_path: Path) -> None:
    here = 'matcalc() { "$PYTHON" -m matcalc "$@"; }\n'
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(["bash", "-c", here + line.command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path,
                         env=environment, timeout=60, check=False)
    assert ran.stdout.decode().strip("\n") == line.shown


def without(library: str, text: str) -> str:
    """A page without the blocks that use a library."""
    blocks = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)
    return blocks.sub(lambda block: "" if re.search(rf"\b{library}\b", block[0]) else block[0], text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page: Path) -> None:
    text = page.read_text()
    if "from sklearn" in text:
        pytest.importorskip("sklearn")
    if find_spec("torch") is None:
        text = without("torch", text)
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_blocks_of_a_library_that_is_not_installed_are_left_out() -> None:
    page = "```python\n>>> 1\n1\n```\n\n```python\n>>> import torch\n```\nend"
    assert without("torch", page) == "```python\n>>> 1\n1\n```\n\n\nend"


def test_the_readme_has_examples() -> None:
    assert sum(line.page == "README.md" for line in LINES) >= 5
    assert ">>> " in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_picture_of_the_terminal_shows_what_the_commands_print() -> None:
    script = ROOT / "docs" / "terminal.py"
    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_readme_is_one_screen_to_begin_with() -> None:
    """What it is, a picture, how to start, and five things."""
    text = (ROOT / "README.md").read_text()
    assert [found[1] for found in re.finditer(r"^\*\*(\d)\. ", text, re.MULTILINE)] == list("12345")
    assert "docs/terminal.svg" in text
    assert len(text.splitlines()) < 100
