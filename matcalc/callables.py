"""The names of NumPy, math and SciPy that a rule may give as the value of a function: numbers in, numbers out, and nothing else.

None of them opens a file, takes a callback, reads text or lets an argument decide how much memory is filled. A name that is not
listed is refused, wherever it leads: `numpy.load`, `numpy.frompyfunc`, `scipy.linalg.test`, `os.system`.
"""

from __future__ import annotations

import re

NAMES = {
    "numpy": """
        abs absolute fabs sign positive negative square sqrt cbrt reciprocal exp exp2 expm1 log log2 log10 log1p
        sin cos tan arcsin arccos arctan arctan2 hypot sinh cosh tanh arcsinh arccosh arctanh degrees radians deg2rad rad2deg
        sinc heaviside floor ceil trunc rint maximum minimum fmax fmin add subtract multiply divide power float_power mod fmod
        logaddexp logaddexp2 max min sum prod mean median std var cumsum cumprod diff trace tril triu i0 nan_to_num""",
    "numpy.linalg": "inv pinv det slogdet norm cond matrix_power matrix_rank cholesky eigvalsh",
    "math": """
        erf erfc gamma lgamma exp expm1 log log1p log2 log10 sqrt cbrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
        fabs hypot pow floor ceil trunc degrees radians""",
    "scipy.special": """
        erf erfc erfcx erfi erfinv erfcinv dawsn gamma gammaln loggamma rgamma digamma psi polygamma beta betaln gammainc gammaincc zeta
        expit log_expit logit log_ndtr ndtr ndtri entr rel_entr kl_div xlogy xlog1py exprel expm1 log1p cbrt sinc softplus
        j0 j1 y0 y1 jv yv iv ive kv kve i0 i0e i1 i1e k0 k0e k1 k1e struve lambertw wrightomega spence expi exp1 sici
        ellipk ellipe hyp2f1 huber pseudo_huber""",
    "scipy.linalg": "expm expm_frechet logm sqrtm sinm cosm tanm sinhm coshm tanhm signm inv pinv det norm cholesky",
    "matcalc.numerics": "adjugate eigmax eigmax_projector nuclear spectral",
}
PURE = frozenset(f"{module}.{name}" for module, names in NAMES.items() for name in names.split())

# The same for the libraries and languages that code is written in. Julia and MATLAB run nothing here: any word will do.
_JAX = """jax.scipy.special: erf erfc erfinv gammaln gammainc gammaincc digamma polygamma zeta betaln expit logit log_ndtr ndtr ndtri entr
    rel_entr kl_div xlogy xlog1py expi exp1 i0 i0e i1 i1e spence
    jax.scipy.linalg: expm expm_frechet sqrtm inv det cholesky
    jax.nn: sigmoid softplus relu log_sigmoid silu gelu elu selu celu soft_sign hard_tanh"""
_TORCH = """torch: abs acos acosh asin asinh atan atan2 atanh ceil cos cosh deg2rad erf erfc erfinv exp exp2 expm1 floor hypot i0 lgamma log
    log10 log1p log2 logaddexp logit digamma rad2deg reciprocal round rsqrt sigmoid sign sin sinc sinh sqrt square tan tanh trunc relu
    torch.special: bessel_j0 bessel_j1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammaln i0 i0e i1 i1e log_ndtr log1p logit
    ndtr ndtri psi sinc xlog1py xlogy zeta
    torch.nn.functional: softplus silu gelu elu selu celu softsign logsigmoid hardtanh
    torch.linalg: matrix_exp inv pinv det cholesky matrix_power"""
STANDARD = frozenset("""abs acos acosh asin asinh atan atan2 atanh ceil cos cosh exp expm1 floor hypot log log1p log2 log10 logaddexp max
    maximum min minimum sign sin sinh sqrt square tan tanh tril triu inv det pinv slogdet cholesky matrix_power""".split())  # array API


def _listed(text: str) -> frozenset[str]:
    """`module: names module: names` as full names."""
    found, module = [], ""
    for word in text.split():
        if word.endswith(":"):
            module = word[:-1]
        else:
            found.append(f"{module}.{word}")
    return frozenset(found)


def _word(value: str) -> bool:
    return re.fullmatch(r"([A-Za-z]\w*\.)?[A-Za-z]\w*", value) is not None


TARGETS = {"jax": _listed(_JAX).__contains__, "torch": _listed(_TORCH).__contains__, "array": STANDARD.__contains__,
           "julia": _word, "matlab": str.isidentifier}
