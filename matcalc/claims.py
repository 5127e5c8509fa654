"""A user's own derivative, judged: true; or false, with what is wrong, when it would hold, and where it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, islice, product
from typing import Any, NamedTuple

from . import dims
from .algebra import add, matmul, mul, negate, power, scalar_part, scale, size, terms_of, transpose
from .answer import Answer
from .build import build
from .checker import Evidence, draw, evaluate, verify_equal
from .errors import Fix, MatcalcError, Request, UnknownName, nearest
from .expr import Expr, Number, magnitude, number, symbols
from .factoring import expanded
from .knowledge import known
from .limits import PRINTED
from .operators import diagonal, diagonal_matrix
from .parser import read
from .printers.text import expression_text
from .simplifier import Simplifier
from .structured import CONVENTIONS
from .syntax import Reading, Symbol

NAMES = {"grad": "gradient", "jacobian": "Jacobian", "hessian": "Hessian", "differential": "differential", "vjp": "vjp"}
OF_SQUARE = ("symmetric", "diagonal", "skew", "orthogonal")  # tried in this order: the first that helps is the weakest that people declare
OF_ANY = ("positive",)
FACTORS = tuple(Fraction(n, d) for n, d in ((2, 1), (1, 2), (-1, 1), (-2, 1), (-1, 2), (4, 1), (1, 4), (3, 1), (1, 3), (-4, 1), (-1, 4)))
SMALL = (0, 1, 2, -1, 3)  # entries of a counterexample
TRIES = 400
TRANSPOSED = "it is transposed"


class Example(NamedTuple):
    """A point at which a claim fails: inputs, what was claimed there, and what is right; nested lists of numbers."""

    inputs: dict[str, Any]
    claimed: Any
    right: Any


class Judgement:
    """What is to be said of a claim.

    >>> import matcalc as mc
    >>> r = mc.check("x.T A x", wrt="x", claim="2 A x")
    >>> r.holds, r.holds_if, r.difference
    (False, ('A is symmetric',), '(A.T - A) @ x')
    >>> print(r)
    false: true only if A is symmetric; differs by (A.T - A) @ x
    the gradient is (A + A.T) @ x
    for example, at x = [1, 0], A = [[0, 1], [0, 0]] it is [0, 1], and the claim says [0, 0]
    """

    def __init__(self, answer: Answer, claim: str, evidence: Evidence, *, mistake: str = "", holds_if: tuple[str, ...] = (),
                 difference: str | None = None, counterexample: Example | None = None) -> None:
        self.answer, self.claim, self.evidence = answer, claim, evidence
        self.mistake, self.holds_if, self.difference, self.counterexample = mistake, holds_if, difference, counterexample

    @property
    def holds(self) -> bool | None:
        """True, False, or None where it could not be decided."""
        return self.evidence.verdict

    @property
    def reading(self) -> Any:
        return self.answer.reading

    def lines(self) -> list[str]:
        """The verdict, and for a false claim the right answer and a place where it fails."""
        if self.holds is None:
            return [f"undecided: {self.evidence.reason}"]
        if self.holds:
            return [f"true: {self.evidence}"]
        said = [self.mistake] if self.mistake else []
        said += [f"true only if {' or '.join(self.holds_if)}"] if self.holds_if else []
        said += [f"differs by {self.difference}"] if self.difference and not self.mistake else []
        lines = [f"false: {'; '.join(said)}" if said else "false"]
        lines.append(f"the {NAMES[self.answer.op]} is {self.answer}")
        if self.counterexample is not None:
            inputs = ", ".join(f"{n} = {_shown(v)}" for n, v in self.counterexample.inputs.items())
            lines.append(f"for example, at {inputs} it is {_shown(self.counterexample.right)}, "
                         f"and the claim says {_shown(self.counterexample.claimed)}")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"<check: {self.lines()[0]}>"

    def __bool__(self) -> bool:
        return self.holds is True

    def to_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        example = self.counterexample
        return {"claim": self.claim, "holds": self.holds, "holds_if": list(self.holds_if), "mistake": self.mistake,
                "difference": self.difference, "counterexample": None if example is None else example._asdict(), **self.answer.to_dict()}


class ClaimRequest(Request):
    """What was asked, seen from the claim: an error in it shows the claim, and its fix is the whole command with the claim mended."""

    __slots__ = ("whole",)

    def __init__(self, whole: Request, claim: str) -> None:
        super().__init__(whole.verb, claim, whole.wrt, whole.let, whole.options, whole.write)
        self.whole = whole

    def mended(self, fix: Any) -> ClaimRequest:
        inner = super().mended(fix)
        whole = Request(self.whole.verb, self.whole.text, inner.wrt, inner.let, self.whole.options, self.write)
        return ClaimRequest(whole, inner.text)

    def within(self, typed: Request) -> ClaimRequest:
        return ClaimRequest(typed, self.text)

    def _together(self) -> Request:
        options = tuple((k, v) for k, v in self.whole.options if k != "claim")
        return Request(self.whole.verb, self.whole.text, self.wrt, self.let, (*options, ("claim", self.text)), self.write)

    def command(self) -> str:
        return self._together().command()

    def call(self) -> str:
        return self._together().call()


def judge(answer: Answer, claim: str, request: Request, seed: int = 0) -> Judgement:
    """The claim about a derivative that matcalc has found, and checked, itself."""
    try:
        mine = _read(answer, claim)
    except MatcalcError as error:
        if isinstance(error, UnknownName) and not error.fixes and error.spans:
            start, end = error.spans[0]
            names = answer.known_symbols()
            meant = nearest(claim[start:end], set(names)) or answer.wrt or next(iter(names))
            error.detail = f"a claim is about the variables of the expression: {', '.join(names)}"
            error.fixes = (Fix(claim[:start] + meant + claim[end:]),)
        stepped = as_step(claim)
        if stepped and _reads(answer, stepped):
            error.detail = "where an inequality holds, step is 1, and elsewhere 0"
            error.fixes = (Fix(stepped),)
        raise error.at(ClaimRequest(request, claim)) from None
    case = _Case(answer, mine, seed)
    evidence = case.verify(mine, answer.reading_of_input)
    if evidence.verdict is not False:
        return Judgement(answer, claim, evidence)
    mistake = case.mistake()
    holds_if = () if mistake and mistake != TRANSPOSED else case.holds_if()
    return Judgement(answer, claim, evidence, mistake=mistake, holds_if=holds_if, difference=case.difference(),
                     counterexample=case.example())


def as_step(text: str) -> str:
    """A text with its inequalities as step(...), or "" where there is none.

    >>> as_step("A.T @ (A @ x > 0)")
    'A.T @ step(A @ x)'
    """
    found = text
    while sign := re.search(r"([<>])=?", found):
        start, end = _brackets(found, *sign.span())
        left, right = found[start:sign.start()].strip(), found[sign.end():end].strip()
        if set("<>") & {*left, *right}:
            return ""  # 0 < x < 1 is no single step
        left, right = (left, right) if sign[1] == ">" else (right, left)
        inside = left if right == "0" else f"-({right})" if left == "0" else f"{left} - ({right})"
        alone = found[start - 1:start] == "(" and found[end:end + 1] == ")" and not re.search(r"\w$", found[:start - 1])
        start, end = (start - 1, end + 1) if alone else (start, end)
        found = f"{found[:start]}step({inside}){found[end:]}"
    return found if found != text else ""


def _brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """From after the bracket or comma that opens before `start` to before the one that closes after `end`."""
    depth = 0
    while start and not (depth == 0 and text[start - 1] in "([,"):
        start -= 1
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(text[start], 0)
    depth = 0
    while end < len(text) and not (depth == 0 and text[end] in ")],"):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
        end += 1
    return start, end


def _reads(answer: Answer, text: str) -> bool:
    try:
        _read(answer, text)
    except MatcalcError:
        return False
    return True


def _read(answer: Answer, claim: str) -> Reading:
    """A claim over the names of the expression: in the notation that this was typed in, or else in its own."""
    typed = answer.reading_of_input

    def reading(syntax: str) -> Reading:
        return read(claim, known().language(), syntax=syntax, known=answer.known_symbols(), dims=typed.dims, split=True)

    if typed.syntax == "latex" or (typed.syntax == "matlab" and "@" not in claim and ".T" not in claim):
        try:
            return reading(typed.syntax)
        except MatcalcError:
            return reading("auto")
    return reading("auto")


class _Case:
    """One false claim, looked at from all sides."""

    def __init__(self, answer: Answer, claim: Reading, seed: int) -> None:
        self.answer, self.claim, self.seed = answer, claim, seed
        self.right = answer.expression
        self.variables = symbols(self.right)
        self.claimed = build(claim, variables={n: s for n, s in self.variables.items() if n in claim.symbols})
        self.text = answer.read(str(answer), PRINTED)

    def verify(self, claim: Reading, reading: Reading, structure: str | None = None) -> Evidence:
        return self.answer.judged(claim, reading, structure)

    # ------------------------------------------------------------ the usual mistakes
    def mistake(self) -> str:
        """A convention, a transpose, a factor, a sign, a term: in words, if one of these is all that is wrong."""
        return self._convention() or (self._factor() if self.claimed.shape == self.right.shape else "") or self._turned() or (
            self._in_front() or self._only_diagonal() or self._missing() if self.claimed.shape == self.right.shape else
            self._in_front() or self._undiagonal() or self._only_diagonal() or
            f"the shapes differ: the {NAMES[self.answer.op]} is {_shape(self.right)}, the claim is {_shape(self.claimed)}")

    def _convention(self) -> str:
        """Right for a structured variable, but by another convention than the one asked for."""
        for structure in CONVENTIONS if self.answer.structure != "free" else ():
            if structure != self.answer.structure and self.verify(self.claim, self.answer.reading_of_input, structure).verdict is True:
                return f'true with structure="{structure}"'
        return ""

    def _turned(self) -> str:
        if self.claimed.shape != self.right.shape[::-1] or self.right.is_scalar or not self._equal(transpose(self.claimed)):
            return ""
        of = self.answer.of
        if of is not None and of.is_matrix:
            other = "denominator" if of.layout == "numerator" else "numerator"
            return f"true in {other} layout: {TRANSPOSED}"
        if self.claimed.is_row and of is not None:
            return f"{TRANSPOSED}: a row, where the gradient is shaped like {of.wrt.spelled or of.wrt.name}"
        return TRANSPOSED

    def _factor(self) -> str:
        ratio = self._ratio()
        if ratio is not None and self._equal(scale(ratio, self.claimed)):
            return _factor(ratio)
        for name in sorted({d for s in self._symbols().values() for dim in s.shape for d in dims.names(dim)}):
            for exponent, factor in ((1, name), (-1, f"1 / {name}")):
                if self._equal(mul([power(size(name), number(exponent)), self.claimed])):
                    return f"a factor {factor} is missing"
        return ""

    def _in_front(self) -> str:
        """The first factors of a product, such as the inner derivative of the chain rule."""
        chain = self.right.args if self.right.op == "matmul" else ()
        outside, core = scalar_part(self.right)
        chain = core.args if core.op == "matmul" else chain
        for cut in range(1, len(chain)):
            if self._simple(mul([*outside, matmul(chain[cut:])])) is self._simple(self.claimed):
                return f"the factor {self._show(matmul(chain[:cut]))} in front is missing"
            if self._simple(mul([*outside, matmul(chain[:cut])])) is self._simple(self.claimed):
                return f"the factor {self._show(matmul(chain[cut:]))} behind is missing"
        return ""

    def _undiagonal(self) -> str:
        if self.claimed.is_column and self.right.shape == (self.claimed.shape[0],) * 2 and self._equal(diagonal_matrix(self.claimed)):
            return f"its entries are right, but they stand on a diagonal: {self._show(diagonal_matrix(self.claimed))}"
        return ""

    def _only_diagonal(self) -> str:
        """Of a Jacobian, or of a square factor of one, the diagonal alone, as if a function of vectors were one of entries."""
        outside, core = scalar_part(self.right)
        chain = core.args if core.op == "matmul" else (core,)
        for i, factor in enumerate(chain if self.answer.op == "jacobian" else ()):
            if factor.is_scalar or factor.shape[0] != factor.shape[1] or factor.op in ("sym", "diag", "eye"):
                continue
            entries = diagonal(factor)
            short = [entries, diagonal_matrix(entries)] if len(chain) == 1 else [diagonal_matrix(entries)]
            if any(self._claims(mul([*outside, matmul([*chain[:i], own, *chain[i + 1:]])])) for own in short):
                return f"it takes only the diagonal of {'the' if len(chain) == 1 else 'the inner' if i else 'the outer'} Jacobian"
        return ""

    def _missing(self) -> str:
        """A term too few, or too many."""
        rest = self._simple(add([self.right, negate(self.claimed)], self.right.shape))
        for whole, sign, words in ((self.right, 1, "is missing"), (self.claimed, -1, "is too much")):
            for form in (whole, expanded(whole)):
                for c, core in terms_of(form) if form is not None and form.op == "add" else []:
                    if self._simple(scale(sign * c, core)) is rest:
                        return f"the term {self._show(scale(c, core))} {words}"
        return ""

    def _simple(self, e: Expr) -> Expr:
        return Simplifier().simplify(e).canon

    def _equal(self, other: Expr) -> bool:
        """Has an expression the value of the answer?"""
        try:
            reading = self.answer.read(self._show(other), PRINTED)
        except MatcalcError:
            return False
        return verify_equal(self.text, reading, seed=self.seed, values=known().added_values(self.text.text, reading.text)).verdict is True

    def _claims(self, other: Expr) -> bool:
        """Has an expression the value of the claim?"""
        if other.shape != self.claimed.shape:
            return False
        try:
            reading = self.answer.read(self._show(other), PRINTED)
        except MatcalcError:
            return False
        return verify_equal(self.claim, reading, seed=self.seed, values=known().added_values(self.claim.text, reading.text)).verdict is True

    def _show(self, e: Expr) -> str:
        return expression_text(e, taken=[*self.answer.known_symbols()])

    def _ratio(self) -> Number | None:
        """The number by which the claim must be multiplied, if there is one among the usual ones."""
        import numpy as np

        values, sizes = draw(self.claim._replace(symbols=self.answer.known_symbols()), self.seed)
        try:
            right, claimed = (evaluate(r, _inputs(r, values), sizes) for r in (self.text, self.claim))
        except Exception:
            return None
        at = np.unravel_index(int(np.argmax(np.abs(claimed))), claimed.shape)
        if claimed.shape != right.shape or not claimed[at] or not np.isfinite(claimed).all():
            return None
        ratio = right[at] / claimed[at]
        if not np.allclose(ratio * claimed, right, rtol=1e-8, atol=0):
            return None
        return next((f if f.denominator != 1 else f.numerator for f in FACTORS if abs(float(f) - ratio) < 1e-8 * abs(ratio)), None)

    # ------------------------------------------------------------ when it would hold
    def holds_if(self) -> tuple[str, ...]:
        """The properties under which the claim is true, found by trying them: single ones, then symmetric ones together."""
        found = [_said(given) for given in self._single() if self._holds_with(given)]
        weakest = [f for i, f in enumerate(found) if not any(g.partition(" ")[0] == f.partition(" ")[0] for g in found[:i])]
        if weakest:
            return tuple(weakest)
        for given in self._together():
            if self._holds_with(given):
                return (_said(given),)
        return ()

    def _single(self) -> Iterator[dict[str, str]]:
        for name, s in self._symbols().items():
            square = s.shape[0] == s.shape[1] and s.shape != dims.SCALAR
            yield from ({name: word} for word in ((*OF_SQUARE, *OF_ANY) if square else OF_ANY) if word not in s.properties)

    def _together(self) -> Iterator[dict[str, str]]:
        squares = [n for n, s in self._symbols().items() if s.shape[0] == s.shape[1] and s.shape != dims.SCALAR and not s.properties]
        for count in (2, 3):
            yield from (dict.fromkeys(names, "symmetric") for names in combinations(squares, count))

    def _symbols(self) -> dict[str, Symbol]:
        return {**self.answer.reading_of_input.symbols, **self.claim.symbols}

    def _holds_with(self, given: Mapping[str, str]) -> bool:
        def declared(reading: Reading) -> Reading:
            extra = {n: s._replace(properties=s.properties | {given[n]}) for n, s in reading.symbols.items() if n in given}
            return reading._replace(symbols={**reading.symbols, **extra})

        structure = "free" if self.answer.wrt in given else None
        evidence = self.verify(declared(self.claim), declared(self.answer.reading_of_input), structure)
        return evidence.verdict is True

    # ------------------------------------------------------------ where it fails
    def difference(self) -> str | None:
        """What the claim lacks, in closed form: the answer less the claim."""
        if self.claimed.shape != self.right.shape:
            return None
        try:
            e = Simplifier().simplify(add([self.right, negate(self.claimed)], self.right.shape))
            text = self._show(e)
            reading = self.answer.read(text, PRINTED)
        except MatcalcError:
            return None
        import numpy as np

        for point in range(2):
            values, sizes = draw(self.claim._replace(symbols=self.answer.known_symbols()), self.seed + point)
            try:
                right, claimed, rest = (evaluate(r, _inputs(r, values), sizes) for r in (self.text, self.claim, reading))
            except Exception:
                return None
            if not np.allclose(right - claimed, rest, rtol=1e-7, atol=1e-9, equal_nan=True):
                return None
        return text

    def example(self) -> Example | None:
        """A point with small whole numbers at which the claim fails: first entries 0 and 1, sizes 2."""
        import numpy as np

        wanted = {n: s for n, s in self.answer.known_symbols().items() if n in self.text.symbols or n in self.claim.symbols}
        for sizes in _sizes(wanted):
            right, claimed = (_shape_at(e.shape, sizes) for e in (self.right, self.claimed))
            if right is None or right != claimed:
                continue  # known before anything is multiplied out: kron(A, kron(A, ...)) is large
            shapes = {n: tuple(dims.evaluate(d, sizes) for d in s.shape) for n, s in wanted.items()}
            for entries in _points(wanted, shapes):
                values = {n: np.array(entries[n], float).reshape(shapes[n]) for n in wanted}
                try:
                    with np.errstate(all="ignore"):
                        expected, found = (evaluate(r, _inputs(r, values), sizes) for r in (self.text, self.claim))
                except Exception:
                    continue
                if expected.shape == found.shape and np.isfinite(expected).all() and np.isfinite(found).all() \
                        and not np.allclose(expected, found, rtol=1e-6, atol=1e-9):
                    given = {n: _flat(values[n], s.shape) for n, s in wanted.items()}
                    return Example(given, _flat(found, self.claimed.shape), _flat(expected, self.right.shape))
        return None


def _shape_at(shape: dims.Shape, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The numbers of rows and columns; None where a dimension has no size, as n in the claim eye(n) where nothing else has n."""
    known = all(isinstance(d, int) or dims.names(d) <= set(sizes) for d in shape)
    return tuple(dims.evaluate(d, sizes) for d in shape) if known else None


def _inputs(reading: Reading, values: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in values.items() if n in reading.symbols}


def _sizes(wanted: Mapping[str, Symbol]) -> Iterator[dict[str, int]]:
    names = sorted({d for s in wanted.values() for dim in s.shape for d in dims.names(dim)})
    yield dict.fromkeys(names, 2)
    yield {name: 2 + i % 2 for i, name in enumerate(names)}
    yield dict.fromkeys(names, 3)


def _points(wanted: Mapping[str, Symbol], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, list[int]]]:
    """Entries of all symbols: simplest first, then at random from the small numbers; always the same."""
    counts = {n: int(product_of(shape)) for n, shape in shapes.items()}
    simple: list[list[list[int]]] = []
    for n, s in wanted.items():
        unit = [[int(i == j) for i in range(counts[n])] for j in range(counts[n])]
        if s.shape == dims.SCALAR:
            simple.append([[1], [2], [0]])
        elif 1 in s.shape:
            simple.append([*unit, [1] * counts[n], list(range(1, counts[n] + 1))])
        else:
            off = [u for u in unit if not u[0] and not u[-1]] or unit
            simple.append([*off, *unit, list(range(1, counts[n] + 1))])
    names = list(wanted)
    for choice in islice(product(*simple), TRIES):
        point = dict(zip(names, choice, strict=True))
        if all(_fits(wanted[n], point[n], shapes[n]) for n in names):
            yield point
    state = 1
    for _ in range(TRIES):
        point = {}
        for n in names:
            entries = []
            for _ in range(counts[n]):
                state = (state * 1103515245 + 12345) % 2**31
                entries.append(SMALL[state // 65536 % len(SMALL)])
            point[n] = _made(wanted[n], entries, shapes[n])
        if all(_fits(wanted[n], point[n], shapes[n]) for n in names):
            yield point


def product_of(shape: Sequence[int]) -> int:
    return shape[0] * shape[1]


def _made(s: Symbol, entries: list[int], shape: tuple[int, ...]) -> list[int]:
    """Entries moved into a structure that was declared."""
    rows, columns = shape
    closure = known().closure(s.properties)
    at = {(i, j): entries[i * columns + j] for i in range(rows) for j in range(columns)}
    if "symmetric" in closure:
        at = {(i, j): at[min(i, j), max(i, j)] for i, j in at}
    if "spd" in closure or "invertible" in closure:
        at = {(i, j): v + (2 * rows + 3 if i == j else 0) for (i, j), v in at.items()}
    return [at[i, j] for i in range(rows) for j in range(columns)]


def _fits(s: Symbol, entries: Sequence[int], shape: tuple[int, ...]) -> bool:
    """Has a matrix of these entries the properties that were declared?"""
    import numpy as np

    from .rulecheck import has

    a = np.array(entries, float).reshape(shape)
    return all(has(a, word) for word in s.properties)


def _flat(value: Any, shape: dims.Shape) -> Any:
    """Nested lists of plain numbers, a vector as one list."""
    import numpy as np

    array = np.asarray(value)
    if shape == dims.SCALAR:
        return _plain(array.reshape(-1)[0])
    if shape[1] == 1:
        return [_plain(x) for x in array.reshape(-1)]
    return [[_plain(x) for x in row] for row in array]


def _plain(x: Any) -> int | float:
    return int(x) if float(x).is_integer() and abs(x) < 1e15 else float(f"{float(x):.6g}")


def _shown(value: Any) -> str:
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else str(value)


def _said(given: Mapping[str, str]) -> str:
    names = list(given)
    word = given[names[0]]
    return f"{names[0]} is {word}" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are {word}"


def _shape(e: Expr) -> str:
    return dims.shape_text(e.shape)


def _factor(ratio: Number) -> str:
    size = magnitude(ratio)
    sign = "the sign is wrong" if ratio < 0 else ""
    if size == 1:
        return sign
    factor = f"a factor {size} is missing" if size > 1 else f"a factor {1 / Fraction(size)} is too much"
    return f"{sign}, and {factor}" if sign else factor
