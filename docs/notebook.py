"""Makes notebook.ipynb: runs its cells in order, and keeps what each shows.

    python docs/notebook.py            writes the notebook
    python docs/notebook.py --check    says whether it is out of date
"""

from __future__ import annotations

import ast
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PAGE = Path(__file__).resolve().parent / "notebook.ipynb"
CELLS = [
    ("markdown", "# matcalc in a notebook\n\n"
                 "Expressions, answers and derivations show themselves in LaTeX. `print` shows the text, in matcalc's own notation."),
    ("code", "import numpy as np\n\nimport matcalc as mc"),
    ("markdown", "Type a matrix expression; what is not declared is assumed, and the answer says what was."),
    ("code", 'd = mc.grad("norm2sq(A x - b)", wrt="x")\nd'),
    ("code", "print(d)\nprint(d.reading.read_as, d.conditions, d.check(), sep=\"\\n\")"),
    ("markdown", "The steps that led to it:"),
    ("code", "d.derivation"),
    ("markdown", "A Python function is read, too; its arguments are the variables. Declarations make answers shorter."),
    ("code", 'mc.grad(lambda x, A: x @ A @ x, wrt="x", let=["A: symmetric"])'),
    ("code", 'mc.hessian("logsumexp(A x)", wrt="x")'),
    ("markdown", "Several variables at once:"),
    ("code", 'mc.vjp("softmax(Q @ K.T / sqrt(d)) @ V", wrt=["Q", "K", "V"])'),
    ("markdown", "An expression is an object with Python's operators."),
    ("code", 'r = mc.parse("A x - b")\nr.T @ r'),
    ("markdown", "The answer as a function of arrays, and as source text to take away:"),
    ("code", "g = d.compile()\ng(A=np.array([[1.0, 2.0], [3.0, 4.0]]), x=np.ones(2), b=np.array([1.0, 0.0]))"),
    ("code", 'print(d.code("numpy"))'),
    ("markdown", "A derivative of your own, judged:"),
    ("code", 'print(mc.check("x.T A x", wrt="x", claim="2 A x"))'),
]


def run(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """What a cell shows: what it prints, and the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)  # noqa: S102  the cells above, and no one else's
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    shown: list[dict[str, Any]] = []
    if printed.getvalue():
        shown.append({"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())})
    if value is not None:
        data = {"text/plain": lines(repr(value))}
        if hasattr(value, "_repr_latex_"):
            data["text/latex"] = lines(value._repr_latex_())
        shown.append({"data": data, "metadata": {}, "output_type": "execute_result"})
    return shown


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def notebook() -> str:
    """The notebook as Jupyter keeps it."""
    names: dict[str, Any] = {}
    cells: list[dict[str, Any]] = []
    count = 0
    for i, (kind, source) in enumerate(CELLS):
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{i}", "metadata": {}, "source": lines(source)}
        if kind == "code":
            count += 1
            outputs = run(source, names)
            for output in outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = count
            cell |= {"execution_count": count, "outputs": outputs}
        cells.append(cell)
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    page = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(page, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    made = notebook()
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == made else "docs/notebook.ipynb is out of date: python docs/notebook.py")
    PAGE.write_text(made)
