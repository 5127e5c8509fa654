"""shapes.py: kinds by letters and use, dimensions by unification."""

from itertools import pairwise

import pytest

from matcalc.dims import add, multiply, shape_text
from matcalc.errors import MatcalcError, ShapeError
from matcalc.parser import read
from matcalc.unify import Unifier

from .helpers_language import language

LANGUAGE = language()


def shapes(text, *let):
    """The shapes of the symbols and of the whole, as a declaration would say them."""
    found = read(text, LANGUAGE, let)
    return {name: shape_text(symbol.shape) for name, symbol in found.symbols.items()} | {"": shape_text(found.root.shape)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.T A x", {"x": "vector(n)", "A": "matrix(n, n)", "": "scalar"}),
        ("A @ x", {"A": "matrix(m, n)", "x": "vector(n)", "": "vector(m)"}),
        ("(A@x - b).T @ (A@x - b)", {"A": "matrix(m, n)", "x": "vector(n)", "b": "vector(m)", "": "scalar"}),
        ("x @ y.T", {"x": "vector(m)", "y": "vector(n)", "": "matrix(m, n)"}),
        ("det(X Y)", {"X": "matrix(m, n)", "Y": "matrix(n, m)", "": "scalar"}),
        ("sum(X, axis=0)", {"X": "matrix(m, n)", "": "matrix(1, n)"}),
        ("sum(X, axis=1)", {"X": "matrix(m, n)", "": "vector(m)"}),
        ("M + b.T", {"M": "matrix(m, n)", "b": "vector(n)", "": "matrix(m, n)"}),
        ("vec(A X B) - kron(B.T, A) @ vec(X)", {"A": "matrix(m, n)", "X": "matrix(n, k)", "B": "matrix(k, p)", "": "vector(m * p)"}),
        ("x[1:] - x[:-1]", {"x": "vector(n)", "": "vector(n - 1)"}),
        ("y - x[1:]", {"y": "vector(n - 1)", "x": "vector(n)", "": "vector(n - 1)"}),
        ("logsumexp(X)", {"X": "matrix(m, n)", "": "vector(m)"}),
        ("tr(5)", {"": "scalar"}),
        ("inv(c)", {"c": "scalar", "": "scalar"}),
        ("softmax(Q K.T / sqrt(d)) V", {"Q": "matrix(m, n)", "K": "matrix(k, n)", "d": "scalar", "V": "matrix(k, p)", "": "matrix(m, p)"}),
        ("tr(x.T @ x)", {"x": "vector(n)", "": "scalar"}),
        ("p.T @ p where p = A @ x", {"A": "matrix(m, n)", "x": "vector(n)", "": "scalar"}),
        ("A @ x * n", {"A": "matrix(m, k)", "x": "vector(k)", "n": "scalar", "": "vector(m)"}),
        ("eye(3) + A", {"A": "matrix(3, 3)", "": "matrix(3, 3)"}),
    ],
)
def test_inference(text, expected):
    assert shapes(text) == expected


@pytest.mark.parametrize(
    ("text", "vectors", "scalars"),
    [
        ("c * x", "", "c"),
        ("t * x", "", "t"),
        ("lambda * norm2sq(w)", "", "lambda"),
        ("A + s*I", "", "s"),
        ("norm2sq(r) / n", "r", "n"),
        ("A x - b", "b", ""),
        ("(x - mu).T inv(Sigma) (x - mu)", "mu", ""),
        ("X @ beta", "beta", ""),
        ("a.T X b", "a b", ""),
        ("sum(p * log(p))", "p", ""),
        ("W1 @ x + b1", "b1", ""),
        ("X @ (a - b)", "a b", ""),
        ("diag(s * (1 - s))", "s", ""),
        ("exp(-t**2)", "", "t"),
        ("sum(p**k)", "p", "k"),
        ("sum(c * x)", "", "c"),
        ("X @ -b", "b", ""),
        ("w - 0.1*g", "g", ""),
        ("A\\b", "b", ""),
        ("np.dot(a, b)", "a b", ""),
        ("b[0]", "b", ""),
        ("softmax(a)", "a", ""),
        ("X @ r where r = a + b", "a b", ""),
        ("sum(c * b) + norm(A @ b)", "b", "c"),
        ("norm(a2 - a1) + norm(a3 - a2)", "a1 a2 a3", ""),
    ],
)
def test_soft_names(text, vectors, scalars):
    found = shapes(text)
    assert [name for name in vectors.split() if not found[name].startswith("vector")] == []
    assert [name for name in scalars.split() if found[name] != "scalar"] == []


def test_declarations_are_kept():
    assert shapes("x.T A x", "A: matrix(k, k) symmetric")["x"] == "vector(k)"
    assert shapes("A x", "A: matrix")["x"] == "vector(n)"
    assert shapes("A x", "x: vector(3)")["A"] == "matrix(n, 3)"
    assert shapes("a @ x", "a: matrix(1, 3)") == {"a": "matrix(1, 3)", "x": "vector(3)", "": "scalar"}
    assert shapes("x.T A x", "A: spd")["A"] == "matrix(n, n)"
    assert shapes("A x", "A: matrix(2*n, n + 1)") == {"A": "matrix(2 * n, n + 1)", "x": "vector(n + 1)", "": "vector(2 * n)"}


def test_a_matrix_never_becomes_a_vector():
    with pytest.raises(ShapeError):
        shapes("A @ x.T + A")


def test_rigid_names_are_not_equal():
    with pytest.raises(ShapeError, match="do not match"):
        shapes("x + y", "x: vector(m)", "y: vector(n)")


def test_messages_name_both_shapes():
    with pytest.raises(MatcalcError) as caught:
        shapes("A @ y", "A: matrix(m, n)", "y: vector(m)")
    assert len(caught.value.spans) == 2
    assert caught.value.detail.startswith("A is matrix(m, n); y is vector(m)")


# ---------------------------------------------------------------- unification
def test_unification_solves_for_a_variable():
    u = Unifier()
    a, b = u.fresh(), u.fresh()
    assert u.unify(add(a, 1, -1), "m")
    assert u.resolve(a) == add("m", 1)
    assert u.unify(multiply(b, "n"), multiply("k", "n"))
    assert u.resolve(b) == "k"


@pytest.mark.parametrize(
    ("a", "b"), [(2, 3), ("m", "n"), ("?1", 1), ("?1", add("?1", 1)), (multiply("?1", "?2"), "n"), (multiply("?1", 2), 3)]
)
def test_unification_refuses(a, b):
    assert not Unifier().unify(a, b)


def test_chains_of_variables_are_followed_without_recursion():
    u = Unifier()
    variables = [u.fresh() for _ in range(5000)]
    for a, b in pairwise(variables):
        assert u.unify(a, b)
    assert u.unify(variables[-1], "n")
    assert all(u.resolve(v) == "n" for v in variables)
