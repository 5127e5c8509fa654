r"""The commands of LaTeX that formulas are made of, by what the reader does with them."""

from __future__ import annotations

from ...names import GREEK_NAMES

LETTERS = {word: (word, "") for word in GREEK_NAMES} | {
    f"var{word}": (word, f"var{word}") for word in ("epsilon", "theta", "phi", "rho", "sigma", "kappa")
}  # command -> the name, and the style in which it was set
LETTERS |= {"ell": ("ell", "")}
BOLD = frozenset(["mathbf", "boldsymbol", "bm", "bold", "pmb", "symbf", "mathbfit", "vec", "underline"])  # lower case: a vector
STYLES = BOLD | frozenset(["mathcal", "mathscr", "mathfrak", "mathbb", "mathnormal"])
ROMAN = frozenset(
    ["mathrm", "mathit", "mathsf", "mathtt", "text", "textrm", "textit", "textbf", "textsf", "texttt", "mbox", "operatorname", "mathop"]
)  # what they hold is a word
PROSE = frozenset(["text", "textrm", "textit", "textbf", "textsf", "mbox", "mathrm"])  # with a blank in it, these hold a sentence
ACCENTS = {"hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde", "dot": "dot"}
FRACTIONS = frozenset(["frac", "tfrac", "dfrac", "cfrac"])
TRANSPOSES = frozenset(["top", "intercal", "prime", "transpose", "trans", "tran", "transp", "T"])

SIGNS = {"cdot": "·", "times": "×", "odot": "⊙", "circ": "⊙", "otimes": "⊗", "oslash": "/", "div": "/", "ast": "*", "bullet": "·",
         "backslash": "\\"}
SKIPPED = frozenset(
    [
        *",;:!> ",
        "quad",
        "qquad",
        "thinspace",
        "medspace",
        "thickspace",
        "enspace",
        "negthinspace",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "nonumber",
        "notag",
        "mathopen",
        "mathclose",
        "mathbin",
        "mathord",
        "mathrel",
        "allowbreak",
    ]
)
WITH_ARGUMENT = frozenset(["label", "tag", "hspace"])  # skipped with what stands in their braces
BRACKETS = {  # delimiter -> (open, close or bar; what closes it; the side that the delimiter itself says)
    "(": ("open", ")", ""),
    ")": ("close", ")", ""),
    "[": ("open", "]", ""),
    "]": ("close", "]", ""),
    "\\{": ("open", "}", ""),
    "\\}": ("close", "}", ""),
    "\\lbrace": ("open", "}", ""),
    "\\rbrace": ("close", "}", ""),
    "\\lbrack": ("open", "]", ""),
    "\\rbrack": ("close", "]", ""),
    "\\langle": ("open", ">", ""),
    "\\rangle": ("close", ">", ""),
    "|": ("bar", "|", ""),
    "\\vert": ("bar", "|", ""),
    "\\lvert": ("bar", "|", "left"),
    "\\rvert": ("bar", "|", "right"),
    "\\|": ("bar", "||", ""),
    "\\Vert": ("bar", "||", ""),
    "\\lVert": ("bar", "||", "left"),
    "\\rVert": ("bar", "||", "right"),
    "‖": ("bar", "||", ""),
    "∥": ("bar", "||", ""),
}
SIZES = {"left": "left", "right": "right", "middle": ""} | {
    f"{size}{side}": {"l": "left", "r": "right"}.get(side, "") for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
}
ENVIRONMENTS = frozenset(["equation", "equation*", "displaymath", "math", "align", "align*", "aligned", "gather", "gather*", "split"])

SUMS = "an indexed sum is not in the language: sums are written with products, as in \\mathbf{1}^\\top x, or \\|X w - y\\|^2"
DERIVATIVE = "the verb says what to differentiate: grad, jacobian, hessian"
RELATION = "a relation is no expression"
SET = 'sets and domains are not part of an expression; shapes are declared, as in --let "x: vector(n)"'
CASES = "there are no matrices of entries and no cases in an expression"
SENTENCES = frozenset("minimize maximize minimise maximise subject such for all if otherwise and or s.t.".split())
OPTIMUM = "an optimum over a variable is found by matcalc minimize"
REFUSED = {  # command -> why it is none of an expression
    "sum": SUMS,
    "prod": "a product over an index is not supported",
    "int": "integrals are not supported",
    "nabla": DERIVATIVE,
    "partial": DERIVATIVE,
    "E": "expectations are not supported",
    "Pr": "probabilities are not supported",
    "infty": "there is no infinity among the numbers; \\|x\\|_\\infty is the largest absolute value",
    "pm": "one sign at a time",
    "mp": "one sign at a time",
    "arg": OPTIMUM,
    "argmin": OPTIMUM,
    "argmax": OPTIMUM,
    "inf": OPTIMUM,
    "sup": OPTIMUM,
    "lim": "limits are not supported",
    "bmod": "there is no remainder here",
    "dagger": "whether it is a pseudo-inverse or a transpose is not clear",
    "star": "what a star means is not clear",
}
REFUSED |= dict.fromkeys(
    "le leq ge geq ne neq ll gg approx sim simeq propto to rightarrow mapsto Rightarrow implies iff equiv succ succeq "
    "prec preceq perp".split(),
    RELATION,
)
REFUSED |= dict.fromkeys("in notin subset subseteq cup cap forall exists setminus emptyset".split(), SET)
REFUSED |= dict.fromkeys("ldots cdots dots vdots ddots".split(), "dots leave open what stands there")
REFUSED |= dict.fromkeys("mid given middle".split(), "a condition is no expression")
UNSUPPORTED = frozenset(["sum", "prod", "int", "E", "Pr", "lim", "nabla", "partial"])  # understood, but not here

# What papers call functions, beside the names that the language itself has.
FUNCTIONS = {
    "Tr": "tr",
    "Trace": "tr",
    "trace": "tr",
    "tr": "tr",
    "ln": "log",
    "Diag": "diag",
    "sgn": "sign",
    "ReLU": "relu",
    "LSE": "logsumexp",
    "lse": "logsumexp",
}
FUNCTION_COMMANDS = frozenset("det log ln exp tr Tr sin cos tan sinh cosh tanh max min".split())
SETS = frozenset("RNZCQEP")  # in blackboard letters
COMPOUND = {("log", "det"): "logdet"}  # \log\det X

AFTER_SOLUTION = frozenset(LETTERS) | FUNCTION_COMMANDS  # names and functions: A\beta, A\exp(x)
# The words after a backslash that say that a text is LaTeX.
WORDS = (
    frozenset(LETTERS)
    | STYLES
    | ROMAN
    | frozenset(ACCENTS)
    | FRACTIONS
    | frozenset(SIGNS)
    | frozenset(SIZES)
    | frozenset(REFUSED)
    | {w for w in SKIPPED if w.isalpha()}
    | {d[1:] for d in BRACKETS if d[:1] == "\\" and d[1:].isalpha()}
    | FUNCTION_COMMANDS
    | frozenset("top intercal sqrt begin label tag norm abs bf rm".split())
) - {"T", "E"}
