"""parser.py: how a text is read, and what is said where it cannot be."""

import random
import tomllib
from pathlib import Path

import pytest

from matcalc.errors import Fix, LimitError, MatcalcError, NotSupported, ParseError, Request, ShapeError, UnknownName
from matcalc.parser import Limits, read
from matcalc.unparse import show

from .helpers_language import language

LANGUAGE = language()
ERRORS = [
    entry for path in sorted((Path(__file__).parent / "errors").glob("*.toml")) for entry in tomllib.loads(path.read_text("utf-8"))["error"]
]


def reading(text, *let, **options):
    return read(text, LANGUAGE, let, **options)


def shown(text, *let, **options):
    found = reading(text, *let, **options)
    return show(found.root, found.symbols)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # juxtaposition, precedence
        ("x.T A x", "x.T @ A @ x"),
        ("2 x.T A x", "2 * x.T @ A @ x"),
        ("2x", "2 * x"),
        ("1/2 x.T A x", "1 / 2 * x.T @ A @ x"),
        ("A (x + y)", "A @ (x + y)"),
        ("-x**2", "-x**2"),
        ("2**-c", "2**-c"),
        ("c**2**3", "c**2**3"),
        ("a - (b - c)", "a - (b - c)"),
        ("a - -b", "a - -b"),
        ("A @ (B @ C)", "A @ (B @ C)"),
        ("(-c)**2", "(-c)**2"),
        ("((x))", "x"),
        ("-(-c)", "--c"),
        ("+c", "c"),
        # marks after an operand
        ("x^T A x", "x.T @ A @ x"),
        ("x^{T}A x", "x.T @ A @ x"),
        ("xᵀA x", "x.T @ A @ x"),
        ("x'Ax", "x.T @ A @ x"),
        ("||Ax - b||^2", "norm2sq(A @ x - b)"),
        ("||b - Ax||^2", "norm2sq(b - A @ x)"),
        ("norm(Xw - y)", "norm(X @ w - y)"),
        ("np.T np", "np.T @ np"),
        ("x^TAx", "x.T @ A @ x"),
        ("A^-1 b", "inv(A) @ b"),
        ("A^{-1} b", "inv(A) @ b"),
        ("A⁻¹ b", "inv(A) @ b"),
        ("A^-T", "inv(A).T"),
        ("A⁻ᵀ", "inv(A).T"),
        ("A^+ b", "pinv(A) @ b"),
        ("A.I", "inv(A)"),
        ("A^-1.T", "inv(A).T"),
        ("X^{-1}.T", "inv(X).T"),
        ("X^(-1)'", "inv(X).T"),
        ("X^-1^T", "inv(X).T"),
        ("X^2", "mpow(X, 2)"),
        ("X²", "mpow(X, 2)"),
        ("X^-2", "mpow(inv(X), 2)"),
        ("X^(1/2)", "sqrtm(X)"),
        ("c^2", "c**2"),
        ("(A + B)ᵀ", "(A + B).T"),
        ("c**2.T", "(c**2).T"),
        # other ways to write it
        ("A\\b", "inv(A) @ b"),
        ("x·y", "x.T @ y"),
        ("A·x", "A @ x"),
        ("3 × x", "3 * x"),
        ("A ⊗ B", "kron(A, B)"),
        ("A ⊙ B", "A * B"),
        ("‖x‖", "norm(x)"),
        ("||x - y||^2", "norm2sq(x - y)"),
        ("‖x‖²", "norm2sq(x)"),
        ("||x||**2", "norm2sq(x)"),
        ("‖x‖₁", "norm1(x)"),
        ("||X||_F^2", "norm2sq(X)"),
        ("|x|", "abs(x)"),
        ("2|c|", "2 * abs(c)"),
        ("||x|| ||y||", "norm(x) * norm(y)"),
        ("| |x| - |y| |", "abs(abs(x) - abs(y))"),
        ("np.linalg.inv(X)", "inv(X)"),
        ("A.trace()", "tr(A)"),
        ("X.sum()", "sum(X)"),
        ("X.sum(axis=0)", "sum(X, axis=0)"),
        ("sum(x, axis=0)", "sum(x)"),
        ("A.dot(x)", "A @ x"),
        ("np.dot(a, b)", "a.T @ b"),
        ("np.outer(a, b)", "a @ b.T"),
        ("np.linalg.solve(A, b)", "inv(A) @ b"),
        ("trace(X)", "tr(X)"),
        ("ln(x)", "log(x)"),
        ("max(0, z)", "relu(z)"),
        ("max(x, y)", "maximum(x, y)"),
        ("np.linalg.norm(x, ord=1)", "norm(x, 1)"),
        ("np.linalg.norm(x, np.inf)", "norminf(x)"),
        ("A.T()", "A.T"),
        ("softmax(X, axis=1)", "softmax(X)"),
        ("diag(X)", "diagv(X)"),
        ("π c", "pi * c"),
        ("zeros((3, 4)) + X", "zeros(3, 4) + X"),
        ("eye((a + b) * 2)", "eye(2 * a + 2 * b)"),
        # names
        ("W_1 @ x_i + b1", "W_1 @ x_i + b1"),
        ("lambda * self", "lambda * self"),
        ("tr(Σ)", "tr(Σ)"),
        ("Sigma @ x", "Sigma @ x"),
        ("A + lambda*I", "A + lambda * eye(n)"),
        ("norm2sq(y - (A + lambda*I) x)", "norm2sq(y - (A + lambda * eye(n)) @ x)"),
        ("in + c", "in + c"),
        ("np + c", "np + c"),
        # indices
        ("x[0]", "x[0]"),
        ("x[1:]", "x[1:]"),
        ("X[0]", "X[0, :]"),
        ("X[:, 1:3]", "X[:, 1:3]"),
        ("x.T[0]", "x.T[:, 0]"),
        ("x[0:2]", "x[:2]"),
        # numbers
        ("0.5 * x", "0.5 * x"),
        ("1e-3 * x", "0.001 * x"),
        ("2e3 * x", "2000 * x"),
        # definitions
        ("x.T @ p where p = A @ x - b", "x.T @ p where p = A @ x - b"),
        ("p @ q where p = q.T; q = A @ B", "p @ q where q = A @ B; p = q.T"),
    ],
)
def test_reading(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x'*A*x", "x.T @ A @ x"),
        ("A.*B + C'*C", "A * B + C.T @ C"),
        ("x'*y/2", "x.T @ y / 2"),
        ("A'*x.^2", "A.T @ x**2"),
        ("B'*A/C", "B.T @ A @ inv(C)"),
        ("x'*(A.\\B)", "x.T @ (B / A)"),
    ],
)
def test_matlab_reading(text, expected):
    assert shown(text) == expected
    assert reading(text).syntax == "matlab"


def test_declared_names_are_never_split():
    assert shown("x' Ax", "Ax: vector(n)") == "x.T @ Ax"
    assert shown("‖Ax − b‖²", wrt=["x"]) == "norm2sq(A @ x - b)"
    assert shown("Ax @ y", wrt=["Ax"]) == "Ax @ y"
    assert shown("loss * x") == "loss * x"


def test_T_is_the_transpose_unless_it_is_declared():
    assert shown("c^T", "T: scalar") == "c**T"


def test_declared_dimensions_are_numbers():
    found = reading("norm2sq(X @ w - y) / m", "X: matrix(m, n)")
    assert found.root.children[1].kind == "size"
    assert "m" in found.dims and "m" not in found.symbols  # noqa: PT018


def test_definitions_share_their_node():
    root = reading("p.T @ p where p = A @ x").root
    left, right = root.children
    assert left.children[0].children[0] is right.children[0]


def test_what_was_assumed_and_what_is_unused():
    found = reading("x.T A x", "A: symmetric", "B: matrix(p, q)")
    assert [s.name for s in found.assumed] == ["x", "A"]
    assert found.symbols["A"].properties == {"symmetric"}
    assert [(s.name, s.shape) for s in found.unused] == [("B", ("p", "q"))]


def test_spelling_is_kept():
    assert reading("tr(Σ)").symbols["Sigma"].spelled == "Σ"
    assert list(reading("Σ + Sigma").symbols) == ["Sigma"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("sum(A * B)", "elementwise"),
        ("X**2", "matrix power"),
        ("x**2", "elementwise"),
        ("A**-1", "did you mean inv(A)?"),
        ("A\\b", "inv(A) @ b"),
        ("A + c*I", "identity"),
        ("log(X)", "logm"),
        ("A (x + y)", "product"),
        ("x'Ax", "A x"),
        ("Ax - b", "Ax is read as A x"),
        ("x^T A x", "transpose"),
    ],
)
def test_notes(text, note):
    assert any(note in found for found in reading(text).notes)


# ---------------------------------------------------------------- reading printed text again
def same(a, b):
    """Whether two trees are equal in every part."""
    stack = [(a, b)]
    while stack:
        a, b = stack.pop()
        if (a.kind, a.data, a.axis, a.shape, len(a.children)) != (b.kind, b.data, b.axis, b.shape, len(b.children)):
            return False
        stack += zip(a.children, b.children, strict=True)
    return True


def again(found):
    return read(show(found.root), LANGUAGE, known=found.symbols, dims=found.dims)


@pytest.mark.parametrize("text", ["B + c", "f(x)", "x + zz", "A x + I y", "Ax"])
def test_known_symbols_are_all_there_is(text):
    with pytest.raises((UnknownName, MatcalcError)):
        read(text, LANGUAGE, known=reading("A @ x").symbols)


def test_known_shapes_are_kept():
    found = reading("A @ x", "A: matrix(m, n) positive")
    second = read("A @ x + A @ x", LANGUAGE, known=found.symbols)
    assert second.symbols == found.symbols


# ---------------------------------------------------------------- errors
@pytest.mark.parametrize("entry", ERRORS, ids=lambda entry: entry["text"] + " " + " ".join(entry.get("let", [])))
def test_error(entry):
    text, let, wrt = entry["text"], tuple(entry.get("let", ())), tuple(entry.get("wrt", ()))
    syntax = entry.get("syntax", "auto")
    with pytest.raises(MatcalcError) as caught:
        reading(text, *let, wrt=wrt, syntax=syntax)
    error = caught.value
    assert type(error).__name__ == entry["error"]
    if "caret" in entry:
        start, end = error.spans[0]
        assert (error.text or text)[start:end] == entry["caret"]
    request = Request("simplify", text, wrt, let, (("syntax", syntax),))
    assert entry.get("says", "") in error.at(request).render()
    assert error.fixes or entry.get("fixes") == []
    for fix, expected in zip(error.fixes, entry.get("fixes", []), strict=False):
        assert (fix.text if fix.text is not None else "; ".join(fix.let if fix.let is not None else fix.declare)) == expected
    assert len(error.fixes) >= len(entry.get("fixes", []))
    for fix in error.fixes:
        mended(request.mended(fix))


def mended(request):
    """Read a mended request."""
    options = dict(request.options)
    limits = Limits.of([options["limit"]]) if "limit" in options else None
    return read(request.text, LANGUAGE, request.let, options.get("syntax", "auto"), request.wrt, limits)


@pytest.mark.parametrize(
    "text",
    [
        "x+" * 500_000,
        "(" * 10_000,
        "(" * 5000 + "x" + ")" * 4000,
        "-" * 9000 + "x",
        "x" + ".T" * 3000,
        "x" + "'" * 9000,
        "**".join(["9"] * 3000),
        "x^" * 3000 + "2",
        "| " * 5000,
        "exp(" * 201 + "x" + ")" * 201,
        "9**9**9",
        "x**9**9**9",
        "eye(10**9)",
        "x**65",
        "mpow(X, 65)",
        "1e999",
        "x[9999999]",
        "(((9**64)**64)**64)",
        "kron(" * 20 + "A[1:, :]" + ", B[1:, :])" * 20,
    ],
)
def test_limits_are_named_with_the_option_that_raises_them(text):
    with pytest.raises(LimitError, match="limit") as caught:
        reading(text)
    assert dict(caught.value.fixes[0].options)["limit"]


def test_a_raised_limit_is_enough():
    deep = "(" * 300 + "x" + ")" * 300
    with pytest.raises(LimitError) as caught:
        reading(deep)
    assert mended(Request("simplify", deep).mended(caught.value.fixes[0])).symbols["x"].shape == ("n", 1)


def test_a_second_limit_is_raised_beside_the_first():
    request = Request("simplify", "x**9**9**9", options=(("limit", "exponent=387420489"), ("limit", "depth=300")))
    assert request.mended(Fix(options=(("limit", "depth=400"),))).options == (("limit", "exponent=387420489"), ("limit", "depth=400"))
    assert request.mended(Fix(options=(("limit", "depth="),))).options == (("limit", "exponent=387420489"),)


def test_what_no_limit_can_make_possible_has_no_fix():
    with pytest.raises(LimitError, match="a constant has 369,693,100 digits") as caught:
        reading("x**9**9**9", limits=Limits(exponent=10**9))
    assert not caught.value.fixes


def test_long_flat_text_is_read():
    assert len(reading(" + ".join(["x"] * 4000)).root.children) == 4000
    assert len(reading(" @ ".join(["A"] * 4000)).root.children) == 4000


def test_unsupported_syntax_and_functions():
    with pytest.raises(MatcalcError, match="syntax"):
        reading("x", syntax="nonsense")
    with pytest.raises(NotSupported, match="svd"):
        reading("svd(X)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|x|_1", "norm1(x)"),
        ("||x||_1", "norm1(x)"),
        ("|x| _1", "norm1(x)"),
        ("||x||_{1}", "norm1(x)"),
        ("|x|_2", "norm(x)"),
        ("|x|_2^2", "norm2sq(x)"),
        ("||X||_F", "norm(X)"),
        ("|X|_F^2", "norm2sq(X)"),
        ("sum(|x|_1)", "sum(norm1(x))"),
    ],
)
def test_an_index_after_bars_says_which_norm(text, expected):
    assert shown(text) == expected


def test_no_name_begins_with_an_underscore():
    with pytest.raises(ParseError, match="begins with a letter"):
        reading("_1 x")
    with pytest.raises(ParseError, match="unknown norm") as caught:
        reading("|x|_p")
    assert [fix.text for fix in caught.value.fixes] == ["norm(x, p)"]


@pytest.mark.parametrize(("text", "let"), [("Ax - b", ["Ax: matrix"]), ("Ab - c", []), ("Id + s", []), ("AB + b", []), ("Ax.T b + Ax", [])])
def test_a_name_is_a_product_only_if_that_makes_a_sum_of_vectors(text, let):
    with pytest.raises(ShapeError):
        reading(text, *let)


def test_a_fix_that_renames_a_variable_renames_it_in_wrt():
    for text, name, other in (("sum.T sum", "sum", "sum_1"), ("M + b + b", "b", "B")):
        with pytest.raises(MatcalcError) as caught:
            reading(text, wrt=[name])
        fix = caught.value.fixes[-1]
        assert (fix.text, fix.wrt) == (text.replace(name, other), (other,))


@pytest.mark.parametrize(
    ("text", "message"),
    [("A.\\x", "elementwise quotient"), ("A^{T) x", "never closed"), ("eye(n) x where n = 3", "is a dimension here")],
)
def test_what_is_not_read_otherwise_than_it_is_written(text, message):
    with pytest.raises(MatcalcError, match=message):
        reading(text)


def test_errors_in_definitions_and_wrt():
    with pytest.raises(ParseError, match="itself"):
        reading("p where p = q; q = p")
    with pytest.raises(MatcalcError, match="not a variable"):
        reading("x", wrt=["A.T"])
    with pytest.raises(MatcalcError, match="dimension"):
        reading("A @ x", "A: matrix(m, n)", wrt=["n"])


# ---------------------------------------------------------------- whatever is typed
PIECES = [
    "x",
    "y",
    "A",
    "B",
    "b",
    "c",
    "mu",
    "Σ",
    "I",
    "T",
    "n",
    "2",
    "0.5",
    "1e3",
    "+",
    "-",
    "*",
    "/",
    "@",
    "**",
    "^",
    "^T",
    "^-1",
    "^+",
    ".T",
    "'",
    "²",
    "⁻¹",
    "(",
    ")",
    "[",
    "]",
    "[0]",
    "|",
    "||",
    "‖",
    ",",
    ";",
    "=",
    "where p =",
    "p",
    "exp(",
    "sum(",
    "inv(",
    "norm(",
    "eye(",
    "f(",
    "np.",
    ".sum(",
    "axis=0",
    "{",
    "}",
    "\\",
    "·",
    "×",
    ".*",
    "∑",
    "\0",
    "\ud800",
    "é",
    "svd(",
    ":",
    "Ax",
    "kron(",
]
LETS = [
    "A: matrix(n, n)",
    "A: matrix(m, n)",
    "x: vector(n)",
    "A: spd",
    "c: scalar",
    "n: dimension",
    "y: vector(3)",
    "p: vector",
    "A: matrix(2*n,3)",
    "x: x",
    ":",
]
LEAVES = [
    "x",
    "y",
    "A",
    "B",
    "X",
    "b",
    "c",
    "mu",
    "Σ",
    "I",
    "2",
    "0.5",
    "n",
    "pi",
    "eye(n)",
    "ones(n)",
    "A^-T",
    "2x",
    "x.T A x",
    "commat(m, n)",
]
FORMS = [
    "({})",
    "{} + {}",
    "{} - {}",
    "{} @ {}",
    "{} * {}",
    "({}).T",
    "({}) / 2",
    "({})^-1",
    "({})^2",
    "({})**2",
    "({})[0]",
    "({})[1:]",
    "({}).sum(axis=0)",
    "exp({})",
    "sum({})",
    "tr({})",
    "inv({})",
    "norm({})",
    "diag({})",
    "vec({})",
    "softmax({})",
    "-{}",
    "{} {}",
    "kron({}, {})",
    "maximum({}, {})",
    "‖{}‖²",
    "{}\\{}",
    "{} @ p where p = {}",
]


def soup(rng):
    return "".join(rng.choice(PIECES) + rng.choice(["", " "]) for _ in range(rng.randint(1, 12)))


def sentence(rng, depth):
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(LEAVES)
    form = rng.choice(FORMS[:-1])
    return form.format(*(sentence(rng, depth - 1) for _ in range(form.count("{}"))))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_typed_is_read_or_refused(seed):
    rng = random.Random(seed)
    answered = 0
    for _ in range(600):
        text = soup(rng) if rng.random() < 0.4 else sentence(rng, rng.randint(1, 4))
        let = tuple(rng.sample(LETS, rng.choice([0, 0, 1, 2])))
        try:
            found = reading(text, *let, wrt=rng.choice([(), ("x",)]))
        except MatcalcError as error:
            error.at(Request("grad", text, ("x",), let)).render()
            continue
        answered += 1
        assert same(again(found).root, found.root), text
    assert answered > 100
