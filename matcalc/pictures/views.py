"""The pictures themselves: field, path, landscape, network, convergence. Each asks surfaces.py for numbers and draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..asking import as_text, asked, choose, options_of
from ..errors import DomainError, Fix, Request
from ..optimize.minimizer import Minimum
from ..optimize.objective import Objective
from ..optimize.plan import Array
from . import surfaces
from .drawing import COLOURS, DASHES, Picture, Title, entry_labels, limited, need_matplotlib, new_figure, put_title, style, title_of
from .surfaces import Grid, Problem, Range

MARKED = 60  # points up to which each step of a path has a dot
FRAMES = 60  # of a film
STEEP = 50.0  # highest over median height beyond which a surface shows the logarithm
FACETS = 80  # of a surface, a side
METHODS = ("gd", "momentum", "adam", "newton")  # where none is named
SCALES = ("auto", "linear", "log")

Methods = str | Sequence[str] | None
Start = Mapping[str, Any] | None


def field(f: Any, over: Any = None, start: Start = None, data: Start = None, *, range: Any = None, let: Sequence[str] = (),
          syntax: str = "auto", rules: Sequence[str] = (), seed: int = 0) -> Picture:
    """The gradient of a function of two entries: arrows of unit length, coloured by its size, over contours. Of one entry: curve and slope.

    range: "-2:2,-1:3", or pairs of numbers; -2 to 2 where none is given.     start: gives a vector its length.

    >>> from matcalc import pictures
    >>> picture = pictures.field("x[0]**2 + 3 * x[1]**2", over="x", range="-1:1")
    >>> picture.data["places"][0].round(3).tolist(), picture.data["gradients"][0].round(3).tolist()
    ([-0.952, -0.952], [-1.905, -5.714])

    Errors: MatcalcError, with a cause and a fix.
    """
    with drawing("field", f, let, syntax, rules):
        o = _problem(f, over, start, data, let, syntax, rules, seed).objective()
        _at_most(2, o, "field")
        ranges = surfaces.read_range(range, o.size) or [(-surfaces.HALF, surfaces.HALF)] * o.size
        return _curve(o, ranges[0]) if o.size == 1 else _arrows(o, ranges)


def path(f: Any, over: Any = None, start: Start = None, data: Start = None, *, method: Methods = None, range: Any = None,
         iterations: int | None = None, let: Sequence[str] = (), syntax: str = "auto", rules: Sequence[str] = (), seed: int = 0) -> Picture:
    """The ways that minimisers take over the contours of a function of two entries; saved as .gif, they move.

    method: one or several of mc.minimize; gd, momentum, adam and newton where none is named.     range: what the paths need, if not given.

    >>> from matcalc import pictures
    >>> picture = pictures.path("x[0]**2 + 3 * x[1]**2", start={"x": [1, 1]}, method="newton")
    >>> abs(picture.data["paths"]["newton"]).round(12).tolist()
    [[1.0, 1.0], [0.0, 0.0]]

    Errors: MatcalcError, with a cause and a fix.
    """
    with drawing("path", f, let, syntax, rules):
        p = _problem(f, over, start, data, let, syntax, rules, seed)
        o = p.objective()
        _at_most(2, o, "path", least=2)
        runs = _runs(p, method, iterations)
        paths = {name: surfaces.visited(m) for name, m in runs.items()}
        ranges = surfaces.read_range(range, 2) or surfaces.around(np.vstack([*paths.values()]))
        grid = surfaces.plane(o, ranges)
        scene = Scene(grid, ranges, title_of(o.f), entry_labels(o))
        figure = _contours(scene)
        _draw_paths(figure.axes[0], paths, runs)
        _legend(figure)
        data_shown = {**grid._asdict(), "levels": surfaces.levels(grid.z), "paths": paths}
        return Picture(figure, data_shown, [*_said(runs), *_masked(grid)], lambda: _film(scene, paths, runs))


def landscape(f: Any, over: Any = None, start: Start = None, data: Start = None, *, method: str | None = None, directions: str = "auto",
              scale: str = "auto", range: Any = None, iterations: int | None = None, let: Sequence[str] = (), syntax: str = "auto",
              rules: Sequence[str] = (), seed: int = 0) -> Picture:
    """The function as a surface in space, with the path of a method on it. Of more entries: along two directions through the minimum.

    directions: random (orthogonal), filters (random, row by row as long as the weights), path (the two along which the method went
    furthest); auto: path with a method, filters with a matrix, else random.     scale: linear, log; auto: log where the walls are steep.

    >>> from matcalc import pictures
    >>> picture = pictures.landscape("norm2sq(A x - b)", over="x", data={"A": [[1, 2, 0], [0, 1, 3]], "b": [1, 2]})
    >>> picture.data["directions"].shape, bool(picture.data["z"].min() >= 0)
    ((2, 3), True)

    Errors: MatcalcError, with a cause and a fix.
    """
    with drawing("landscape", f, let, syntax, rules):
        choose("scale", scale, SCALES)
        cut = _cut(_problem(f, over, start, data, let, syntax, rules, seed), [method] if method else [], directions, range, iterations)
        figure, log = _surface(cut, scale)
        return Picture(figure, {**cut.data(), "log": log}, cut.notes)


def network(f: Any, over: Any = None, start: Start = None, data: Start = None, *, method: Methods = None, directions: str = "auto",
            range: Any = None, iterations: int | None = None, let: Sequence[str] = (), syntax: str = "auto",
            rules: Sequence[str] = (), seed: int = 0) -> Picture:
    """The loss of many weights from above: contours along two directions through the minimum, with the path of a method.

    >>> from matcalc import pictures
    >>> picture = pictures.network("norm2sq(Y - W @ X)", over="W", start={"W": [[0, 0]]}, data={"X": [[1, 2], [3, 4]], "Y": [[1, 1]]})
    >>> picture.data["directions"].shape
    (2, 2)

    Errors: MatcalcError, with a cause and a fix.
    """
    with drawing("network", f, let, syntax, rules):
        names = [method] if isinstance(method, str) else list(method or [])
        cut = _cut(_problem(f, over, start, data, let, syntax, rules, seed), names, directions, range, iterations)
        figure = _contours(cut.scene)
        axes = figure.axes[0]
        if cut.paths:
            _draw_paths(axes, cut.paths, cut.runs)
            _legend(figure)
        else:
            axes.plot(*cut.middle, marker="*", markersize=14, color="white", markeredgecolor="black")
        return Picture(figure, cut.data(), cut.notes)


def convergence(f: Any, over: Any = None, start: Start = None, data: Start = None, *, method: Methods = None, iterations: int | None = None,
                let: Sequence[str] = (), syntax: str = "auto", rules: Sequence[str] = (), seed: int = 0) -> Picture:
    """How fast methods come down: the value above the best one found, and the largest entry of the gradient, at each iteration.

    >>> from matcalc import pictures
    >>> picture = pictures.convergence("x[0]**2 + 3 * x[1]**2", start={"x": [1, 1]}, method=["gd", "newton"])
    >>> picture.data["newton"]["above"].round(12).tolist()
    [4.0, 0.0]

    Errors: MatcalcError, with a cause and a fix.
    """
    with drawing("convergence", f, let, syntax, rules):
        p = _problem(f, over, start, data, let, syntax, rules, seed)
        runs = _runs(p, method, iterations)
        best = min(v.value for m in runs.values() for v in m.history)
        curves = {name: _curve_of(m, best) for name, m in runs.items()}
        return Picture(_curves(curves, title_of(p.objective().f), runs), curves, _said(runs))


# ---------------------------------------------------------------- what all of them ask


@contextmanager
def drawing(kind: str, f: Any, let: Sequence[str], syntax: str, rules: Sequence[str]) -> Iterator[None]:
    """Our style around the drawing, and the request on every error."""
    with asked(Request(f"plot {kind}", f if isinstance(f, str) else str(f), (), tuple(let), options_of(syntax, rules))):
        need_matplotlib()
        with style():
            yield


def _problem(f: Any, over: Any, start: Start, data: Start, let: Sequence[str], syntax: str, rules: Sequence[str], seed: int) -> Problem:
    as_text(f, let)
    return surfaces.problem(f, over, start, data, {"let": let, "syntax": syntax, "rules": rules, "seed": seed})


def _at_most(most: int, o: Objective, kind: str, least: int = 1) -> None:
    if least <= o.size <= most:
        return
    number = "two entries" if least == most else "one or two entries"
    other = "landscape" if o.size > most else "field"
    raise DomainError(f"{kind} draws functions of {number}; {', '.join(o.over)} {'have' if len(o.over) > 1 else 'has'} {o.size}",
                      detail="landscape and network draw any number, along two directions" if o.size > most else "",
                      fixes=[Fix(verb=f"plot {other}", options=(("range", ""), ("method", "")))])


def _runs(p: Problem, method: Methods, iterations: int | None) -> dict[str, Minimum]:
    """Each method's minimisation, in the order in which they were named."""
    names = [method] if isinstance(method, str) else list(method or METHODS)
    runs = {name: p.minimum(name, iterations) for name in names}
    for m in runs.values():
        if not m.history:
            raise DomainError(f"{m.method} solves at once: it has no path", fixes=[Fix(options=(("method", "newton"),))])
    return runs


def _said(runs: Mapping[str, Minimum]) -> list[str]:
    """How each method ended."""
    return [f"{name}: {m.iterations:,} iterations, value {m.value:.6g}" + ("" if m.converged else f"; not converged: {m.reason}")
            for name, m in runs.items()]


def _masked(grid: Grid) -> list[str]:
    if not grid.missing:
        return []
    return [f"the function has no finite value at {grid.missing / grid.z.size:.1%} of the points of the range: left white"]


# ---------------------------------------------------------------- fields


def _curve(o: Objective, limits: Range) -> Picture:
    """A function of one entry above its slope, the places where the slope vanishes marked on both."""
    x = np.linspace(*limits, 401)
    with np.errstate(all="ignore"):
        points = [o.at(np.array([a])) for a in x]
    value = np.array([p.value for p in points])
    slope = np.array([p.gradient[0] for p in points])
    value[~np.isfinite(value)] = np.nan
    slope[~np.isfinite(slope)] = np.nan
    grid = Grid(x, np.zeros(1), value[None])
    if grid.missing == len(x):
        raise surfaces.nowhere_finite(1)
    name = entry_labels(o)[0]
    figure = new_figure()
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    above.plot(x, value, color=COLOURS[0], linewidth=2)
    below.axhline(0, color="0.6", linewidth=0.8)
    below.plot(x, slope, color=COLOURS[1], linewidth=2)
    flat = np.flatnonzero((slope[:-1] * slope[1:] < 0) | (slope[:-1] == 0))
    zeros = x[flat] - slope[flat] * np.diff(x)[flat] / np.where(slope[flat + 1] == slope[flat], 1, slope[flat + 1] - slope[flat])
    for axes, heights in ((above, [o.value(np.array([z])) for z in zeros]), (below, np.zeros(len(zeros)))):
        axes.plot(zeros, heights, "o", color="white", markeredgecolor="black", markersize=6, clip_on=False)
    put_title(above, title_of(o.f))
    above.set(ylabel="$f$")
    below.set(xlabel=name, ylabel=f"$\\mathrm{{d}}f\\,/\\,\\mathrm{{d}}{name[1:-1]}$" if name.startswith("$") else "slope", xlim=limits)
    return Picture(figure, {"x": x, "value": value, "slope": slope, "stationary": zeros}, _masked(grid))


def _arrows(o: Objective, ranges: list[Range]) -> Picture:
    from matplotlib.ticker import FuncFormatter

    grid = surfaces.plane(o, ranges)
    places, slopes = surfaces.gradients(o, ranges)
    size = np.linalg.norm(slopes, axis=1)
    uphill = size > 0
    found = surfaces.levels(grid.z)
    figure = new_figure()
    axes = figure.subplots()
    axes.contour(grid.x, grid.y, np.ma.masked_invalid(grid.z), levels=found, colors="0.72", linewidths=0.8,
                 linestyles="solid")
    unit = slopes[uphill] / size[uphill, None]
    arrows = axes.quiver(*places[uphill].T, *unit.T, np.log10(size[uphill]), cmap="viridis", angles="xy", pivot="mid", units="inches",
                         scale_units="inches", scale=6.6, width=0.018, headwidth=4.5, headlength=5, headaxislength=4.5)
    bar = figure.colorbar(arrows, ax=axes, shrink=0.85, aspect=28)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"$10^{{{round(v)}}}$" if v == round(v) else f"{10**v:.2g}"))
    bar.set_ticks(_decades(np.log10(size[uphill])))
    bar.set_label(r"$\Vert \nabla f \,\Vert$")
    bar.outline.set_visible(False)
    labels = entry_labels(o)
    put_title(axes, title_of(o.f))
    axes.set(xlabel=labels[0], ylabel=labels[1])
    limited(axes, ranges, surfaces.ASPECT)
    return Picture(figure, {**grid._asdict(), "levels": found, "places": places, "gradients": slopes}, _masked(grid))


def _decades(logs: Array) -> Array:
    """Whole powers of ten inside a range of logarithms; its ends where there are none."""
    if not len(logs):
        return logs
    whole = np.arange(np.ceil(logs.min()), np.floor(logs.max()) + 1)
    return whole if len(whole) > 1 else np.linspace(logs.min(), logs.max(), 4)


# ---------------------------------------------------------------- contours and paths


class Scene(NamedTuple):
    """A plane seen from above: its values, and what stands at its axes."""

    grid: Grid
    ranges: list[Range]
    title: Title
    labels: list[str]


def _contours(scene: Scene) -> Any:
    """Filled contours, pale, so that paths stand out."""
    from matplotlib.colors import LinearSegmentedColormap

    grid = scene.grid
    pale = LinearSegmentedColormap.from_list("pale", ["#8fa3b8", "#c9d5e0", "#eef2f6", "#ffffff"])  # the valley is dark
    found = surfaces.levels(grid.z)
    z = np.ma.masked_invalid(grid.z)
    figure = new_figure()
    axes = figure.subplots()
    axes.contourf(grid.x, grid.y, z, levels=[float(z.min()) - 1e-12 * float(np.ptp(z)), *found], colors=pale(np.linspace(0, 1, len(found))))
    axes.contour(grid.x, grid.y, z, levels=found, colors="0.6", linewidths=0.4, linestyles="solid")
    put_title(axes, scene.title)
    axes.set(xlabel=scene.labels[0], ylabel=scene.labels[1])
    limited(axes, scene.ranges, surfaces.ASPECT)
    return figure


def _draw_paths(axes: Any, paths: Mapping[str, Array], runs: Mapping[str, Minimum]) -> None:
    for k, (name, xs) in enumerate(paths.items()):
        dots = {"marker": "o", "markersize": 3.5} if len(xs) <= MARKED else {}
        thick = max(3.2 - 0.6 * k, 1.4)  # of paths that lie on each other, all show
        axes.plot(*xs.T, color=COLOURS[k % len(COLOURS)], linestyle=DASHES[k // len(COLOURS)], linewidth=thick, zorder=3 + k / 100,
                  label=_named(name, runs[name]), **dots)
    first = next(iter(paths.values()))
    axes.plot(*first[0], "o", color="white", markeredgecolor="black", markersize=8, zorder=5)
    for line, xs in zip(list(axes.lines), paths.values(), strict=False):
        axes.plot(*xs[-1], "*", color=line.get_color(), markeredgecolor="white", markersize=15, zorder=5)


def _named(name: str, m: Minimum) -> str:
    return f"{name}, {m.iterations:,} step{'' if m.iterations == 1 else 's'}" + ("" if m.converged else " (stopped)")


def _legend(figure: Any) -> None:
    """The methods under the picture, where they hide nothing."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    room = int(11 * figure.get_figwidth() / (max(map(len, names)) + 6))  # about 11 letters an inch
    rows = -(-len(names) // max(room, 1))
    figure.legend(handles, names, loc="outside lower center", ncols=-(-len(names) // rows), frameon=False)


def _film(scene: Scene, paths: Mapping[str, Array], runs: Mapping[str, Minimum]) -> Iterator[Any]:
    """The figure again and again, the paths growing: few steps a frame at first, more later."""
    figure = _contours(scene)
    axes = figure.axes[0]
    _draw_paths(axes, paths, runs)
    lines = axes.lines[: len(paths)]
    for star in axes.lines[len(paths) + 1:]:
        star.set_visible(False)
    heads = [axes.plot(*xs[:1].T, "o", color=line.get_color(), markeredgecolor="white", markersize=8, zorder=6)[0]
             for line, xs in zip(lines, paths.values(), strict=True)]
    _legend(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # found once, kept in all frames
    for k in frame_steps(max(len(xs) for xs in paths.values())):
        for line, head, xs in zip(lines, heads, paths.values(), strict=True):
            line.set_data(*xs[: k + 1].T)
            head.set_data(*xs[: k + 1][-1:].T)
        yield figure


def frame_steps(length: int) -> list[int]:
    """The iterations that are shown: all of a short path, of a long one ever fewer.

    >>> frame_steps(4)
    [0, 1, 2, 3]
    """
    if length <= FRAMES:
        return list(range(length))
    return [int(k) - 1 for k in np.unique(np.round(np.geomspace(1, length, FRAMES)))]


# ---------------------------------------------------------------- many variables along two directions


class Cut(NamedTuple):
    """A plane through the space of the variables, and what was seen on it."""

    scene: Scene
    centre: Array
    directions: Array
    runs: dict[str, Minimum]
    paths: dict[str, Array]
    heights: dict[str, Array]
    middle: Array
    notes: list[str]

    def data(self) -> dict[str, Any]:
        return {**self.scene.grid._asdict(), "levels": surfaces.levels(self.scene.grid.z), "centre": self.centre,
                "directions": self.directions, "paths": self.paths}


def _cut(p: Problem, methods: list[str], kind: str, span: Any, iterations: int | None) -> Cut:
    """The plane itself for two entries; else the plane through where the first method ends, along two directions."""
    choose("directions", kind, surfaces.DIRECTIONS)
    o = p.objective()
    _at_least_two(o)
    runs = _runs(p, methods, iterations) if methods else {}
    notes = _said(runs)
    visited = {name: surfaces.visited(m) for name, m in runs.items()}
    if o.size == 2:
        centre, directions, labels = np.zeros(2), np.eye(2), entry_labels(o)
    else:
        centre = next(iter(visited.values()))[-1] if visited else _centre(p, o, iterations, notes)
        directions, labels, what = _directions(o, kind, centre, visited, p.question["seed"])
        notes.append(what)
    paths = {name: surfaces.coordinates(xs, centre, directions) for name, xs in visited.items()}
    half = surfaces.HALF if o.size == 2 else 1.0
    ranges = surfaces.read_range(span, 2) or (surfaces.around(np.vstack([*paths.values()])) if paths else [(-half, half)] * 2)
    grid = surfaces.values(o, centre, directions, ranges)
    scene = Scene(grid, ranges, title_of(o.f), labels)
    heights = {name: np.array([v.value for v in m.history]) for name, m in runs.items()}
    lowest = np.unravel_index(np.nanargmin(grid.z), grid.z.shape)
    middle = np.zeros(2) if o.size > 2 else np.array([grid.x[lowest[1]], grid.y[lowest[0]]])
    return Cut(scene, centre, directions, runs, paths, heights, middle, [*notes, *_masked(grid)])


def _at_least_two(o: Objective) -> None:
    if o.size < 2:
        fewer = Fix(verb="plot field", options=tuple((name, "") for name in ("range", "method", "iterations", "directions", "scale")))
        raise DomainError("a surface needs two entries; there is one", fixes=[fewer])


def _centre(p: Problem, o: Objective, iterations: int | None, notes: list[str]) -> Array:
    """Where a minimisation by `auto` ends, as one flat vector."""
    m = p.minimum("auto", iterations)
    notes += _said({m.method: m})
    return np.concatenate([np.asarray(m.x[name], dtype=float).ravel() for name in o.over])


def _directions(o: Objective, kind: str, centre: Array, visited: Mapping[str, Array], seed: int) -> tuple[Array, list[str], str]:
    """Two directions, the labels of the axes, and a sentence about them."""
    if kind == "auto":
        kind = "path" if visited else "filters" if any(n > 1 for _, n in o.shapes) else "random"
    if kind == "path":
        if not visited:
            raise DomainError("directions of a path need a method", fixes=[Fix(options=(("method", "gd"), ("directions", "path")))])
        found, kept = surfaces.path_directions(np.vstack([*visited.values()]), centre, seed)
        labels = ["first principal direction", "second principal direction"]
        return found, labels, f"directions: the two principal ones of the path, {kept:.1%} of its variance"
    if kind == "filters":
        labels = ["direction 1", "direction 2"]
        what = f"directions: random, each row as long as that of the weights (seed {seed})"
        return surfaces.filter_directions(o, centre, seed), labels, what
    labels = ["direction 1", "direction 2"]
    return surfaces.random_directions(o, centre, seed), labels, f"directions: random, orthogonal (seed {seed})"


# ---------------------------------------------------------------- surfaces


def _surface(cut: Cut, scale: str) -> tuple[Any, bool]:
    """The surface over its contours; and does it show the logarithm?"""
    from matplotlib.colors import PowerNorm

    grid, ranges = cut.scene.grid, cut.scene.ranges
    low = float(np.nanmin(grid.z))
    above = grid.z - low
    log = scale == "log" or (scale == "auto" and float(np.nanmax(above)) > STEEP * float(np.nanmedian(above)))
    unit = max(float(np.nanquantile(above, 0.02)), 1e-9 * float(np.nanmax(above)), 1e-300)

    def height(z: Array) -> Array:
        return np.log10(np.maximum(z - low, 0) + unit) if log else z

    z = height(grid.z)
    floor = float(np.nanmin(z)) - 0.45 * float(np.ptp(z[np.isfinite(z)]) or 1.0)
    figure = new_figure(6.8, 5.6)
    axes = figure.add_subplot(projection="3d", computed_zorder=False)
    x, y = np.meshgrid(grid.x, grid.y)
    # the low parts, which matter, get most of the colours
    colours = {"cmap": "viridis", "norm": PowerNorm(1.0 if log else 0.45, float(np.nanmin(z)), float(np.nanmax(z)))}
    marks = _even(z) if log else surfaces.levels(grid.z, 12)
    axes.contour(x, y, np.ma.masked_invalid(z), levels=marks, zdir="z", offset=floor, linewidths=1.0, zorder=0, **colours)
    axes.plot_surface(x, y, z, rcount=FACETS, ccount=FACETS, linewidth=0, antialiased=False, zorder=1, **colours)
    for k, (name, xs) in enumerate(cut.paths.items()):
        inside = np.all([(a <= xs[:, i]) & (xs[:, i] <= b) for i, (a, b) in enumerate(ranges)], axis=0)
        shown = np.where(inside, height(cut.heights[name]), np.nan)
        axes.plot(*xs.T, shown, color="white", linewidth=3.4, zorder=2)
        axes.plot(*xs.T, shown, color=COLOURS[(k + 1) % len(COLOURS)], linewidth=1.9, zorder=3, label=_named(name, cut.runs[name]))
        axes.plot(*xs[-1:].T, shown[-1:], "*", color="white", markeredgecolor="black", markersize=12, zorder=4)
    _furnish(axes, cut.scene, log, low, floor, float(np.nanmax(z)))
    if cut.paths:
        axes.legend(loc="upper left")
    return figure, log


def _even(z: Array) -> Array:
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    return np.linspace(low, high if high > low else low + 1e-9, 14)[1:]


def _furnish(axes: Any, scene: Scene, log: bool, low: float, floor: float, top: float) -> None:
    """Axes, labels and the point of view."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    put_title(axes, scene.title)
    axes.set(xlim=scene.ranges[0], ylim=scene.ranges[1], zlim=(floor, top))
    axes.set_xlabel(scene.labels[0], labelpad=8)
    axes.set_ylabel(scene.labels[1], labelpad=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    bottom = floor + 0.45 / 1.45 * (top - floor)  # below the surface there is no height to be read
    ticks = [t for t in MaxNLocator(5).tick_values(bottom, top) if bottom - 0.02 * (top - bottom) <= t <= top]
    axes.zaxis.set_major_locator(FixedLocator(ticks))
    axes.set_zlabel(rf"$\log_{{10}}(f - {low:.3g})$" if log and abs(low) > 1e-9 else r"$\log_{10} f$" if log else "$f$")
    axes.view_init(elev=32, azim=-58)
    axes.set_box_aspect((1, 1, 0.72), zoom=1.0)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("white")
        axis.pane.set_edgecolor("0.85")
        axis._axinfo["grid"].update(color="0.9", linewidth=0.6)


# ---------------------------------------------------------------- convergence


def _curve_of(m: Minimum, best: float) -> dict[str, Array]:
    return {"iteration": np.array([v.iteration for v in m.history]), "above": np.array([v.value - best for v in m.history]),
            "gradient": np.array([v.gradient_norm for v in m.history])}


def _curves(curves: Mapping[str, Mapping[str, Array]], title: Title, runs: Mapping[str, Minimum]) -> Any:
    """Two plots side by side; zeros, which no logarithm shows, are left out."""
    figure = new_figure(9.2, 4.3)
    both = figure.subplots(1, 2)
    longest = [len(c["iteration"]) for c in curves.values()]
    for axes, key, label in zip(both, ("above", "gradient"), ("$f - f_{\\mathrm{best}}$", r"$\max_i\, |\partial_i f\,|$"), strict=True):
        for k, (name, c) in enumerate(curves.items()):
            shown = np.where(c[key] > 0, c[key], np.nan)
            dots = {"marker": "o", "markersize": 3.5} if len(shown) <= MARKED else {}
            axes.plot(c["iteration"], shown, color=COLOURS[k % len(COLOURS)], linestyle=DASHES[k % len(DASHES)], linewidth=1.7,
                      label=_named(name, runs[name]), **dots)
        axes.set_yscale("log")
        if max(longest) > 20 * min(longest):
            axes.set_xscale("symlog", linthresh=10)
        axes.set(xlabel="iteration", ylabel=label)
        axes.set_xlim(left=0)
        axes.grid(color="0.92", linewidth=0.6)
    figure.suptitle(title.text, fontsize=title.size)
    _legend(figure)
    return figure
