"""When an answer holds: the domains and kinks of the functions in it, said of what the user typed."""

from __future__ import annotations

from collections.abc import Callable

from .build import build
from .derive import Derived
from .expr import Expr, postorder
from .functions import instantiate, kind, of_call
from .knowledge import Function, known
from .properties import Prover
from .rebuild import substitute
from .syntax import Node, Reading, fold
from .unparse import show

WORDS = {"invertible": "is invertible", "positive": "is positive", "spd": "is symmetric positive definite"}


def conditions_of(reading: Reading, derived: Derived, differentiated: bool) -> tuple[str, ...]:
    """`valid if x != 0`, one for each function of the input that needs it, then what holds at its kinks."""
    valid: dict[str, None] = {}
    kinks: dict[str, None] = {}
    prover = Prover()
    squared = _squared(reading.root) if differentiated else set()
    for node in _calls(reading.root):
        function = _function(node)
        if function is None or not _varies(node) or (node in squared and function.words("smooth") == ("x != 0",)):
            continue
        args = {p.name: a for p, a in zip(function.signature.params, node.children, strict=False)}
        smooth = function.words("smooth") if differentiated else ()
        for condition in smooth or function.words("domain"):
            said = _said(condition, args, reading, prover)
            if said:
                valid[f"valid if {said}"] = None
        if function.get("kink") and differentiated:
            kinks[f"at kinks: {function.get('kink')}"] = None
    for said in _of_powers(reading, prover):
        valid.setdefault(f"valid if {said}")
    for said in _introduced(derived.expression, prover) if differentiated else ():
        word = said.rpartition(" is ")[2] if " is " in said else said.rpartition(" > ")[2] and "> 0"
        if not any(word in known_ or "!= 0" in known_ for known_ in valid):  # what the input needs says it in the user's own words
            valid[f"valid if {said}"] = None
    for e, word in derived.assumed:
        valid[f"valid if {e} {WORDS.get(word, 'is ' + word)}"] = None
    return (*valid, *kinks)


def _squared(root: Node) -> set[Node]:
    """What is raised to a power of at least 2: the square of a norm is smooth where the norm is not."""
    found: set[Node] = set()

    def visit(node: Node, _: list[None]) -> None:
        if node.kind == "power" and node.children[1].kind == "number" and node.children[1].data >= 2:
            found.add(node.children[0])

    fold(root, lambda n: n.children, visit)
    return found


def _of_powers(reading: Reading, prover: Prover) -> list[str]:
    """x**2.5 and x**t are defined for positive x."""
    found = []
    nodes: list[Node] = []
    fold(reading.root, lambda n: n.children, lambda n, _: nodes.append(n) if n.kind == "power" else None)
    for node in nodes:
        base, exponent = (build(reading._replace(root=c)) for c in node.children)
        whole = exponent.op == "size" or (exponent.op == "num" and isinstance(exponent.data, int))
        if not whole and base.op not in ("num", "size", "pi") and not prover.holds(base, "nonnegative"):
            found.append(f"{show(node.children[0], reading.symbols)} > 0")
    return found


def _introduced(e: Expr, prover: Prover) -> list[str]:
    """What the functions of the answer need: `X is invertible`, where a rule has brought an inverse in."""
    found = []
    for node in reversed(postorder([e])):
        function = of_call(node) if node.op == "call" else None
        for condition in function.words("domain") if function else ():
            name, colon, word = (part.strip() for part in condition.partition(":"))
            args = dict(zip([p.name for p in function.signature.params], node.args, strict=False)) if function else {}
            if colon and not prover.holds(args[name], word):
                found.append(f"{args[name]} {WORDS.get(word, 'is ' + word)}")
            elif condition.split(" ")[1:] == [">", "0"]:
                arg = args[condition.split(" ")[0]]
                found += [] if arg.op == "num" or prover.holds(arg, "positive") else [f"{arg} > 0"]
    return found


def _calls(root: Node) -> list[Node]:
    """The calls in typed order, each once."""
    found: list[Node] = []
    fold(root, lambda n: n.children, lambda n, _: found.append(n) if n.kind == "call" else None)
    return found


def _function(node: Node) -> Function | None:
    if node.data not in known().functions:
        return None
    return known().function(node.data, [kind(c) for c in node.children], node.axis)


def _varies(node: Node) -> bool:
    """Does the argument mention a variable at all? log(2 * pi) needs no condition."""
    return bool(fold(node, lambda n: n.children, lambda n, below: n.kind == "name" or any(below)))


def _said(condition: str, args: dict[str, Node], reading: Reading, prover: Prover) -> str:
    """A condition of a table with the arguments put in; nothing if it is known to hold."""
    name, colon, word = condition.partition(":")
    if colon and name.strip() in args:
        node = args[name.strip()]
        if prover.holds(build(reading._replace(root=node)), word.strip()):
            return ""
        return f"{show(node, reading.symbols)} {WORDS.get(word.strip(), 'is ' + word.strip())}"
    words = condition.split(" ")
    if len(words) == 3 and words[0] in args and words[1:] in (["!=", "0"], [">", "0"], [">=", "0"]):
        wanted = "nonnegative" if words[1] == ">=" else "positive"
        if prover.holds(build(reading._replace(root=args[words[0]])), wanted):
            return ""
    return " ".join(_put(w, args, reading) for w in words)


def _put(word: str, args: dict[str, Node], reading: Reading) -> str:
    """A word of a condition, or the argument that it names."""
    for name, node in args.items():
        if word == name:
            return show(node, reading.symbols)
        if word.endswith(f"({name})"):
            return word.removesuffix(f"({name})") + f"({show(node, reading.symbols)})"
    return word


def alternatives(e: Expr, text: Callable[[Expr], str]) -> tuple[str, ...]:
    """The answer with a function replaced by what it is under a condition: adj(X) = det(X) * inv(X) if X is invertible."""
    found = []
    for node in postorder([e]):
        if node.op != "call" or not of_call(node).get("alternative") or any(a.op == "call" for a in postorder(node.args)):
            continue
        function = of_call(node)
        other = substitute(e, {node: instantiate(function, "alternative", node.args)})
        names = dict(zip([p.name for p in function.signature.params], [text(a) for a in node.args], strict=False))
        where = [_named(c, names) for c in function.words("smooth")]
        found.append(f"= {text(other)}  valid if {', '.join(where)}")
    return tuple(found)


def _named(condition: str, names: dict[str, str]) -> str:
    name, colon, word = condition.partition(":")
    return f"{names.get(name, name)} {WORDS.get(word.strip(), word.strip())}" if colon else condition


