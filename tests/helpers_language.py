"""A small language for tests of the reader: no rule file is read."""

from __future__ import annotations

from matcalc.syntax import Language, Param, Signature

ANY, VECTOR, SCALAR = Param("x", "any"), Param("x", "vector", ("n",)), Param("", "scalar")
SQUARE, MATRIX = Param("X", "matrix", ("n", "n")), Param("X", "matrix", ("m", "n"))
LIKE = Param("", "like")


def language() -> Language:
    """Elementwise functions, functions of square matrices, norms, softmax."""
    signatures: dict[str, tuple[Signature, ...]] = {}
    for f in "exp log sin cos tan tanh sqrt abs sign relu sigmoid softplus square erf".split():
        signatures[f] = (Signature(f, (ANY,), LIKE, True),)
    for f in ("maximum", "minimum"):
        signatures[f] = (Signature(f, (ANY, Param("y", "any")), LIKE, True),)
    for f in "inv adj expm logm sqrtm".split():
        signatures[f] = (Signature(f, (SQUARE,), Param("", "matrix", ("n", "n"))),)
    for f in "det logdet".split():
        signatures[f] = (Signature(f, (SQUARE,), SCALAR),)
    signatures["pinv"] = (Signature("pinv", (MATRIX,), Param("", "matrix", ("n", "m"))),)
    signatures["mpow"] = (Signature("mpow", (SQUARE, Param("k", "integer")), Param("", "matrix", ("n", "n"))),)
    for f in "norm2sq norm1 norminf max min".split():
        signatures[f] = (Signature(f, (ANY,), SCALAR),)
    signatures["norm"] = (Signature("norm", (ANY,), SCALAR), Signature("norm", (VECTOR, Param("p", "scalar")), SCALAR))
    signatures["spectral"] = signatures["nuclear"] = (Signature("spectral", (MATRIX,), SCALAR),)
    signatures["softmax"] = (
        Signature("softmax", (VECTOR,), Param("", "vector", ("n",))),
        Signature("softmax", (MATRIX,), Param("", "matrix", ("m", "n"))),
    )
    signatures["logsumexp"] = (Signature("logsumexp", (VECTOR,), SCALAR), Signature("logsumexp", (MATRIX,), Param("", "vector", ("m",))))
    unsupported = {
        "svd": ("the singular value decomposition", "nuclear(X)"),
        "eig": ("eigenvalues", "tr(X)"),
        "cov": ("the covariance", ""),
    }
    return Language(signatures, unsupported, {"trace": "tr", "ln": "log"})
