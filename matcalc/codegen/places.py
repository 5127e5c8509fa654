"""What is mostly zero in the NumPy of compiled functions: zeros once, and the rest written, or added, where it belongs."""

from __future__ import annotations

from .graph import LETTERS, Op
from .python_text import PythonText
from .writer import ATOM, UNARY

ALWAYS = frozenset({"band", "padded", "spread entries"})


def is_filled(o: Op) -> bool:
    """Is most of it zero, and worth zeros that are written into?"""
    if o.kind == "arranged":
        places = "".join(o.data[1])
        return len(set(places)) < len(places)
    return o.kind in ALWAYS or (o.kind == "crossed" and any(a.kind == "eye" for a in o.args))


def is_broadcast(o: Op) -> bool:
    """Is it an array over named axes that stands for more?"""
    return o.kind == "widened" or (o.kind == "arranged" and not is_filled(o) and not set("".join(o.data[1])) <= set("".join(o.data[0])))


def _is_diagonal(o: Op) -> bool:
    """An identity or a diagonal matrix, perhaps times numbers."""
    if o.kind == "product" and len(o.args[-1].shape) == 2:
        return o.args[-1].kind in ("eye", "diag") and not any(f.shape for f in o.args[:-1])
    return o.kind in ("eye", "diag")


def _letters(o: Op) -> tuple[str, str]:
    """The axes of a tensor, where two that agree have one letter; and its letters, each once, as its value has them."""
    if o.kind == "arranged":
        places = "".join(o.data[1])
        return places, "".join(dict.fromkeys(places))
    if o.kind == "spread entries":
        return "ijij", "ij"
    letters = list("ijkl")
    at = next(i for i, a in enumerate(o.args) if a.kind == "eye")
    same, pair = o.data[at], o.data[1 - at]
    letters[letters.index(same[1])] = same[0]
    if o.args[1 - at].kind == "eye":
        letters[letters.index(pair[1])] = pair[0]
        pair = pair[0]
    return "".join(letters), same[0] + pair


class Places(PythonText):
    """Statements for it."""

    within: set[Op]  # what is added where it belongs, and never made on its own

    def find_places(self, readers: dict[Op, list[Op]]) -> None:
        """Of an operation that one sum reads."""
        sums = {a: found[0] for a, found in readers.items() if len(found) == 1 and found[0].kind == "linear" and found[0].shape == a.shape}
        self.within = {a for a in sums if self._can_be_added(a) and a not in self.roots}

    def _can_be_added(self, a: Op) -> bool:
        if a.kind == "arranged" and any(len(group) != 1 for group in a.data[1]):
            return False
        return is_filled(a) or (_is_diagonal(a) and a.kind == "product")

    def has_places(self, o: Op) -> bool:
        return o.kind == "linear" and any(a in self.within for a in o.args)

    def has_place(self, a: Op) -> bool:
        """Is it added to a few entries only?"""
        return a in self.within or (a.kind in ("eye", "diag") and a not in self.is_named_op)

    # ------------------------------------------------------------ statements
    def fill(self, o: Op) -> None:
        """Zeros, and what is not zero."""
        groups = o.data[1] if o.kind == "arranged" else ()
        numbers = dict(zip(LETTERS, o.data[2], strict=False)) if groups else {}
        shape = tuple(numbers[x] for x in "".join(groups)) if groups else o.shape
        value = self.placed(1.0, o)
        name = self.assign(o, self.new("zeros", f"{shape}"))
        self.lines.append(f"{self.place(name, o)} = {value}")
        if any(len(group) != 1 for group in groups):
            self.lines.append(f"{name} = {name}.reshape{o.shape}")

    def place(self, name: str, a: Op, fresh: bool = True) -> str:
        """Where in an array what is not zero goes. `fresh`: it was made of zeros, and lies in memory as they do."""
        if a.kind == "padded":
            return f"{name}[{', '.join(f'{first}:{n - last}' for n, (first, last) in zip(a.shape, a.data, strict=True))}]"
        flat = f"{name}.{'ravel()' if fresh else 'flat'}"
        if a.kind == "band":
            (row, column), step, length = a.data, a.shape[1] + 1, a.args[0].size
            start = row * a.shape[1] + column
            return f"{flat}[{start}:{start + (length - 1) * step + 1}:{step}]"
        if _is_diagonal(a):
            return f"{flat}[::{a.shape[1] + 1}]"
        axes, kept = _letters(a)
        return f"np.einsum('{axes}->{kept}', {name})[...]"

    def placed(self, c: float, a: Op) -> str:
        """And what goes there, times c."""
        if a.kind == "product":
            factors = [*a.args[:-1], *a.args[-1].args]
            return self.text(self.graph.product(c * a.data, factors, a.shape[:1] if len(factors) == len(a.args) else ()))
        value = self._value(a)
        if value is None:
            return self.number(c)
        if isinstance(value, float):
            return self.number(c * value)
        return value if c == 1 else f"{self.number(c)} * {value}"

    def _value(self, a: Op) -> str | float | None:
        """None for ones."""
        if a.kind == "arranged":
            kept = "".join(dict.fromkeys("".join(a.data[1])))
            parts = [self.looked_at(self.operand(x, ATOM), letters, kept) for x, letters in zip(a.args, a.data[0], strict=True)]
            return self.times.join(parts) or None
        if a.kind == "crossed":
            other = next((x for x in a.args if x.kind != "eye"), None)
            return None if other is None else self.operand(other, UNARY)
        if a.kind == "eye":
            return None
        v = a.args[0]
        return float(v.data) if v.kind == "full" else self.text(v, UNARY)


