"""A function of the table as it is called: its arguments declared in every way, drawn from its domain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ..knowledge import Function, known
from ..syntax import Reading


def declared(f: Function) -> Iterator[tuple[list[str], list[str]]]:
    """Declarations of the parameters, and the arguments, for every kind that the signature allows."""
    params = [p for p in f.signature.params if p.kind != "axis"]
    kinds = ("scalar", "vector(n)", "matrix(m, n)") if any(p.kind == "any" for p in params) else ("",)
    for variant in kinds:
        let, args = [], []
        for p in params:
            if p.kind == "integer":
                args.append("3")
                continue
            what = variant if p.kind == "any" else p.kind + (f"({', '.join(map(str, p.dims))})" if p.dims else "")
            let.append(f"{p.name}: {what}")
            args.append(p.name)
        yield let, args


def integers(f: Function) -> set[str]:
    return {p.name for p in f.signature.params if p.kind == "integer"}


def with_integers(f: Function, text: str) -> str:
    """A formula with the whole numbers among the parameters replaced by one."""
    for name in integers(f):
        text = re.sub(rf"\b{name}\b", "3", text)
    return text


def within_domain(reading: Reading, f: Function) -> Reading:
    """The symbols with the properties that the domain asks for, so that inputs are drawn from it."""
    symbols = dict(reading.symbols)
    for condition in (*f.words("domain"), *f.words("smooth")):
        name, colon, word = (p.strip() for p in condition.partition(":"))
        if colon and name in symbols:
            symbols[name] = symbols[name]._replace(properties=symbols[name].properties | {word})
            change = symbols.get(f"d{name}")
            if change and "symmetric" in known().closure(frozenset({word})):  # of a symmetric matrix, also what changes is symmetric
                symbols[f"d{name}"] = change._replace(properties=change.properties | {"symmetric"})
        elif condition.endswith("> 0") and condition[:-3].strip() in symbols:
            name = condition[:-3].strip()
            symbols[name] = symbols[name]._replace(properties=symbols[name].properties | {"positive"})
    return reading._replace(symbols=symbols)


def called(f: Function, args: Sequence[str]) -> str:
    return f"{f.name}({', '.join(args)}{'' if f.head.axis is None else f', axis={f.head.axis}'})"


def transposes(f: Function, call: str, args: Sequence[str]) -> tuple[str, str]:
    """f(X.T), and what the table says that it is."""
    turned = re.sub(rf"(?<=[(,\s])({'|'.join(a for a in args if not a.isdigit())})(?=[,)])", r"\1.T", call)
    return turned, f"{call}.T" if f.get("transpose") == "through" else call


def circle(functions: Mapping[str, Sequence[Function]], name: str) -> str:
    """The key, `definition` or `numpy`, by which a function comes back to itself."""
    for key in ("definition", "numpy"):
        reached: set[str] = set()
        todo = [name]
        while todo:
            texts = " ".join(f.get(key) for f in functions[todo.pop()])
            new = set(re.findall(r"(\w+)\s*\(", texts)) & functions.keys() - reached
            reached |= new
            todo += new
        if name in reached:
            return key
    return ""
