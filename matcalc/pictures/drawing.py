"""How pictures are drawn and saved: style, formulas as titles, and files that are the same, byte for byte, every time."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DomainError, Fix, NotSupported
from ..expr import Expr, symbols
from ..optimize.objective import Objective
from ..optimize.plan import Array
from ..printers import printed

# Okabe & Ito (2008): colours that people with any colour vision can tell apart; yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)), ":")  # for prints without colour
STYLE = {
    "font.size": 11.0, "axes.titlesize": 13.0, "axes.labelsize": 13.0, "legend.fontsize": 10.0, "legend.frameon": True,
    "legend.framealpha": 0.9, "legend.edgecolor": "0.8", "axes.spines.top": False, "axes.spines.right": False, "axes.titlepad": 12.0,
    "mathtext.fontset": "cm", "svg.hashsalt": "matcalc", "svg.fonttype": "path", "lines.solid_capstyle": "round",
}
DOTS = 110  # an inch
WIDE, LARGE, SMALL = 430.0, 13.0, 9.0  # points that a title has room for; its size, and its size where it is long
FORMATS = (".png", ".svg", ".gif")
FILM_DOTS, FRAMES_A_SECOND, REST = 80, 12, 1500  # of a film: its size, its speed, and milliseconds at its end


class Picture:
    """A figure of matplotlib, the numbers in it, and what is to be said of it. In a notebook it shows itself.

    >>> import matcalc.pictures as pictures
    >>> picture = pictures.field("x[0]**2 + 3 * x[1]**2", over="x")
    >>> sorted(picture.data)
    ['gradients', 'levels', 'places', 'x', 'y', 'z']
    """

    def __init__(self, figure: Any, data: dict[str, Any], notes: list[str], frames: Callable[[], Iterable[Any]] | None = None) -> None:
        self.figure, self.data, self.notes, self._frames = figure, data, tuple(notes), frames

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a PNG, an SVG, or (of `path` only) an animated GIF, by the ending of the name; the same bytes every time."""
        target = Path(path)
        kind = target.suffix.lower()
        instead = [Fix(options=(("save", str(target.with_suffix(".png"))),))]
        if kind not in FORMATS:
            raise DomainError(f"a picture is saved as {', '.join(FORMATS)}; not as {target.name}", fixes=instead)
        if kind == ".gif" and self._frames is None:
            raise DomainError("only the picture of a path moves; a GIF is for that", fixes=instead)
        made = self._bytes(kind)
        try:
            target.write_bytes(made)
        except OSError as error:
            elsewhere = [Fix(options=(("save", "plot.png"),))]
            raise DomainError(f"{target} cannot be written", detail=error.strerror or "", fixes=elsewhere) from None
        return target

    def _bytes(self, kind: str) -> bytes:
        if kind == ".gif" and self._frames is not None:
            return film(self._frames())
        file = io.BytesIO()
        metadata = {"Software": None} if kind == ".png" else {"Date": None}  # versions and dates would differ from run to run
        with style():
            self.figure.savefig(file, format=kind[1:], dpi=DOTS, metadata=metadata)
        return few_colours(file) if kind == ".png" else file.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes(".png")


def few_colours(png: io.BytesIO) -> bytes:
    """The picture in 256 colours: a third of the size, and the eye sees no difference."""
    from PIL import Image

    file = io.BytesIO()
    Image.open(png).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
    return file.getvalue()


def film(figures: Iterable[Any]) -> bytes:
    """Figures as an animated GIF that rests on the last one and begins again. All frames have its colours, so that none flickers."""
    frames = []
    with style():
        for figure in figures:
            figure.set_dpi(FILM_DOTS)
            figure.canvas.draw()
            frames.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    colours, counts = np.unique(frames[-1].reshape(-1, 3), axis=0, return_counts=True)
    palette = colours[np.argsort(-counts, kind="stable")][:256]  # the most frequent ones, exactly
    drawn = [in_colours(frame, palette) for frame in frames]
    file = io.BytesIO()
    lasting = [1000 // FRAMES_A_SECOND] * (len(drawn) - 1) + [REST]
    drawn[0].save(file, format="GIF", save_all=True, append_images=drawn[1:], duration=lasting, loop=0)
    return file.getvalue()


def in_colours(frame: Array, palette: Array) -> Any:
    """An image of the colours of the palette that are nearest; Pillow's own search would turn white into grey."""
    from PIL import Image

    found, place = np.unique(frame.reshape(-1, 3) @ np.array([65536, 256, 1]), return_inverse=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    nearest = ((colours[:, None] - palette[None].astype(int)) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    image = Image.frombytes("P", frame.shape[1::-1], nearest[place.ravel()].tobytes())
    image.putpalette(palette.astype(np.uint8).tobytes())
    return image


def need_matplotlib() -> None:
    """Say how to get matplotlib, if it is not there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise NotSupported("pictures need matplotlib", fixes=[Fix(say="pip install 'matcalc-symbolic[plot]'")]) from None


@contextmanager
def style() -> Iterator[None]:
    """Our sizes and fonts, and the user's own settings again afterwards."""
    from matplotlib import rc_context, rcParamsDefault

    # what a user's matplotlibrc says would make the same command draw another picture
    plain = {k: v for k, v in rcParamsDefault.items() if not k.startswith(("backend", "interactive", "toolbar", "webagg", "date.epoch"))}
    with rc_context({**plain, **STYLE}):
        yield


def new_figure(width: float = 6.4, height: float = 5.2) -> Any:
    """A figure that needs no screen, and that pyplot does not know of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(h_pad=0.09, w_pad=0.09)
    return figure


# ---------------------------------------------------------------- text


@cache
def formula_width(formula: str) -> float:
    """The width of a formula in points at the size of a title; 0 where matplotlib cannot set it."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    try:
        return float(MathTextParser("path").parse(f"${formula}$", 72, FontProperties(size=LARGE, math_fontfamily="cm"))[0])
    except (ValueError, RuntimeError):
        return 0.0


def for_mathtext(latex: str) -> str:
    r"""LaTeX in the words that mathtext knows; an entry x_{[0]} as books write it.

    >>> for_mathtext(r"\lVert x \rVert_{2} + x_{[0]}")
    '\\Vert x \\Vert_{2} + x_{0}'
    """
    named = re.sub(r"_\{\[([\d, ]+)\]\}", r"_{\1}", latex)
    for word, ours in ((r"\lVert", r"\Vert"), (r"\rVert", r"\Vert"), (r"\left\lvert", r"\left|"), (r"\right\rvert", r"\right|"),
                       (r"\lvert", "|"), (r"\rvert", "|"), (r"^{\top}", r"^{\mathsf{T}}")):
        named = named.replace(word, ours)
    return re.sub(r"(?<=[\w})]) (?=\\[a-z]+\()", r" \\, ", named)  # mathtext sets `x \sin(x)` without a gap


class Title(NamedTuple):
    """What stands over a picture, and how large."""

    text: str
    size: float = LARGE


def title_of(e: Expr) -> Title:
    """An expression as a title: set as a formula if it can be and there is room, else its text, shortened."""
    latex = for_mathtext(printed(e, "latex"))
    width = formula_width(latex)
    if 0 < width <= WIDE * LARGE / SMALL:
        return Title(f"${latex}$", LARGE * min(1.0, WIDE / width))
    text = printed(e, "text").splitlines()[0]
    return Title(plain(text if len(text) <= 70 else text[:66] + " ..."), SMALL if len(text) > 50 else LARGE)


def put_title(axes: Any, title: Title) -> None:
    axes.set_title(title.text, fontsize=title.size)


def plain(text: str) -> str:
    return text.replace("$", r"\$")


def entry_labels(f: Objective) -> list[str]:
    """The entries of the variables as formulas: x_0, W_{0, 1}; a scalar by its name."""
    found, known = [], symbols(f.f)
    for symbol, (m, n) in zip(f.symbols, f.shapes, strict=True):
        name = for_mathtext(printed(known[symbol.name], "latex")) if symbol.name in known else symbol.name
        base = f"{{{name}}}" if "_" in name else name
        for i in range(m):
            for j in range(n):
                place = "" if m == n == 1 else f"_{{{i}}}" if n == 1 else f"_{{{i}, {j}}}"
                label = base + place
                found.append(f"${label}$" if formula_width(label) else plain(f"{symbol.name}[{i}]"))
    return found


def limited(axes: Any, ranges: Any, aspect: float) -> None:
    """The axes at these ranges; to scale, so that gradients stand upright on contours, unless that makes a thin strip."""
    (a, b), (c, d) = ranges
    axes.set_xlim(a, b)
    axes.set_ylim(c, d)
    if max((b - a) / (d - c), (d - c) / (b - a)) <= aspect:
        axes.set_aspect("equal")
