"""What must be true of the source itself: who imports whom, who knows a function by name, and what is never called."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import matcalc

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "matcalc"

# The parts, in the order in which data flows: a module imports from its own part and those before it, never from one after it.
FRONT = """dims errors limits names callables syntax
           tokens dimensions unify signatures kinds selectors powers products applied calls misread grammar
           declarations repairs mismatch constants shapes unparse readings parser""".split()
CHECKER = ["checker"]
ENGINE = """expr cost algebra operators kronecker rebuild operands numerics knowledge functions
            build properties match identities factoring simplifier
            differentials transposition materialize indices structured derive conditions printers steps board""".split()
# "" is matcalc/__init__.py
DOORS = [*"""chains declared compiler codegen written equations citations derivation answer indexed autograd gradient_checks optimize
              pictures rulecheck claims arguments asking derivatives api""".split(),
         *"display cli_completion cli_errors cli_help cli_options cli_progress cli_values cli_tables cli_run cli_rules".split(),
         "cli_minimize", "cli_plot", "", "cli", "repl", "__main__"]
PARTS = [FRONT, CHECKER, ENGINE, DOORS]

# Operators that the engine knows by name: a closed set. Everything else is known to rules/ alone.
OPERATORS = {"tr", "sum", "mean", "diag", "diagv", "kron", "vec", "eye", "ones", "zeros", "commat"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


MODULES = {module_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, top_only: bool = False) -> set[str]:
    """The modules of this package that a module imports when it is loaded, and (unless `top_only`) inside its functions."""
    is_package = (PACKAGE / name.replace(".", "/") / "__init__.py").exists()
    parents = name.split(".") if name else []
    parents = parents if is_package else parents[:-1]
    found = set()
    for node in executed(MODULES[name], top_only):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("matcalc").removeprefix(".") for alias in node.names if alias.name.split(".")[0] == "matcalc"}
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0 and (node.module or "").split(".")[0] != "matcalc":
                continue
            base = parents[: len(parents) - node.level + 1] if node.level else []
            target = ".".join([*base, *(node.module or "").removeprefix("matcalc").strip(".").split(".")]).strip(".")
            names = {f"{target}.{alias.name}".strip(".") for alias in node.names}
            found |= (names & set(MODULES)) or {target}
    return found


def executed(tree: ast.AST, top_only: bool) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`, and those inside functions if `top_only`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if top_only and isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        yield node
        yield from executed(node, top_only)


def part(name: str) -> int:
    """Which of the parts a module belongs to, by its own name or by that of its package."""
    return next((i for i, modules in enumerate(PARTS) if name.split(".")[0] in modules), -1)


def strings(name: str) -> Iterator[tuple[int, str]]:
    """(line, value) of every string constant of a module, but for docstrings and the messages of errors, which may give examples."""
    spoken: set[int] = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Raise):
            spoken |= {id(part) for part in ast.walk(node)}
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr):
            spoken.add(id(node.body[0].value))
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            yield node.lineno, node.value


def functions_of_rules() -> set[str]:
    """The names of all functions that rules/ defines, as they are called."""
    names = set()
    for path in (ROOT / "rules" / "functions").glob("*.toml"):
        for entry in tomllib.loads(path.read_text()).values():
            names.add(entry["signature"].split("(")[0])
    return names - OPERATORS


@pytest.mark.parametrize("name", MODULES)
def test_imports_follow_the_flow_of_data(name: str) -> None:
    assert part(name) >= 0, f"put {name} into the part that it belongs to"
    for other in imports(name):
        assert other in MODULES, other
        assert part(other) <= part(name), f"{name} imports {other}"


def test_no_module_needs_itself_to_be_loaded() -> None:
    """Imports at the top of modules have no cycle; one inside a function, made when it is needed, may go back within its part."""
    loads = {name: imports(name, top_only=True) for name in MODULES}
    while free := {name for name, needs in loads.items() if not needs & set(loads) - {name}}:
        loads = {name: needs for name, needs in loads.items() if name not in free}
    assert not loads


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "checker"])
def test_the_checker_shares_nothing_with_the_engine(name: str) -> None:
    allowed = {*FRONT, "checker"}
    assert {other.split(".")[0] for other in imports(name)} <= allowed
    assert not any("rules" in re.split(r"[/.]", text) for _, text in strings(name)), "the checker reads no rules"


@pytest.mark.parametrize("name", [name for name in MODULES if part(name) == 2])
def test_the_engine_knows_no_function_by_name(name: str) -> None:
    functions = functions_of_rules()
    assert len(functions) > 30
    called = re.compile(rf"\b({'|'.join(sorted(functions))})\(")
    for line, text in strings(name):
        assert text not in functions, f"{name}, line {line}: {text}"
        assert not called.search(text), f"{name}, line {line}: {text}"


def test_no_module_hides_a_public_function() -> None:
    names = """grad jacobian hessian hvp differential vjp jvp value_and_grad check parse minimize simplify evaluate from_function rules
               load_rules gradcheck"""
    public = set(names.split()) | set(getattr(matcalc, "__all__", ()))
    assert not public & {path.stem for path in PACKAGE.iterdir() if path.stem != "errors"}


# What turns text into code, or into objects of any class; what a program is started with.
EXECUTES = {"eval", "exec", "execfile", "compile", "__import__", "sympify", "parse_expr", "lambdify", "S", "literal_eval", "runsource",
            "system", "popen", "Popen", "spawnv", "execv", "load_module", "exec_module", "fromstring", "ufuncify", "autowrap"}
READERS = {"pickle", "marshal", "shelve", "dill", "joblib", "code", "codeop", "runpy", "subprocess", "socket", "ctypes", "imp", "yaml"}
# The modules that import another by its name, and where that name comes from: never from what a user types.
IMPORTERS = {
    "": "its own modules, from the table of public names",
    "compiler": "numpy = ... of a function's table, whose names knowledge.py holds against a list",
    "codegen.compiled": "numpy = ... of a function's table, whose names knowledge.py holds against a list",
    "autograd.elementwise": "numpy = ... of a function's table, whose names knowledge.py holds against a list",
    "checker.values": "the names in PURE, a list in the same module",
    "printers": "its own modules, from the table FORMATS",
    "codegen.backends": "the libraries themselves, constants in the same module",
    "codegen.languages": "the module of a helper that exported code brings along, from the list that knowledge.py keeps",
    "codegen.runtime": "a module of NumPy, a constant in the same module",
}


# The one place where code is made: each line is of nodes of an expression, with names of its own, and numbers.
MADE = {"autograd.elementwise": ["exec"], "codegen.compiled": ["exec", "compile"]}


def called_name(node: ast.Call) -> str:
    """The last name of what is called: `compile` for re.compile(...)."""
    f = node.func
    return f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else ""


def owner(node: ast.Call) -> str:
    return ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def forbidden_calls(tree: ast.AST) -> Iterator[str]:
    """Calls that execute text, uses of such a function without a call, and modules that read code."""
    methods = {"compile"}  # Answer.compile and Identities._compile are ours: a plan on the graph, and no text
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) in EXECUTES:
            if not (called_name(node) in methods and owner(node) in ("re", "self")):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Name) and node.id in EXECUTES - {"S"}:
            yield f"line {node.lineno}: {node.id}"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {(getattr(node, "module", None) or "").split(".")[0], *(alias.name.split(".")[0] for alias in node.names)}
            if names & (READERS | {"sympify", "parse_expr", "lambdify"}):
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("name", MODULES)
def test_text_is_never_executed(name: str) -> None:
    assert all(any(f": {made}" in call for made in MADE.get(name, ())) for call in forbidden_calls(MODULES[name]))
    imports_by_name = any(isinstance(node, ast.Call) and called_name(node) == "import_module" for node in ast.walk(MODULES[name]))
    assert imports_by_name == (name in IMPORTERS), IMPORTERS.get(name, "say here where the name comes from")


@pytest.mark.parametrize("line", ["eval(text)", "f = exec", "compile(text, '', 'exec')", "sympy.sympify(text)", "import pickle", "S(text)",
                                  "from sympy import lambdify", "os.system(text)", "subprocess.run(text)\nimport subprocess"])
def test_what_would_execute_text_is_seen(line: str) -> None:
    assert [*forbidden_calls(ast.parse(line))]


def test_nobody_is_sent_to_the_other_package() -> None:
    """The name matcalc on PyPI belongs to others."""
    command = re.compile(r"\bpip3? install\s+(-\S+\s+)*[\"'`]?matcalc(?!-symbolic)\b")
    assert command.search("pip " + "install -U matcalc")
    folders = ("*.md", "docs/**/*.md", "rules/**/*.md", "matcalc/**/*.py", "pyproject.toml")
    pages = [page for folder in folders for page in ROOT.glob(folder)]
    assert ROOT / "README.md" in pages
    for page in pages:
        assert not command.search(page.read_text()), page
