"""A graph as source text: which operations get names, in what order they are computed, how expressions are put together.

What an operation looks like is the matter of each language: a method `_text_KIND` that gives its text and how strongly it binds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from .graph import Graph, Op

LEAVES = frozenset({"number", "size", "pi", "input", "full", "eye"})
VIEWS = frozenset({"transpose", "repeat", "reshape", "slice", "diagonal", "spread"})  # written where they are used
BROADCAST = frozenset({"repeat", "full", "spread"})  # numbers and vectors that stand for more where entries are computed
ENTRIES = frozenset({"linear", "product", "map", "power", "logistic", "raised", "above zero"})
PRODUCTS = frozenset({"dot", "weighted gram"})
ATOM, POWER, UNARY, TIMES, PLUS, COMPARE = 9, 8, 7, 6, 5, 4
FACTORED = frozenset({"inverse", "solve", "log determinant"})  # of one matrix they share its Cholesky factor
LONG = 64  # characters of an expression of which a part gets a name

Made = tuple[str, int]


class NotWritten(Exception):
    """An operation for which a language has no words."""


class Writer:
    """The statements that compute some operations of a graph."""

    assigned = "{0} = {1}"
    returned = "return {0}"

    def __init__(self, graph: Graph, roots: Sequence[Op], names: dict[str, str], spelled: Callable[[int], str] = str,
                 fresh: Callable[[Op], str] | None = None, width: int | None = LONG, given: str = "",
                 known: Mapping[Op, str] | None = None) -> None:
        self.given = given  # the name of an array: new ones are of its kind
        self.graph, self.roots, self.names, self.spelled, self.width = graph, list(roots), names, spelled, width
        self.lines: list[str] = []
        self.imports: set[str] = set()
        self.helpers: dict[str, str] = {}  # what the text calls beside the library: dotted names, by the name in the text
        self.variables: dict[Op, str] = dict(known or {})  # `known`: what was computed before
        self.count = 0
        self._named_by = fresh or self._numbered
        self.needed = self._reachable()
        self.uses: dict[Op, int] = dict.fromkeys(self.needed, 0)
        self.factors = self._shared_factors()
        self.named = self._chosen()

    def _reachable(self) -> list[Op]:
        seen: set[Op] = set()
        stack = list(self.roots)
        while stack:
            o = stack.pop()
            if o not in seen:
                seen.add(o)
                stack += o.args if o not in self.variables else ()
        return sorted(seen, key=lambda o: o.number)

    def _shared_factors(self) -> set[Op]:
        """Matrices of which several of inverse, solution and determinant are wanted, known to be positive definite."""
        count: dict[Op, int] = {}
        for o in self.needed:
            if o.kind in FACTORED and o.data:
                count[o.args[0]] = count.get(o.args[0], 0) + 1
        return {a for a, n in count.items() if n > 1}

    def _chosen(self) -> list[Op]:
        """The operations that get names, in order. What is written out n times is read n times."""
        named: list[Op] = []
        for r in self.roots:
            self.uses[r] += 1
        for o in reversed(self.needed):  # readers first
            if o in self.variables:
                continue
            if self.is_named(o):
                named.append(o)
            for a in o.args:
                self.uses[a] += 1 if named and named[-1] is o else self.uses[o]
        self.is_named_op = set(named)
        return named[::-1]

    def is_named(self, o: Op) -> bool:
        return self.uses[o] > 1 and o.kind not in LEAVES and o.kind not in VIEWS

    def read_by(self, o: Op) -> set[Op]:
        """The named operations that the text of o reads."""
        found: set[Op] = set()
        stack = list(o.args)
        while stack:
            a = stack.pop()
            if a in self.is_named_op:
                found.add(a)
            elif a not in self.variables:
                stack += a.args
        return found

    # ------------------------------------------------------------ statements
    @classmethod
    def knows(cls, dotted: str) -> bool:
        """Has the language this function, named as in a table of rules/?"""
        raise NotImplementedError

    def write(self) -> list[str]:
        """The statements, and what they return."""
        for o in self.named:
            self.statement(o)
        results = [self.result(r) for r in self.roots]
        self.lines += [self.returned.format(line) for line in self.together(results)]
        return self.lines

    def together(self, results: Sequence[str]) -> list[str]:
        return [", ".join(results)]

    def result(self, r: Op) -> str:
        return self.text(r, whole=True)

    def statement(self, o: Op) -> None:
        self.assign(o, self.made(o)[0])

    def assign(self, o: Op, text: str) -> str:
        name = self.fresh(o)
        self.lines.append(self.assigned.format(name, text))
        return name

    def fresh(self, o: Op) -> str:
        self.variables[o] = self._named_by(o)
        return self.variables[o]

    def _numbered(self, _: Op) -> str:
        self.count += 1
        return f"t{self.count}"

    # ------------------------------------------------------------ expressions
    def text(self, o: Op, level: int = 0, whole: bool = False) -> str:
        """o as an expression, in parentheses where it binds less than `level`."""
        if o in self.variables:
            return self.variables[o]
        text, binds = self.made(o, whole)
        if self.width is not None and len(text) > self.width and o not in self.roots and o.kind not in VIEWS | LEAVES \
                and self.variables.keys().isdisjoint([o]):
            return self.assign(o, text)
        return f"({text})" if binds < level else text

    def made(self, o: Op, whole: bool = False) -> Made:
        """The text of one operation, and how strongly it binds. `whole`: as an array of its full shape."""
        if whole and o.kind in BROADCAST:
            return self.whole(o)
        maker: Callable[[Op], Made] | None = getattr(self, "_text_" + o.kind.replace(" ", "_"), None)
        if maker is None:
            raise NotWritten(o.kind)
        return maker(o)

    def whole(self, o: Op) -> Made:
        raise NotImplementedError

    def operand(self, a: Op, level: int = 0) -> str:
        """a where it must have its whole shape."""
        return self.text(a, max(level, UNARY) if level else 0, whole=a.kind in BROADCAST)

    def factored(self, o: Op) -> str | None:
        """The Cholesky factor that o shares with others, made where it is first needed."""
        a = o.args[0]
        if a not in self.factors or not o.data:
            return None
        key = self.graph.op("cholesky", (a,), a.shape)
        if key not in self.variables:
            self.assign(key, self.cholesky(self.operand(a)))
        return self.variables[key]

    def cholesky(self, a: str) -> str:
        raise NotImplementedError

    def call(self, name: str, *args: str) -> Made:
        return f"{name}({', '.join(args)})", ATOM

    def sizes(self, shape: Sequence[int]) -> str:
        return ", ".join(map(self.spelled, shape))

    # ------------------------------------------------------------ signs and numbers, alike in all languages
    times, over, raising = " * ", " / ", " ** "

    def number(self, value: float) -> str:
        """As a person writes it: a fraction that has no short decimal as a fraction."""
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        text = repr(value)
        fraction = Fraction(value).limit_denominator(99)
        is_short = fraction.denominator > 1 and float(fraction) == value
        return f"{fraction.numerator} / {fraction.denominator}" if len(text) > 15 and is_short else text

    def exponent(self, value: float) -> str:
        text = self.number(value)
        return text if text.replace(".", "").isdigit() else f"({text})"

    def _text_number(self, o: Op) -> Made:
        text = self.number(o.data)
        return text, TIMES if "/" in text else ATOM if o.data >= 0 else UNARY

    _text_full = _text_number

    def _text_size(self, o: Op) -> Made:
        text = self.spelled(o.data)
        return text, ATOM if text.isalnum() else PLUS

    def _text_pi(self, o: Op) -> Made:
        return "pi", ATOM

    def _text_input(self, o: Op) -> Made:
        return self.names[o.data], ATOM

    def _text_spread(self, o: Op) -> Made:
        return (self.variables[o.args[0]], ATOM) if o.args[0] in self.variables else self.made(o.args[0])

    def _text_float(self, o: Op) -> Made:
        return self.text(o.args[0]), 0

    def scaled(self, c: float, a: Op) -> str:
        if c == 1:
            return self.text(a, TIMES)
        if c == -1:
            return f"-{self.text(a, UNARY)}"
        return f"{self.number(c)}{self.times}{self.text(a, UNARY)}"

    def _text_linear(self, o: Op) -> Made:
        coefficients, constant = o.data
        common = common_factor(o)
        if common != 1:
            unit = self.graph.op("linear", o.args, o.shape, (tuple(c / common for c in coefficients), constant / common))
            return f"{self.number(common)}{self.times}({self._text_linear(unit)[0]})", TIMES
        terms = [(c, self.scaled(abs(c), a)) for c, a in zip(coefficients, o.args, strict=True)]
        if constant:
            terms.insert(0 if constant > 0 and terms[0][0] < 0 else len(terms), (constant, self.number(abs(constant))))
        text = ("-" if terms[0][0] < 0 else "") + terms[0][1]
        if terms[0][0] == -1 and o.args[0].kind in PRODUCTS and o.args[0] not in self.variables:
            text = f"-({terms[0][1]})"  # the sign of the product, and not of its first factor
        plus, minus = self.signs(o)
        for c, t in terms[1:]:
            text += (minus if c < 0 else plus) + t
        return text, PLUS

    def signs(self, o: Op) -> tuple[str, str]:
        """What stands between the terms of a sum."""
        return " + ", " - "

    def is_divisor(self, f: Op) -> bool:
        if f.kind == "repeat":
            return self.is_divisor(f.args[0])
        return f.kind == "power" and f.data == -1 and f not in self.variables

    def _text_product(self, o: Op) -> Made:
        c = o.data
        above = [f for f in o.args if not self.is_divisor(f)]
        if c < 0:
            above.sort(key=is_comparison)  # true and false have no sign
        below = [f for f in o.args if self.is_divisor(f)]
        turned = c != 0 and abs(c) < 1 and float(round(1 / c)) * c == 1 and bool(above) and 1 / abs(c) < 1e6
        parts = [self.text(f, UNARY) if i or c not in (1,) else self.text(f, TIMES) for i, f in enumerate(above)]
        scale = -1.0 if turned and c < 0 else 1.0 if turned else c
        if scale == -1 and parts:
            parts[0] = "-" + parts[0]
        elif scale != 1 or not parts:
            parts.insert(0, self.number(scale))
        text = self.times.join(parts)
        for f in below:
            text += self.over + self.divisor(f)
        if turned:
            text += f"{self.over}{round(1 / abs(c))}"
        return text, TIMES

    def divisor(self, f: Op) -> str:
        """What a factor that is a reciprocal divides by."""
        if f.kind == "repeat":
            return self.repeated(f.args[0].args[0], f.data)
        return self.text(f.args[0], UNARY)

    def repeated(self, v: Op, axis: int) -> str:
        """A vector as it is broadcast along an axis."""
        raise NotImplementedError

    def _text_repeat(self, o: Op) -> Made:
        return self.repeated(o.args[0], o.data), ATOM


def is_comparison(o: Op) -> bool:
    return o.kind == "above zero" or (o.kind == "repeat" and is_comparison(o.args[0]))


def common_factor(o: Op) -> float:
    """A number that can be taken out of a sum, because all terms have it."""
    coefficients, constant = o.data
    size = abs(coefficients[0])
    return size if len(coefficients) > 1 and all(abs(c) == size for c in (*coefficients, *([constant] if constant else []))) else 1
