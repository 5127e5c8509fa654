"""Makes terminal.svg, the picture of the README, by running the commands that it shows.

    python docs/terminal.py            writes the picture
    python docs/terminal.py --check    says whether it is out of date
"""

from __future__ import annotations

import html
import io
import os
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console
from rich.text import Text

from matcalc import cli
from matcalc.display import Place, Shown, styled

PICTURE = Path(__file__).resolve().parent / "terminal.svg"
COLUMNS = 110
COMMANDS = (
    'matcalc grad "norm2sq(A x - b)" --wrt x',
    'matcalc hessian "logsumexp(A x)" --wrt x',
    'matcalc check "x.T A x" --wrt x --claim "2 A x"',
    'matcalc grad "tr(A @ X" --wrt X',
)


def lines() -> list[Text]:
    """What a terminal shows of the commands, line by line."""
    found: list[Text] = []
    for command in COMMANDS:
        told: list[Shown] = []
        cli.execute(shlex.split(command)[1:], Place(told.append))
        found.append(Text.assemble(("$ ", "green"), (command, "bold")))
        for shown in told:
            found += [*map(Text, shown.out), *map(styled, shown.err)]
        found.append(Text(""))
    return found[:-1]


def wrapped() -> list[str]:
    """The lines as text, as wide as the picture."""
    console = Console(width=COLUMNS, file=io.StringIO())
    return [part.plain.rstrip() for line in lines() for part in line.wrap(console, COLUMNS)]


def picture() -> str:
    os.environ.pop("NO_COLOR", None)
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, highlight=False)
    for line in lines():
        console.print(line)
    return console.export_svg(title="matcalc", unique_id="matcalc")


def written(svg: str) -> list[str]:
    """The lines of text in a picture."""
    rows: dict[int, str] = {}
    for found in re.finditer(r'<text[^>]*clip-path="url\(#matcalc-line-(\d+)\)"[^>]*>([^<]*)</text>', svg):
        rows[int(found[1])] = rows.get(int(found[1]), "") + html.unescape(found[2])
    return [rows[i].replace("\xa0", " ").rstrip() for i in sorted(rows)]


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if written(PICTURE.read_text()) == wrapped() else "docs/terminal.svg is out of date: python docs/terminal.py")
    PICTURE.write_text(picture())
