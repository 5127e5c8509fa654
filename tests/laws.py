"""Laws that every derivative obeys, whatever the function: each relates the answers to two or more questions, at random points.

A law makes its own problem from a seed and says what should equal what. No answer is compared with a formula that is known, only with
the answers to other questions, so a law holds or fails for functions that nobody has written a test for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

import matcalc as mc
from matcalc.errors import DomainError, MatcalcError, NotSupported
from matcalc.printers.text import expression_text
from tests.oracle.judge import projected
from tests.oracle.random_expressions import (
    LARGEST,
    SCALAR,
    SIZES,
    Generator,
    Problem,
    Shape,
    Term,
    Variable,
    atom,
    call,
    draw,
    infix,
    negative,
    power,
    transpose,
)
from tests.oracle.random_expressions import problem as any_problem
from tests.oracle.shrink import replaced

Values = dict[str, Any]
RTOL = 1e-6
LARGE = 1e6  # a value beyond this loses too many digits in a sum
POINTS, MORE = 2, 4  # points of a problem, and those that tell a fault from a point of bad condition
STEP = 1e-6  # of the one-sided quotients that tell a kink from a fault
OPS = ("grad", "jacobian", "hessian")
WORDS = ("symmetric", "spd", "psd", "skew", "diagonal", "lower", "upper", "orthogonal")


class Finding(NamedTuple):
    """What a law found of one problem: it holds, it is broken, or there is nothing to say (refused, no value, a kink)."""

    verdict: str
    detail: str = ""


class Sides(NamedTuple):
    """Two values that should be equal, and the size of the parts that they are sums of."""

    got: Any
    wanted: Any
    size: float = 1.0
    what: str = ""


class Relation(NamedTuple):
    """What a law says of a problem: both sides at given values of its variables; `smooth`: the functions that may have a kink there."""

    about: Problem
    sides: Callable[[Values], list[Sides]]
    smooth: tuple[Problem, ...] = ()


Law = Callable[[random.Random], Relation]
LAWS: dict[str, Law] = {}


def law(make: Law) -> Law:
    LAWS[make.__name__] = make
    return make


# ---------------------------------------------------------------- judging
def judge(name: str, seed: str) -> Finding:
    """One law on the problem of one seed."""
    relation: Relation | None = None
    try:
        relation = LAWS[name](random.Random(f"{name}:{seed}"))
        rng = np.random.default_rng([abs(hash_of(seed)), 7])
        with np.errstate(all="ignore"):
            return _judged(relation, rng)
    except (NotSupported, DomainError) as why:
        return Finding("nothing", f"{type(why).__name__}: {str(why).splitlines()[0]}")
    except MatcalcError as error:
        return Finding("broken", f"{relation.about.call if relation else name}\n    {type(error).__name__}: {error}")


def hash_of(seed: str) -> int:
    return random.Random(seed).getrandbits(32)


def _judged(relation: Relation, rng: Any) -> Finding:
    faults: list[Sides] = []
    seen = 0
    for attempt in range(POINTS + MORE):
        if attempt >= POINTS and not faults:
            break
        values = {v.name: x for v, x in zip(relation.about.variables, draw(relation.about.variables, SIZES, rng).values(), strict=True)}
        sides = [s for s in relation.sides(values) if usable(s)]
        wrong = [s for s in sides if not close(s)]
        if wrong and any(kinked(p, values, rng) for p in (relation.about, *relation.smooth)):
            continue
        seen += bool(sides)
        faults += wrong[:1]
    if not seen:
        return Finding("nothing", "no finite value at a smooth point")
    if len(faults) < seen or not faults:
        return Finding("holds") if not faults else Finding("nothing", f"at some points only: {told(relation, faults[0])}")
    return Finding("broken", told(relation, faults[0]))


def told(relation: Relation, s: Sides) -> str:
    return f"{relation.about.call}\n    {s.what}\n    got {short(s.got)}, wanted {short(s.wanted)}"


def short(x: Any) -> str:
    return np.array2string(np.asarray(x).ravel()[:6], precision=8, separator=", ")


def usable(s: Sides) -> bool:
    """Finite, and not so large that digits are lost."""
    return all(np.isfinite(x).all() and np.abs(x).max(initial=0) < LARGE for x in map(np.asarray, s[:3]))


def close(s: Sides) -> bool:
    got, wanted = np.asarray(s.got), np.asarray(s.wanted)
    return got.shape == wanted.shape and bool((np.abs(got - wanted) <= RTOL * (np.abs(wanted).max(initial=0) + s.size) + 1e-9).all())


def kinked(p: Problem, values: Values, rng: Any) -> bool:
    """Do one-sided quotients disagree, in any of three directions, of the function or (for a Hessian) of its gradient?"""
    free = redeclared(p, p.wrt, word="") if p.variable.word else p  # a step in any direction leaves what was declared
    f = Answered(replace(free, op="grad")).at if p.op == "hessian" else lambda v: value(free, v)
    x = values[p.wrt]
    here = f(values)
    for _ in range(3):
        way = rng.normal(size=np.shape(x))
        right, left = ((f({**values, p.wrt: x + t * STEP * way}) - here) / (t * STEP) for t in (1, -1))
        scale = np.abs(right).max() + np.abs(left).max() + np.abs(here).max() + 1
        if not np.isfinite(scale) or np.abs(right - left).max() > 1e-3 * scale:
            return True
    return False


# ---------------------------------------------------------------- asking
def plain(p: Problem, values: Mapping[str, Any]) -> Values:
    """What a problem needs of these values, a vector with one axis, a scalar with none, and the sizes."""
    shapes = {v.name: v.shape for v in p.variables}
    return {n: flat(values[n], s) for n, s in shapes.items()} | {d: SIZES[d] for d in p.dims}


def flat(x: Any, shape: Shape) -> Any:
    x = np.asarray(x)
    return x if x.ndim < 2 else x[0, 0] if shape == SCALAR else x[:, 0] if shape[1] == "1" else x


def value(p: Problem, values: Mapping[str, Any]) -> Any:
    return np.asarray(mc.evaluate(p.text, plain(p, values), p.let))


class Answered:
    """The answer to a problem, and its tensor at given values. The laws test the answer, so no check comes before them."""

    def __init__(self, p: Problem, **options: Any) -> None:
        self.problem = p
        self.answer = getattr(mc, p.op)(p.text, wrt=p.wrt, let=p.let, check=False, **options)

    def at(self, values: Mapping[str, Any]) -> Any:
        return np.asarray(self.answer.tensor(plain(self.problem, values)))


def axes(p: Problem) -> int:
    """How many axes the variable has."""
    return len([d for d in (p.variable.shape if p.variable.shape[1] != "1" else p.variable.shape[:1]) if p.variable.shape != SCALAR])


def wide(f: Any, p: Problem) -> Any:
    """A value of f, to be multiplied with its derivative."""
    return np.asarray(f).reshape(np.shape(f) + (1,) * axes(p))


def size(*parts: Any) -> float:
    return max(float(np.abs(x).max(initial=0)) for x in map(np.asarray, parts))


# ---------------------------------------------------------------- problems
def names(*terms: Term) -> set[str]:
    return {t.variable.name for term in terms for t in term.walk() if t.variable}


def small(*terms: Term) -> bool:
    return sum(1 for term in terms for _ in term.walk()) <= LARGEST


def drawn_problem(rng: random.Random, ops: tuple[str, ...] = OPS) -> Problem:
    """One of the problems of the oracle; every fourth is built around a pair of functions."""
    return any_problem(f"{rng.random()}:{rng.randrange(10**6)}", rng.choice(ops))


def pair(rng: random.Random, ops: tuple[str, ...] = OPS) -> tuple[Problem, Problem]:
    """Two functions of one shape, of which both have the variable."""
    op = rng.choice(ops)
    while True:
        generator = Generator(rng)
        shape = generator.any_shape() if op == "jacobian" else SCALAR
        f, g = (generator.term(shape, rng.choice([1, 2, 2, 3, 3])) for _ in range(2))
        common = sorted(names(f) & names(g))
        if common and small(f, g):
            wrt = rng.choice(common)
            return Problem(f, wrt, op=op), Problem(g, wrt, op=op)


def of(p: Problem, root: Term, wrt: str = "") -> Problem:
    """The same question about another function."""
    return replace(p, root=root, wrt=wrt or p.wrt, defined=())


def with_matrix(rng: random.Random, words: tuple[str, ...]) -> Problem:
    """A scalar function of a square matrix X that has one of the properties at every point, but is not declared so."""
    while True:
        d = rng.choice(["n", "m", "p", "k"])
        x = Variable("X", (d, d), "any", rng.choice(words))
        generator = Generator(rng, properties=0.05, taken={"X": x})
        root = generator.term(SCALAR, rng.choice([2, 3, 3, 4]))
        if "X" in names(root) and small(root):
            return Problem(root, "X")


def redeclared(p: Problem, name: str, **changes: Any) -> Problem:
    """The problem with a variable declared otherwise."""
    changed = {t: replace(t, variable=replace(t.variable, **changes)) for t in p.root.walk() if t.variable and t.variable.name == name}
    return of(p, replaced(p.root, changed))


def substituted(root: Term, name: str, by: Term) -> Term:
    return replaced(root, {t: by for t in root.walk() if t.variable and t.variable.name == name})


def leaf(name: str, shape: Shape, word: str = "") -> Term:
    return Term(name, shape, variable=Variable(name, shape, "any", word))


# ---------------------------------------------------------------- the rules of calculus
@law
def linearity(rng: random.Random) -> Relation:
    """D(a f + b g) = a Df + b Dg."""
    f, g = pair(rng)
    a, b = rng.sample([2.0, 3.0, -1.0, 0.5, -0.25, 7.0, 0.1], 2)
    shape = f.root.shape
    left, right = (infix("*", number(c), p.root, shape) for c, p in ((a, f), (b, g)))
    whole = of(f, infix("+", left, right, shape))
    one, other, both = Answered(f), Answered(g), Answered(whole)

    def sides(values: Values) -> list[Sides]:
        x, y = a * one.at(values), b * other.at(values)
        return [Sides(both.at(values), x + y, size(x, y), str(both.answer))]

    return Relation(whole, sides, (f, g))


def number(c: float) -> Term:
    return Term(f"{c:g}", SCALAR) if c >= 0 else negative(atom(f"{-c:g}"))


@law
def product(rng: random.Random) -> Relation:
    """D(f * g) = f Dg + g Df, entry by entry."""
    f, g = pair(rng, ("grad", "jacobian"))
    whole = of(f, infix("*", f.root, g.root, f.root.shape))
    one, other, both = Answered(f), Answered(g), Answered(whole)

    def sides(values: Values) -> list[Sides]:
        x, y = wide(value(f, values), f) * other.at(values), wide(value(g, values), f) * one.at(values)
        return [Sides(both.at(values), x + y, size(x, y), str(both.answer))]

    return Relation(whole, sides, (f, g))


@law
def quotient(rng: random.Random) -> Relation:
    """D(f / h) = Df / h - f Dh / h**2, for h = 1 + g**2."""
    f, g = pair(rng, ("grad", "jacobian"))
    shape = f.root.shape
    h = of(f, infix("+", atom("1"), power(g.root, "2"), shape))
    whole = of(f, infix("/", f.root, h.root, shape))
    one, other, both = Answered(f), Answered(h), Answered(whole)

    def sides(values: Values) -> list[Sides]:
        below = wide(value(h, values), f)
        x, y = one.at(values) / below, wide(value(f, values), f) * other.at(values) / below**2
        return [Sides(both.at(values), x - y, size(x, y), str(both.answer))]

    return Relation(whole, sides, (f, g))


Outer = tuple[Callable[[Term], Term], Callable[[Any], Any]]
OUTER: dict[str, Outer] = {  # a function, and its derivative in NumPy
    "exp": (lambda f: call("exp", (f,), f.shape), np.exp),
    "tanh": (lambda f: call("tanh", (f,), f.shape), lambda v: 1 - np.tanh(v)**2),
    "sin": (lambda f: call("sin", (f,), f.shape), np.cos),
    "arctan": (lambda f: call("arctan", (f,), f.shape), lambda v: 1 / (1 + v**2)),
    "log": (lambda f: call("log", (infix("+", atom("1"), power(f, "2"), f.shape),), f.shape), lambda v: 2 * v / (1 + v**2)),
    "sqrt": (lambda f: call("sqrt", (infix("+", atom("1"), power(f, "2"), f.shape),), f.shape), lambda v: v / np.sqrt(1 + v**2)),
    "cube": (lambda f: power(f, "3"), lambda v: 3 * v**2),
    "softplus": (lambda f: call("softplus", (f,), f.shape), lambda v: 1 / (1 + np.exp(-v))),
    "reciprocal": (lambda f: infix("/", atom("1"), infix("+", atom("2"), call("sin", (f,), f.shape), f.shape), f.shape),
                   lambda v: -np.cos(v) / (2 + np.sin(v))**2),
}


@law
def chain(rng: random.Random) -> Relation:
    """D(h(f)) = h'(f) Df, entry by entry."""
    f = replace(drawn_problem(rng, ("grad", "jacobian")), defined=())
    make, slope = OUTER[rng.choice(sorted(OUTER))]
    whole = of(f, make(f.root))
    one, both = Answered(f), Answered(whole)

    def sides(values: Values) -> list[Sides]:
        x, y = wide(slope(value(f, values)), f), one.at(values)
        return [Sides(both.at(values), x * y, size(x * y), str(both.answer))]

    return Relation(whole, sides, (f,))


@law
def composition(rng: random.Random) -> Relation:
    """D(f(g(x))) = Df(g(x)) Dg(x), for g in place of a variable of f."""
    while True:
        f = replace(drawn_problem(rng, ("grad", "jacobian")), defined=())
        inner = f.variable
        if inner.demand != "any" or inner.word or any(" " in d for d in inner.shape):
            continue
        generator = Generator(rng, properties=0.0, taken={v.name: v for v in f.variables if v != inner})
        root = generator.term(inner.shape, rng.choice([1, 2, 2]))
        fresh = sorted(names(root) - names(f.root))
        if fresh and small(f.root, root):
            break
    g = Problem(root, rng.choice(fresh), op="jacobian")
    whole = of(f, substituted(f.root, f.wrt, root), g.wrt)
    outside, inside, both = Answered(f), Answered(g), Answered(whole)

    def sides(values: Values) -> list[Sides]:
        slope, change = outside.at({**values, f.wrt: value(g, values)}), inside.at(values)
        wanted = np.tensordot(slope, change, axes(f))
        return [Sides(both.at(values), wanted, size(np.tensordot(abs(slope), abs(change), axes(f))), f"{g.text}: {both.answer}")]

    return Relation(whole, sides, (g,))


@law
def pullback(rng: random.Random) -> Relation:
    """vjp(f) = <G, Df>, and the differential along dX is <Df, dX>: three ways of writing one linear map."""
    p = replace(drawn_problem(rng, ("jacobian",)), defined=())
    jacobian = Answered(p, structure="free") if p.variable.word else Answered(p)
    ask: dict[str, Any] = {"check": False, **({"structure": "free"} if p.variable.word else {})}
    back, change = mc.vjp(p.text, p.wrt, p.let, **ask), mc.differential(p.text, p.wrt, p.let, **ask)
    g, d = (a.of.linear_in.name for a in (back, change))

    def sides(values: Values) -> list[Sides]:
        slopes, f, x = jacobian.at(values), value(p, values), flat(values[p.wrt], p.variable.shape)
        rng_ = np.random.default_rng(5)
        weight, way = rng_.normal(size=np.shape(f)), rng_.normal(size=np.shape(x))
        given = plain(p, values)
        return [Sides(back({**given, g: weight}), np.tensordot(weight, slopes, np.ndim(f)), size(slopes), f"vjp {back}"),
                Sides(change({**given, d: way}), np.tensordot(slopes, way, np.ndim(x)), size(slopes), f"differential {change}")]

    return Relation(p, sides)


# ---------------------------------------------------------------- the same question in other words
def same(p: Problem, q: Problem, rename: Mapping[str, str] | None = None) -> Relation:
    """Two problems with one derivative; the second may have other names."""
    one, other = Answered(p), Answered(q)

    def sides(values: Values) -> list[Sides]:
        new = {(rename or {}).get(n, n): v for n, v in values.items()}
        wanted = one.at(values)
        return [Sides(other.at(new), wanted, size(wanted, value(p, values)), f"{q.call}\n    {other.answer}"),
                Sides(value(q, new), value(p, values), size(value(p, values)), f"value of {q.call}")]

    return Relation(p, sides)


@law
def renaming(rng: random.Random) -> Relation:
    """Other letters give the same value; letters in the same order the same text."""
    p = replace(drawn_problem(rng), defined=())
    kept = {v.name: f"{v.name}7" for v in p.variables}
    text, other = str(Answered(p).answer), str(Answered(renamed(p, kept)).answer)
    back = re.sub(r"\b([A-Za-z]+)7\b", r"\1", other)
    if " where " not in text + other and back != text:  # which parts have names of their own depends on lengths
        raise MatcalcError(f"renamed, the text is {other}, and was {text}")
    old = [v.name for v in p.variables]
    new = rng.sample([f"{letter}{i}v" for letter in "qhgz" for i in range(9)], len(old))
    return same(p, renamed(p, dict(zip(old, new, strict=True))), dict(zip(old, new, strict=True)))


def renamed(p: Problem, new: Mapping[str, str]) -> Problem:
    by = {t: Term(new[t.variable.name], t.shape, variable=replace(t.variable, name=new[t.variable.name]))
          for t in p.root.walk() if t.variable}
    return of(p, replaced(p.root, by), new[p.wrt])


@law
def reordering(rng: random.Random) -> Relation:
    """The terms of a sum and the factors of an elementwise product, in another order."""
    p = replace(drawn_problem(rng), defined=())
    return same(p, of(p, rebuilt(p.root, lambda t: swapped(t) if rng.random() < 0.7 else t)))


def swapped(t: Term) -> Term:
    """b + a for a + b, -b + a for a - b, b * a for a * b."""
    if t.pattern not in ("{} + {}", "{} - {}", "{} * {}"):
        return t
    a, b = t.parts
    return infix("+", negative(b), a, t.shape) if "-" in t.pattern else infix(t.pattern[3], b, a, t.shape)


@law
def association(rng: random.Random) -> Relation:
    """Sums and products, cut elsewhere: a + (b + c), A @ (B @ C)."""
    p = replace(drawn_problem(rng), defined=())
    return same(p, of(p, rebuilt(p.root, lambda t: turned(t) if rng.random() < 0.8 else t)))


def turned(t: Term) -> Term:
    """a + (b + c) for (a + b) + c, and back; `*` and `@` likewise."""
    sign = t.pattern[3:-3] if t.pattern in ("{} + {}", "{} * {}", "{} @ {}") else ""
    if not sign:
        return t
    a, b = t.parts
    if a.pattern == t.pattern:
        return infix(sign, a.parts[0], infix(sign, a.parts[1], b, joined(sign, a.parts[1], b)), t.shape)
    if b.pattern == t.pattern:
        return infix(sign, infix(sign, a, b.parts[0], joined(sign, a, b.parts[0])), b.parts[1], t.shape)
    return t


def joined(sign: str, a: Term, b: Term) -> Shape:
    """The shape of a sum or product; a scalar, a row or a column is stretched."""
    if sign == "@":
        return (a.shape[0], b.shape[1])
    rows, columns = ((e if d == "1" else d) for d, e in zip(a.shape, b.shape, strict=True))
    return (rows, columns)


def rebuilt(root: Term, change: Callable[[Term], Term]) -> Term:
    """The term with every part changed, from the leaves up; shared parts stay shared."""
    done: dict[Term, Term] = {}

    def visit(t: Term) -> Term:
        if t not in done:
            done[t] = change(replace(t, parts=tuple(visit(part) for part in t.parts))) if t.parts else t
        return done[t]

    return visit(root)


# ---------------------------------------------------------------- what is put in place of a matrix
@law
def transposition(rng: random.Random) -> Relation:
    """The gradient of f(Y.T) by Y is the transpose of that of f by X, at X = Y.T."""
    while True:
        p = replace(drawn_problem(rng, ("grad", "jacobian")), defined=())
        if "1" not in p.variable.shape and p.variable.word in ("", "symmetric", "spd", "psd", "skew", "diagonal", "lower", "upper"):
            break
    x = p.variable
    word = {"lower": "upper", "upper": "lower"}.get(x.word, x.word)
    y = Term("Y_t", (x.shape[1], x.shape[0]), variable=Variable("Y_t", (x.shape[1], x.shape[0]), x.demand, word))
    q = of(p, substituted(p.root, x.name, transpose(y)), "Y_t")
    one, other = Answered(p), Answered(q)

    def sides(values: Values) -> list[Sides]:
        wanted = one.at(values)
        got = other.at({**values, "Y_t": values[x.name].T})
        return [Sides(np.swapaxes(got, -1, -2), wanted, size(wanted, value(p, values)), f"{q.call}\n    {other.answer}")]

    return Relation(p, sides)


@law
def structure(rng: random.Random) -> Relation:
    """The gradient by a matrix with a declared property is the projection of the gradient by a free one."""
    p = with_matrix(rng, WORDS)
    word, free = p.variable.word, redeclared(p, "X", word="")
    one, other = Answered(free), Answered(p)

    def sides(values: Values) -> list[Sides]:
        g = one.at(values)
        return [Sides(other.at(values), projected(g, values["X"], word), size(g, value(free, values)), f"{word}: {other.answer}")]

    return Relation(p, sides, (free,))


PARAMETERS: dict[str, tuple[Callable[[Term], Term], Callable[[Any], Any], Callable[[Any], Any]]] = {
    # a free variable in the place of the matrix; its value for that of the matrix; the gradient by it for that by the matrix
    "diagonal": (lambda z: call("diag", (z,), (z.shape[0], z.shape[0])), lambda x: np.diag(x)[:, None], np.diag),
    "symmetric": (lambda z: halved(infix("+", z, transpose(z), z.shape)), lambda x: x, lambda g: g),
    "spd": (lambda z: halved(infix("+", z, transpose(z), z.shape)), lambda x: x, lambda g: g),
    "psd": (lambda z: halved(infix("+", z, transpose(z), z.shape)), lambda x: x, lambda g: g),
    "skew": (lambda z: halved(infix("-", z, transpose(z), z.shape)), lambda x: x, lambda g: g),
    "lower": (lambda z: call("tril", (z,), z.shape), lambda x: x, lambda g: g),
    "upper": (lambda z: call("triu", (z,), z.shape), lambda x: x, lambda g: g),
}


def halved(t: Term) -> Term:
    return infix("/", t, atom("2"), t.shape)


@law
def substitution(rng: random.Random) -> Relation:
    """A declared property against what has it: X diagonal against X = diag(z), X symmetric against X = (Z + Z.T) / 2."""
    p = with_matrix(rng, tuple(PARAMETERS))
    word, d = p.variable.word, p.variable.shape[0]
    make, parameter, pulled = PARAMETERS[word]
    z = leaf("Z_t", (d, "1") if word == "diagonal" else (d, d))
    q = of(p, substituted(p.root, "X", make(z)), "Z_t")
    one, other = Answered(p), Answered(q)

    def sides(values: Values) -> list[Sides]:
        g = one.at(values)
        got = other.at({**values, "Z_t": parameter(values["X"])})
        return [Sides(got, pulled(g), size(g, value(p, values)), f"{q.call}\n    {other.answer}")]

    return Relation(p, sides, (redeclared(p, "X", word=""),))


# ---------------------------------------------------------------- what is printed can be read
@law
def printing(rng: random.Random) -> Relation:
    """Text and unicode, of the answer and of the question, are read again as the same value."""
    p = drawn_problem(rng)
    d = Answered(p).answer
    e = mc.parse(p.text, p.let)
    inputs = {"read_as": d.reading.read_as, "text of the input": expression_text(e, taken=[v.name for v in p.variables] + p.dims)}

    def sides(values: Values) -> list[Sides]:
        given, f = plain(p, values), value(p, values)
        wanted = np.asarray(d(given))
        found = [(f"answer in {n}: {t}", again(t, p, given), wanted) for n, t in (("text", d.text), ("unicode", d.unicode()))]
        found += [(f"{n}: {t}", again(t, p, given), f) for n, t in inputs.items()]
        return [Sides(got, right, size(right), what) for what, got, right in found]

    return Relation(p, sides)


def again(text: str, p: Problem, given: Mapping[str, Any]) -> Any:
    """The value of a printed text, with the declarations of its problem."""
    declared = {n for line in p.let for n in re.findall(r"\b[mnkp]\b", line.partition(":")[2])}
    let = p.let + [f"{d}: dimension" for d in p.dims if d not in declared and f"{d}: dimension" not in p.let]
    return np.asarray(mc.evaluate(text, {n: v for n, v in given.items() if re.search(rf"\b{n}\b", text, re.ASCII)}, let))


@law
def sympy(rng: random.Random) -> Relation:
    """What is written for SymPy, and can be read from it, has the same value."""
    p = drawn_problem(rng)
    d = Answered(p).answer
    e = d.sympy()
    free = {s.name for s in e.free_symbols}
    back = mc.parse(e)

    def sides(values: Values) -> list[Sides]:
        given = plain(p, values)
        wanted = np.asarray(d(given))
        got = np.asarray(mc.evaluate(back, {n: v for n, v in given.items() if n in free}))
        return [Sides(got.reshape(wanted.shape) if got.size == wanted.size else got, wanted, size(wanted, value(p, values)), str(e))]

    return Relation(p, sides)
