"""Makes the pictures of gallery.md by the commands that it shows, and the page itself.

    python docs/gallery.py            writes the page, docs/gallery/ and what their numbers were
    python docs/gallery.py --check    says whether the page is out of date
"""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from matcalc import cli
from matcalc.pictures import Picture

DOCS = Path(__file__).resolve().parent
PAGE, FOLDER = DOCS / "gallery.md", DOCS / "gallery"
NUMBERS = FOLDER / "numbers.json"

ROSENBROCK = '"(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2"'
HIMMELBLAU = '"(x[0]**2 + x[1] - 11)**2 + (x[0] + x[1]**2 - 7)**2"'
NETWORK = '"norm2sq(Y - W2 @ tanh(W1 @ X)) / 40 + 0.001 * (norm2sq(W1) + norm2sq(W2))" --over W1 --over W2 --data network.npz'
METHODS = "--method gd --method momentum --method adam --method newton"


class Shot(NamedTuple):
    """A picture of the page: its file, its heading, what is to be seen, and the command that makes it."""

    name: str
    heading: str
    seen: str
    command: str

    @property
    def line(self) -> str:
        return f"matcalc plot {self.command} --save {self.name}"


SHOTS = [
    Shot("field.png", "A gradient field",
         "Rosenbrock's valley. The arrows point uphill and have one length; their colour is the size of the gradient. The contours are\n"
         "log-spaced above the lowest value, so that the floor of the valley shows as well as its walls.",
         f'field {ROSENBROCK} --range "-2:2,-1:3"'),
    Shot("slope.png", "A function of one variable", "The curve above its slope; where the slope vanishes, both are marked.",
         'field "x * sin(x)" --let "x: scalar" --range "-8:8"'),
    Shot("path.png", "The ways of four methods",
         "All start at the circle and end at the star. Newton's method needs 25 steps; descent zigzags into the valley\n"
         "and creeps along it.",
         f'path {ROSENBROCK} --start "x=[-1.2, 1]" {METHODS}'),
    Shot("film.gif", "A film", "A path whose file ends in `.gif` moves: few steps a frame at first, more later.",
         f'path {ROSENBROCK} --start "x=[-1.2, 1]" --method gd --method momentum --method newton'),
    Shot("landscape.png", "A landscape", "Himmelblau's function has four minima, all of value 0; the contours below show them.",
         f'landscape {HIMMELBLAU} --range "-5:5"'),
    Shot("descent.png", "A path on a landscape", "The same descent into Rosenbrock's valley, in space.",
         f'landscape {ROSENBROCK} --start "x=[-1.2, 1]" --method newton'),
    Shot("convergence.png", "Convergence",
         "Five methods on a quadratic of condition 10,000. Newton's method is there after one step; acceleration turns\n"
         "thousands of steps into hundreds.",
         'convergence "x.T @ Q @ x / 2 - b.T @ x" --over x'
         ' --set "Q=[[1,0,0,0,0], [0,10,0,0,0], [0,0,100,0,0], [0,0,0,1000,0], [0,0,0,0,10000]]"'
         ' --set "b=[1, 1, 1, 1, 1]" --start "x=[1, 1, 1, 1, 1]"'
         " --method gd --method momentum --method nesterov --method adam --method newton"),
    Shot("network.png", "The loss of a network",
         "A network of two layers has 12 weights here; this is its loss on the plane through the minimum along two random\n"
         "directions, in which each row of a matrix is as long as that row of the weights.",
         f"landscape {NETWORK}"),
    Shot("training.png", "Training, seen from above",
         "The same loss along the two directions in which the methods went furthest, with their paths. They begin\n"
         "at the circle; Newton's method ends at another point than the others, outside this plane.",
         f"network {NETWORK} --method nesterov --method adam --method newton"),
]

HEAD = """# Gallery

Pictures of functions and of their minimisation, each with the command that makes it. They need matplotlib:
`pip install 'matcalc-symbolic[plot]'`. In Python they are `matcalc.pictures.field`, `path`, `landscape`, `network` and
`convergence`, with the same options: `picture = matcalc.pictures.field("x[0]**2 + 3 * x[1]**2", over="x")`, and
`picture.save("field.png")`. `picture.figure` is matplotlib's own figure, `picture.data` the numbers in it; a notebook shows it.
The same command writes the same bytes; `--save FILE.svg` makes a drawing that can be enlarged.
(This page is made by `python docs/gallery.py`.)
"""

DATA = '''
The data of the network, and where its weights start, are in `network.npz`:

```python
import numpy as np

random = np.random.default_rng(0)
X = random.uniform(-1, 1, (2, 40))
Y = np.sin(3 * X[:1]) * X[1:]
np.savez("network.npz", X=X, Y=Y, W1=random.standard_normal((4, 2)), W2=random.standard_normal((1, 4)))
```
'''


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for shot in SHOTS:
        parts.append(f"\n## {shot.heading}\n\n{shot.seen}\n" + (DATA if shot.name == "network.png" else "")
                     + f"\n```sh\n{shot.line}\n```\n\n![{shot.heading}](gallery/{shot.name})\n")
    return "".join(parts)


def write_network(folder: Path) -> None:
    """network.npz, as the page makes it."""
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, (2, 40))
    Y = np.sin(3 * X[:1]) * X[1:]
    np.savez(folder / "network.npz", X=X, Y=Y, W1=random.standard_normal((4, 2)), W2=random.standard_normal((1, 4)))


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder in which the commands are run, with the data that they read."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        write_network(Path(folder))
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def drawn(shot: Shot) -> Picture:
    """Run the command of a picture, which writes its file, and look at the numbers in it."""
    made: list[Picture] = []
    save = Picture.save

    def watched(picture: Picture, path: Any) -> Path:
        made.append(picture)
        return save(picture, path)

    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(Picture, "save", watched), redirect_stdout(out), redirect_stderr(err):
        code = cli.main(shlex.split(shot.line)[1:])
    if code:
        raise SystemExit(f"{shot.line}\n{err.getvalue()}")
    return made[0]


def numbers(picture: Picture) -> dict[str, list[float]]:
    """A few numbers that say what a picture shows: the ranges of its arrays, and the ends of its paths."""
    found = {}
    for name, value in picture.data.items():
        if name == "paths":
            found |= {f"end of {method}": [float(c) for c in xs[-1]] for method, xs in value.items()}
        elif isinstance(value, dict):
            found[f"start of {name}"] = [float(value["above"][0]), float(value["gradient"][0])]
        else:
            found[name] = [float(np.nanmin(value)), float(np.nanmax(value))]
    return found


def main(words: Sequence[str]) -> int:
    if "--check" in words:
        same = PAGE.read_text() == page()
        print("gallery.md is up to date" if same else "gallery.md is out of date: python docs/gallery.py")
        return 0 if same else 1
    FOLDER.mkdir(exist_ok=True)
    seen = {}
    with workshop() as folder:
        for shot in SHOTS:
            seen[shot.name] = numbers(drawn(shot))
            (FOLDER / shot.name).write_bytes((folder / shot.name).read_bytes())
            print(shot.name, (FOLDER / shot.name).stat().st_size)
    NUMBERS.write_text(json.dumps(seen, indent=1) + "\n")
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
