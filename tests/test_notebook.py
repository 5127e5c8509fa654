"""The notebook of docs/: its cells run, show what is kept, and in a kernel of Jupyter's the same."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import matcalc as mc

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "notebook.ipynb"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_shows_what_its_cells_give() -> None:
    assert PAGE.read_text() == script("notebook").notebook(), "python docs/notebook.py"


def test_a_kernel_gives_the_same() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    kept = json.loads(PAGE.read_text())
    page = nbformat.reads(PAGE.read_text(), as_version=4)
    nbformat.validate(page)
    nbclient.NotebookClient(page, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(DOCS.parent)}}).execute()
    for cell, before in zip(page.cells, kept["cells"], strict=True):
        if cell.cell_type == "code":
            assert [shown(o) for o in cell.outputs] == [shown(o) for o in before["outputs"]], cell.source


def shown(output: Any) -> Any:
    """The text and the LaTeX of an output, whether kept as one text or as lines."""
    data = output["data"] if "data" in output else {"text": output["text"]}
    return {kind: text if isinstance(text, str) else "".join(text) for kind, text in data.items()}


@pytest.mark.parametrize("value", [mc.parse("x.T A x"), mc.grad("x.T A x", "x"), mc.grad("x.T A x", ["x", "A"]),
                                   mc.jacobian("A X B", "X", form="index")])
def test_what_shows_itself_in_latex(value: Any) -> None:
    latex = value._repr_latex_()
    assert latex.startswith(r"$\displaystyle ")
    assert latex.endswith("$")
    assert latex.count("{") == latex.count("}")
