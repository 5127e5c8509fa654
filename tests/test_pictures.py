"""Pictures: the numbers in them against the derivatives and minimisers that they show, the files, and the errors."""

from __future__ import annotations

import doctest
import json
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc.errors import DomainError, NotSupported

from .command_line import command_line

pytest.importorskip("matplotlib")

from docs import gallery
from matcalc import pictures
from matcalc.pictures import drawing, surfaces, views

ROSENBROCK = "(1 - x[0])**2 + 100 * (x[1] - x[0]**2)**2"
BOWL = "x[0]**2 + 3 * x[1]**2"
NETWORK = "norm2sq(Y - W2 @ tanh(W1 @ X)) / 8 + 0.01 * (norm2sq(W1) + norm2sq(W2))"


def network_data() -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {"X": random.uniform(-1, 1, (2, 8)), "Y": random.uniform(-1, 1, (1, 8)), "W1": random.standard_normal((3, 2)),
            "W2": random.standard_normal((1, 3))}


# ---------------------------------------------------------------- what is shown


def test_the_arrows_of_a_field_are_the_gradients() -> None:
    picture = pictures.field(ROSENBROCK, range="-2:2,-1:3")
    gradient = mc.grad(ROSENBROCK, wrt="x").compile()
    for place, arrow in list(zip(picture.data["places"], picture.data["gradients"], strict=True))[::29]:
        assert np.allclose(gradient(x=place), arrow)
    quiver = next(c for c in picture.figure.axes[0].collections if hasattr(c, "U"))
    assert np.allclose(np.hypot(quiver.U, quiver.V), 1)
    assert np.allclose(quiver.get_array(), np.log10(np.linalg.norm(picture.data["gradients"], axis=1)))


def test_the_grid_holds_the_values() -> None:
    d = pictures.field(ROSENBROCK, range="-2:2,-1:3").data
    for i, j in ((0, 0), (3, 70), (100, 20)):
        assert np.isclose(d["z"][i, j], mc.evaluate(ROSENBROCK, {"x": [d["x"][j], d["y"][i]]}))


@pytest.mark.parametrize("f", [ROSENBROCK, f"{BOWL} - 7", "x[0] - x[1]", "exp(x[0]) * sin(x[1])"])
def test_levels_are_log_spaced_above_the_lowest_value(f: str) -> None:
    d = pictures.field(f).data
    above = d["levels"] - d["z"].min()
    assert (np.diff(d["levels"]) > 0).all()
    assert np.allclose(np.diff(np.log(above)), np.diff(np.log(above))[0], rtol=1e-5)
    assert np.isclose(d["levels"][-1], d["z"].max())


def test_a_slope_of_one_is_ten_to_the_zero() -> None:
    bar = pictures.field("x.T A x", data={"A": [[2, 1], [1, 3]]}).figure.axes[1]
    bar.figure.canvas.draw()
    assert "$10^{0}$" in [label.get_text() for label in bar.get_yticklabels()]
    assert bar.yaxis.get_major_formatter()(-0.0) == "$10^{0}$"


def test_levels_of_what_is_flat() -> None:
    assert (np.diff(surfaces.levels(np.full((3, 3), 5.0))) > 0).all()


def test_a_function_of_one_variable_has_a_curve_and_a_slope() -> None:
    d = pictures.field("x * sin(x)", let=["x: scalar"], range="-8:8").data
    assert np.allclose(d["value"], d["x"] * np.sin(d["x"]))
    assert np.allclose(d["slope"], np.sin(d["x"]) + d["x"] * np.cos(d["x"]))
    assert np.allclose(np.tan(d["stationary"]), -d["stationary"], atol=1e-2)
    assert len(d["stationary"]) == 7


def test_two_scalars_and_a_matrix_of_two_entries_are_two_entries() -> None:
    assert pictures.field("u**2 + 2 * v**2", let=["u: scalar", "v: scalar"]).figure.axes[0].get_ylabel() == "$v$"
    assert pictures.field("norm2sq(W)", start={"W": [[0, 0]]}).figure.axes[0].get_ylabel() == "$W_{0, 1}$"


def test_paths_are_those_of_the_minimiser() -> None:
    methods = ["gd", "momentum", "adam", "newton"]
    d = pictures.path(ROSENBROCK, start={"x": [-1.2, 1]}, method=methods, iterations=400).data
    for method in methods:
        m = mc.minimize(ROSENBROCK, "x", {"x": [-1.2, 1]}, method=method, iterations=400)
        assert d["paths"][method][0].tolist() == [-1.2, 1]
        assert np.array_equal(d["paths"][method], [v.x for v in m.history])
    assert np.allclose(d["paths"]["newton"][-1], [1, 1])
    (low, high), (bottom, top) = (d["x"][0], d["x"][-1]), (d["y"][0], d["y"][-1])
    everything = np.vstack([*d["paths"].values()])
    assert ((everything > [low, bottom]) & (everything < [high, top])).all()


def test_convergence_comes_down() -> None:
    methods = ["gd", "fixed", "newton"]
    d = pictures.convergence("x.T @ Q @ x / 2", over="x", data={"Q": np.diag([1, 10, 100])}, start={"x": [1, 1, 1]}, method=methods).data
    for method in methods:
        assert (np.diff(d[method]["above"]) <= 1e-15).all()
        assert d[method]["gradient"][-1] <= 1e-8 < d[method]["gradient"][0]
        assert (np.diff(d[method]["iteration"]) == 1).all()
    assert min(c["above"].min() for c in d.values()) == 0


def test_a_landscape_of_two_entries_is_the_function() -> None:
    d = pictures.landscape(ROSENBROCK, start={"x": [-1.2, 1]}, method="newton").data
    assert np.isclose(d["z"][5, 9], mc.evaluate(ROSENBROCK, {"x": [d["x"][9], d["y"][5]]}))
    assert np.allclose(d["paths"]["newton"][-1], [1, 1])


def test_random_directions_of_a_network_are_as_long_as_its_rows() -> None:
    d = pictures.landscape(NETWORK, over=["W1", "W2"], data=network_data()).data
    for direction in d["directions"]:
        rows, centre = (v[:6].reshape(3, 2) for v in (direction, d["centre"]))
        assert np.allclose(np.linalg.norm(rows, axis=1), np.linalg.norm(centre, axis=1))
        assert np.isclose(np.linalg.norm(direction[6:]), np.linalg.norm(d["centre"][6:]))
    middle = d["z"][len(d["y"]) // 2, len(d["x"]) // 2]
    assert np.isclose(middle, d["z"].min())


def test_principal_directions_hold_the_path() -> None:
    d = pictures.network(NETWORK, over=["W1", "W2"], data=network_data(), method="newton").data
    m = mc.minimize(NETWORK, ["W1", "W2"], {k: v for k, v in network_data().items() if k[0] == "W"},
                    {k: v for k, v in network_data().items() if k[0] != "W"}, method="newton")
    assert np.allclose(d["directions"] @ d["directions"].T, np.eye(2))
    assert np.allclose(d["paths"]["newton"], (np.array([v.x for v in m.history]) - m.history[-1].x) @ d["directions"].T)
    assert np.allclose(d["paths"]["newton"][-1], 0)


def test_directions_of_a_vector_are_orthogonal() -> None:
    d = pictures.landscape("norm2sq(A x - b)", over="x", data={"A": np.eye(3) * 2, "b": [1, 2, 3]}).data
    assert np.isclose(d["directions"][0] @ d["directions"][1], 0)
    assert np.allclose(d["centre"], [0.5, 1, 1.5])


@pytest.mark.parametrize("draw", [pictures.field, pictures.landscape])
def test_where_there_is_no_value_the_picture_is_empty_and_says_so(draw: Any, tmp_path: Path) -> None:
    picture = draw("log(x[0]) + x[1]**2")
    half = np.isnan(picture.data["z"]).mean()
    assert 0.45 < half < 0.55
    assert any(f"{half:.1%}" in note for note in picture.notes)
    picture.save(tmp_path / "half.png")


@pytest.mark.parametrize("module", [pictures, drawing, surfaces, views], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(("f", "title"), [
    (BOWL, "$x_{0}^{2} + 3 x_{1}^{2}$"),
    ("norm2sq(A x - b)", r"$\Vert A x - b \Vert_{2}^{2}$"),
    ("logdet(X)", r"$\log| \det(X) |$"),
    ("x * sin(x)", r"$x \, \sin(x)$"),
])
def test_titles_are_formulas(f: str, title: str) -> None:
    let = ["x: scalar"] if f == "x * sin(x)" else []
    with drawing.style():
        assert drawing.title_of(mc.parse(f, let)).text == title


def test_a_long_title_is_text_and_cut_off() -> None:
    title = drawing.title_of(mc.parse(" + ".join(f"norm2sq(A{i} @ x - b{i})" for i in range(12))))
    assert title.text.endswith(" ...")
    assert "$" not in title.text.replace(r"\$", "")


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_bytes_twice(ending: str, tmp_path: Path) -> None:
    files = [pictures.field(BOWL).save(tmp_path / f"{i}.{ending}") for i in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"Matplotlib v" not in files[0].read_bytes() or ending == "svg"


def test_an_svg_is_xml_without_a_date(tmp_path: Path) -> None:
    text = pictures.field(BOWL).save(tmp_path / "a.svg").read_text()
    assert ElementTree.XML(text).tag.endswith("svg")
    assert "<dc:date>" not in text


def test_a_film_has_frames(tmp_path: Path) -> None:
    from PIL import Image

    picture = pictures.path(BOWL, start={"x": [1, 1]}, method="newton")
    with Image.open(picture.save(tmp_path / "a.gif")) as film:
        assert film.n_frames >= 2
        assert film.info["loop"] == 0


def test_a_notebook_shows_a_picture() -> None:
    assert pictures.field(BOWL)._repr_png_().startswith(b"\x89PNG")


def test_matplotlib_is_loaded_by_pictures_alone() -> None:
    code = ("import sys, matcalc.cli; matcalc.cli.main(['plot', '--help']); "
            "assert not {'matplotlib', 'numpy', 'sympy', 'matcalc.pictures'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parent.parent)


def test_the_users_settings_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    pictures.field(BOWL)
    assert dict(matplotlib.rcParams) == before


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(("call", "message"), [
    (lambda: pictures.field("x[0]**2 + x[2]**2"), "field draws functions of one or two entries; x has 3"),
    (lambda: pictures.path("x[0]**2 + x[2]**2"), "path draws functions of two entries; x has 3"),
    (lambda: pictures.field(BOWL, range="-1:1:3"), "a range is two numbers"),
    (lambda: pictures.field(BOWL, range="-1"), "a range is two numbers"),
    (lambda: pictures.field(BOWL, range="a:b"), "a range is two numbers"),
    (lambda: pictures.field(BOWL, range=[(1, -1)]), "the low end of a range is below"),
    (lambda: pictures.field(BOWL, range="0:inf"), "the low end of a range is below"),
    (lambda: pictures.field(BOWL, range="0:1,0:1,0:1"), "3 ranges were given for 2 entries"),
    (lambda: pictures.field("log(x[0]) + x[1]", range="-2:-1"), "the function has no finite value anywhere"),
    (lambda: pictures.field("log(x)", let=["x: scalar"], range="-2:-1"), "the function has no finite value anywhere"),
    (lambda: pictures.landscape("x**2", let=["x: scalar"]), "a surface needs two entries"),
    (lambda: pictures.landscape(BOWL, scale="loud"), "scale is one of"),
    (lambda: pictures.network("norm2sq(x)", start={"x": [1, 2, 3]}, directions="path"), "directions of a path need a method"),
    (lambda: pictures.path(BOWL, method="newtn"), "there is no method 'newtn'"),
    (lambda: pictures.field(BOWL, data={"x": [1, 1]}, over=[]), "every variable has data"),
])
def test_errors_say_what_and_how_to_mend_it(call: Any, message: str) -> None:
    with pytest.raises(DomainError, match=message) as caught:
        call()
    assert caught.value.fixes


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NotSupported, match="pictures need matplotlib") as caught:
        pictures.field(BOWL)
    assert "pip install 'matcalc-symbolic[plot]'" in str(caught.value)


def test_a_path_of_many_variables_is_not_kept() -> None:
    with pytest.raises(NotSupported, match="the path itself is kept for at most"):
        pictures.landscape("norm2sq(x) + sum(x)", start={"x": np.ones(60)}, method="gd")


# ---------------------------------------------------------------- the command


def test_the_command_prints_the_file_and_notes_apart(tmp_path: Path) -> None:
    file = tmp_path / "bowl.png"
    ran = command_line("plot", "path", BOWL, "--start", "x=[1, 1]", "--method", "newton", "--save", str(file))
    assert (ran.code, ran.out) == (0, f"{file}\n")
    assert ran.err.startswith("newton: 1 iterations, value")
    assert file.read_bytes().startswith(b"\x89PNG")


def test_without_save_the_picture_is_in_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command_line("plot", "field", BOWL)
    assert ran.out == "plot.png\n"
    assert "note: written to plot.png" in ran.err
    assert (tmp_path / "plot.png").exists()


def test_json(tmp_path: Path) -> None:
    ran = command_line("plot", "convergence", BOWL, "--start", "x=[1, 1]", "--to", "json", "--save", str(tmp_path / "c.svg"))
    shown = json.loads(ran.out)
    assert shown["ok"]
    assert shown["verb"] == "plot convergence"
    assert len(shown["notes"]) == 4


@pytest.mark.parametrize("line", [
    'plot feild "x[0]**2 + x[1]**2"',
    'plot "x[0]**2 + x[1]**2"',
    'plot field "x[0]**2 + x[1]**2" --range -1',
    'plot field "x[0]**2 + x[1]**2" --range -1:1,-2:2,-3:3 --let "x: vector(2)"',
    'plot field "x[0]**2 + x[1]**2" --method gd',
    'plot field "x[0]**2 + x[1]**2" --save plot.pdf',
    'plot field "x[0]**2 + x[1]**2" --save nowhere/plot.png',
    'plot field "x[0]**2 + x[1]**2" --save plot.gif',
    'plot field "log(x[0]) + x[1]" --range -2:-1',
    'plot path "x[0]**2 + x[1]**2" --start "x=[1, 1]" --method newtn',
    'plot path "norm2sq(A x - b)" --set "A=[[1, 2], [3, 4]]" --set "b=[1, 2]" --method auto',
    'plot landscape "x[0]**2 + x[1]**2" --start "x=[1, 1]" --method newton --method gd',
    'plot landscape "x**2" --let "x: scalar" --scale log',
    'plot field "x[0]**2 + x[1]**2 + x[2]**2"',
    'plot path "x**2" --let "x: scalar" --method gd',
])
def test_every_fix_works(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command_line.run_line(f"matcalc {line}")
    assert ran.code == 2, ran
    assert ran.fixes
    for fix in ran.fixes:
        again = command_line.run_line(fix)
        assert again.code == 0, f"{fix}\n{again.err}"
        assert (tmp_path / again.out.strip()).exists()


# ---------------------------------------------------------------- the gallery


def test_the_gallery_shows_the_commands_of_its_script() -> None:
    assert gallery.PAGE.read_text() == gallery.page()
    for shot in gallery.SHOTS:
        assert shlex.split(shot.line)[:2] == ["matcalc", "plot"]
        assert 2_000 < (gallery.FOLDER / shot.name).stat().st_size <= (100_000 if shot.name.endswith(".png") else 250_000)


@pytest.mark.parametrize("shot", [shot for shot in gallery.SHOTS if shot.name.endswith(".png")], ids=lambda shot: shot.name)
def test_the_pictures_of_the_gallery_are_what_its_commands_draw(shot: gallery.Shot) -> None:
    with gallery.workshop():
        seen = gallery.numbers(gallery.drawn(shot))
    stored = json.loads(gallery.NUMBERS.read_text())[shot.name]
    assert seen.keys() == stored.keys()
    for name, value in seen.items():
        assert np.allclose(value, stored[name], rtol=1e-3, atol=1e-3), name


def test_ranges() -> None:
    assert surfaces.read_range("-2:2", 2) == [(-2, 2), (-2, 2)]
    assert surfaces.read_range([(0, 1), (2, 3)], 2) == [(0, 1), (2, 3)]
    assert surfaces.read_range(None, 2) is None
