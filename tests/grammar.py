"""The input language as grammar.lark has it: random texts of it, and a second parser whose reading is compared with matcalc's.

>>> import random
>>> ours("x.T A x - b'x"), theirs("x.T A x - b'x")
('((x.T A x) - (b.T x))', '((x.T A x) - (b.T x))')
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError

from matcalc.calls import ALIASES, CONSTRUCTORS, FORMS, OPERATORS, Calls
from matcalc.dims import text as dim_text
from matcalc.knowledge import known
from matcalc.names import GREEK_NAMES, canonical
from matcalc.parser import syntax_tree
from matcalc.syntax import Node, fold

SCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ"
SUPERSCRIPTS = str.maketrans(SCRIPTS, "0123456789-+T")
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"), " ")
MATLAB = {"*": "@", "/": "//", ".*": "*", "./": "/"}
PLAIN = {".*": "*", "./": "/"}
ENDS = frozenset("NAME NUMBER _CLOSE _END_INDEX _END_BRACE PRIME TRANSPOSED INVERSE SUPERSCRIPT CARET_MARK NORM_INDEX".split())
SIGNS_OF_CALLS = {"dot": "dot", "inner": "dot", "vdot": "dot", "matmul": "@", "multiply": "*", "divide": "/", "solve": "\\"}
WORD = re.compile(r"(?:[0-9]+(?:\.[0-9]+|\.(?![A-Za-z_*/^'\\]))?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|([A-Za-zα-ωΑ-Ω_][A-Za-z0-9_α-ωΑ-Ω]*)|\S")


# ---------------------------------------------------------------- the second parser
@cache
def language() -> Any:
    return known().language()


@cache
def functions() -> frozenset[str]:
    """Every name that is read as a function before a bracket: the vocabulary, which is no matter of grammar."""
    return frozenset({*language().signatures, *OPERATORS, *language().aliases, *ALIASES, *FORMS})


@cache
def parser() -> Lark:
    """The parser of grammar.lark, which builds the bracketed text as it reads."""
    made = {name for name in functions() if Calls(language(), frozenset()).resolve(name) in CONSTRUCTORS} | set(CONSTRUCTORS)
    words = {"(CONSTRUCTORS)": made, "(FUNCTIONS)": functions() - made}
    text = (Path(__file__).parent / "grammar.lark").read_text("utf-8")
    for placeholder, names in words.items():
        text = text.replace(placeholder, f"({'|'.join(sorted(names, key=len, reverse=True))})")
    return Lark(text, parser="lalr", lexer="basic", postlex=Settled(), transformer=Bracketed())


class Settled:
    """What the tokens before it decide of a token: whether a bar opens or closes, and what `*` is."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        tokens = list(stream)
        signs = {str(t) for t in tokens if t.type in ("TIMES", "POWER")} | {"'" for t in tokens if "'" in t}
        meaning = MATLAB if "*" in signs and signs & {"'", ".*", "./", ".^"} and "@" not in signs else PLAIN
        bars: list[str] = [""]  # what is open: a bracket "", or bars
        before = ""
        for token in tokens:
            if token.type == "TIMES":
                token = token.update(value=meaning.get(token.value, token.value))
            elif token.type in ("_OPEN", "_INDEX", "_BRACE"):
                bars.append("")
            elif token.type in ("_CLOSE", "_END_INDEX", "_END_BRACE"):
                bars.pop() if len(bars) > 1 else None
            elif token.type in ("OPEN_ABS", "OPEN_NORM"):
                for part in self.bars(token, bars, before):
                    yield part
                    before = part.type
                continue
            yield token
            before = token.type

    def bars(self, token: Token, bars: list[str], before: str) -> Iterator[Token]:
        """After an operand, a bar closes the bars that are open, or else opens new ones."""
        sign = "|" if token == "|" else "||"
        name = {"|": "ABS", "||": "NORM"}[sign]
        operand = before in ENDS or before.startswith("_CLOSE")
        if operand and bars[-1] == sign:
            bars.pop()
            yield token.update(type=f"_CLOSE_{name}")
        elif operand and sign == "||" and bars[-1] == "|":
            bars.pop()
            yield token.update(type="_CLOSE_ABS", value="|")
            yield from self.bars(token.update(value="|"), bars, "_CLOSE_ABS")
        else:
            bars.append(sign)
            yield token.update(type=f"OPEN_{name}")


@v_args(inline=True)
class Bracketed(Transformer[Token, str]):
    """The fully bracketed text of each part; two texts are equal if and only if the trees are."""

    def NAME(self, token: Token) -> str:
        return canonical(token)

    def NUMBER(self, token: Token) -> str:
        return str(Fraction(token[:-1] if token.endswith(".") else token))

    def same(self, part: str) -> str:
        return part

    number = name = dimension = bound = same

    def pair(self, name: str | None, value: str) -> tuple[str | None, str]:
        return name, value

    definition = argument = pair

    def start(self, root: str, *definitions: tuple[str, str] | None) -> str:
        return with_definitions(root, {d[0]: d[1] for d in definitions if d})

    def sum(self, first: str, *rest: str) -> str:
        return f"({' '.join((first, *('-' if part == '−' else part for part in rest)))})" if rest else first

    def product(self, *parts: str) -> str:
        return f"({' '.join(str(p) for p in parts)})" if len(parts) > 1 else parts[0]

    def sign(self, sign: str, part: str) -> str:
        return part if sign == "+" else f"(-{part})"

    def power(self, base: str, sign: str, exponent: str) -> str:
        return f"({base}{'^' if sign == '^' else '**'}{exponent})"

    def braced(self, base: str, exponent: str) -> str:
        return f"({base}^{exponent})"

    def mark(self, part: str, mark: Any) -> str:
        return mark(part)

    def bars(self, opened: Token, inner: str, index: Token | None) -> str:
        which = "norm" if opened.type == "OPEN_NORM" else "abs"
        if index is not None:
            digit = {"₁": "1", "₂": "2"}.get(index, re.sub(r"[_{}\s]", "", index))
            which = {"1": "norm1", "2": "norm_2", "inf": "norminf", "infty": "norminf"}.get(digit, "norm")
        return f"|{inner}|{which}"

    def arguments(self, *parts: Any) -> list[Any]:
        return list(parts)

    def constructor(self, name: str, *sizes: str) -> str:
        name = resolved(name)
        return f"{name}({', '.join(sizes[:1] if name == 'eye' and len(sizes) == 2 and sizes[0] == sizes[1] else sizes)})"

    def call(self, *parts: Any) -> str:
        return called(parts[-2], parts[-1])

    # ---------------------------------------------------------------- after an operand
    def PRIME(self, token: Token) -> Callable[[str], str]:
        return transposed

    TRANSPOSED = PRIME

    def INVERSE(self, token: Token) -> Callable[[str], str]:
        return lambda part: f"inv({part})"

    def SUPERSCRIPT(self, token: Token) -> Callable[[str], str]:
        return marked(token.translate(SUPERSCRIPTS))

    def CARET_MARK(self, token: Token) -> Callable[[str], str]:
        return marked(re.sub(r"[\s^(){}]", "", token).replace("ᵀ", "T").replace("'", "T"))

    def method(self, name: Token, arguments: list[Any] | None) -> Callable[[str], str]:
        return lambda part: called(name.lstrip(". \t\n"), [(None, part), *(arguments or [])])

    def integer(self, sign: str | None, number: str) -> str:
        return f"-{number}" if sign not in (None, "+") and number != "0" else number

    def slice(self, *parts: Any) -> str:
        bounds = [part or "" for part in parts if not isinstance(part, Token)]
        return ":".join((bounds + [""])[:3])

    def indices(self, *selectors: str | None) -> Callable[[str], str]:
        return lambda part: f"{part}[{', '.join(s for s in selectors if s is not None)}]"


def transposed(part: str) -> str:
    return f"{part}.T"


def marked(mark: str) -> Callable[[str], str]:
    """`ᵀ`, `⁻ᵀ`, `⁺`, or digits: a power."""
    if mark in ("T", "-T"):
        return lambda part: f"inv({part}).T" if mark == "-T" else f"{part}.T"
    if mark == "+":
        return lambda part: f"pinv({part})"
    digits = str(int(mark.lstrip("+-")))
    return lambda part: f"({part}^{f'(-{digits})' if mark[0] == '-' else digits})"


def resolved(name: str) -> str:
    return Calls(language(), frozenset()).resolve(name) or name


def called(name: str, arguments: list[tuple[str | None, str]]) -> str:
    """A call in one spelling: trace(A) is tr(A), max(a, b) is maximum(a, b), dot(A, x) is a product."""
    name = resolved(name)
    args = [value for key, value in arguments if key is None]
    axis = ""
    for key, value in arguments:
        if key in ("axis", "dim"):
            axis = f", axis={value.strip('()') if value != '(-0)' else '0'}"
        elif key in ("ord", "p", "k", "n") and len(args) == 1:
            args.append(value)
    if name in FORMS and name not in language().signatures:
        return form(name, args)
    if name == "max" and len(args) == 2 and "0" in args:
        name = "relu"
        args.remove("0")
    elif name in ("max", "min") and len(args) == 2:
        name += "imum"
    if name == "norm" and args[1:] == ["inf"]:
        name, args = "norminf", args[:1]
    return f"{name}({', '.join(args)}{axis})"


def form(name: str, args: list[str]) -> str:
    """NumPy's functions for what has a sign; with too few or too many arguments matcalc refuses them."""
    if len(args) != 1 + (name not in ("transpose", "negative")):
        return f"{name}({', '.join(args)})"
    if name == "transpose":
        return transposed(args[0])
    if name == "negative":
        return f"(-{args[0]})"
    a, b = args
    if name == "outer":
        return f"({a} @ {b}.T)"
    if name == "power":
        return f"({a}**{b})"
    return f"({a} {({'add': '+', 'subtract': '-'} | SIGNS_OF_CALLS)[name]} {b})"


def with_definitions(root: str, definitions: dict[str, str]) -> str:
    """The text with those definitions that it needs, in the order of their names."""
    needed: dict[str, str] = {}
    stack = [root]
    while stack:
        for word in re.findall(r"\w+", stack.pop()):
            if word in definitions and word not in needed:
                needed[word] = definitions[word]
                stack.append(definitions[word])
    return root + "".join(f" where {name} = {needed[name]}" for name in sorted(needed))


def apart(text: str) -> str:
    """A name of two or three letters with a capital, one of which stands alone, is a product: `x'Ax` is `x'A x`."""
    names = [m[1] for m in WORD.finditer(text) if m[1]]
    points = {text[: m.end()] for m in WORD.finditer(text) if m[0] == "."}
    defined = set(re.findall(r"(?:where|;)\s*(\w+)\s*=", text.partition("where")[1] + text.partition("where")[2]))
    alone = {canonical(name) for name in names if len(name) == 1} | {name for name in defined if len(name) == 1}

    def split(m: re.Match[str]) -> str:
        name = m[1]
        if not name or not 2 <= len(name) <= 3 or not name.isalpha() or name.islower() or canonical(name) in GREEK_NAMES | defined:
            return m[0]
        if text[: m.start()].rstrip() in points or not alone & {canonical(c) for c in name}:
            return m[0]
        if resolved(name) in functions() and text[m.end() :].lstrip().startswith("("):
            return m[0]
        return " " * (m.start() > 0 and text[m.start() - 1].isalnum()) + " ".join(name)

    return WORD.sub(split, text)


def ours(text: str) -> str | None:
    """The bracketed form of a text by grammar.lark; None where it has no such text."""
    try:
        return parser().parse(apart(text.translate(INVISIBLE)))  # type: ignore[return-value]
    except LarkError:
        return None


# ---------------------------------------------------------------- matcalc's tree in the same form
def theirs(text: str) -> str:
    """The bracketed form of the tree that matcalc's own grammar makes, before shapes."""
    definitions: dict[str, str] = {}

    def visit(node: Node, parts: list[str]) -> str:
        if node.kind == "ref":
            definitions[node.data] = parts[0]
            return str(node.data)
        return WRITERS[node.kind](node, parts)

    root: str = fold(syntax_tree(text, language()), lambda n: n.children, visit)
    return with_definitions(root, definitions)


def _terms(node: Node, parts: list[str]) -> str:
    return "(" + parts[0] + "".join(f" {'+' if s > 0 else '-'} {p}" for s, p in zip(node.data[1:], parts[1:], strict=True)) + ")"


def _factors(node: Node, parts: list[str]) -> str:
    signs = ["@" if sign[0] == "*@" else sign[0] for sign in node.data]  # *@: MATLAB's *
    return "(" + parts[0] + "".join(f" {sign} {p}".replace("  ", " ") for sign, p in zip(signs, parts[1:], strict=True)) + ")"


def _selector(s: int | slice) -> str:
    return ":".join("" if p is None else str(p) for p in (s.start, s.stop, s.step)) if isinstance(s, slice) else str(s)


def _call(node: Node, parts: list[str]) -> str:
    return f"{node.data}({', '.join(parts)}{'' if node.axis is None else f', axis={node.axis}'})"


WRITERS: dict[str, Callable[[Node, list[str]], str]] = {
    "number": lambda node, parts: str(node.data),
    "name": lambda node, parts: str(node.data),
    "pi": lambda node, parts: "pi",
    "size": lambda node, parts: dim_text(node.data),
    "neg": lambda node, parts: f"(-{parts[0]})",
    "add": _terms,
    "product": _factors,
    "power": lambda node, parts: f"({parts[0]}{'^' if node.data == '^' else '**'}{parts[1]})",
    "transpose": lambda node, parts: f"{parts[0]}.T",
    "index": lambda node, parts: f"{parts[0]}[{', '.join(map(_selector, node.data))}]",
    "bars": lambda node, parts: f"|{parts[0]}|{node.data}",
    "call": _call,
}


# ---------------------------------------------------------------- random texts
SAMPLES: dict[str, list[str]] = {
    "NAME": "x y z A B X M W b c t mu lambda n Σ β W_1 x1 Ax p q r".split(),
    "NUMBER": "0 1 2 3 0.5 .5 2. 1e3 10 1.5e-2 64".split(),
    "NAME of dimension": "n m k q2".split(),
    "NAME of argument": "axis axis dim keepdims ord".split(),
    "NAME of definition": "p q r s u v".split(),
    "NUMBER of dimension": "1 2 3 64".split(),
    "NUMBER of integer": "0 1 2 3 10".split(),
    "FUNCTION": """tr det inv pinv logdet sum mean max min norm norm2sq norm1 exp log sqrt abs sin tanh relu sigmoid softmax logsumexp
                   diag diagv kron vec maximum trace ln mpow expm transpose dot matmul multiply outer add power square erf tril
                   cumsum""".split(),
    "METHOD": [".sum", ".trace", ".mean", ".dot", ".transpose", ".max", ". sum"],
    "CONSTRUCTOR": ["eye", "ones", "zeros", "commat", "identity"],
    "_MODULE": ["np.", "np.linalg.", "numpy.", "torch."],
    "PRIME": ["'", "'", ".'"],
    "TRANSPOSED": [".T", ".T", ".H", ".mT", ".T()", ".transpose()", ". T"],
    "INVERSE": [".I"],
    "SUPERSCRIPT": ["ᵀ", "²", "⁻¹", "⁻ᵀ", "⁺", "¹⁰", "⁺²"],
    "CARET_MARK": ["^T", "^-T", "^+", "^{T}", "^{-T}", "^(T)", "^'", "^ᵀ", "^ - T"],
    "NORM_INDEX": ["_1", "_2", "_F", "_inf", "_{1}", "₁"],
    "POWER": ["**", "^", "**", "^", ".^"],
    "TIMES": ["@", "*", "/", "@", "*", "/", "\\", "·", "×", "⊙", "⊗", ".*", "./", ".\\"],
    "PLUS": ["+"],
    "MINUS": ["-", "-", "−"],
    "OPEN_ABS": ["|"],
    "_CLOSE_ABS": ["|"],
    "OPEN_NORM": ["||", "‖"],
    "_CLOSE_NORM": ["||", "‖"],
    "_WHERE": ["where"],
    "_BRACE": ["^{", "^ {"],
    "_END_BRACE": ["}"],
    "_OPEN": ["("], "_CLOSE": [")"], "_INDEX": ["["], "_END_INDEX": ["]"], "_COMMA": [","], "COLON": [":"], "_SEMICOLON": [";"],
    "_EQUALS": ["="],
}


@cache
def expansions() -> dict[str, list[tuple[int, list[str]]]]:
    """The right-hand sides of every rule, each with how deep it is at least."""
    sides: dict[str, list[list[Any]]] = defaultdict(list)
    for rule in parser().rules:
        sides[rule.origin.name].append(list(rule.expansion))
    least = dict.fromkeys(sides, 99)

    def height(side: list[Any]) -> int:
        return 1 + max((0 if s.is_term else least[s.name] for s in side), default=0)

    for _ in sides:
        least |= {name: min(map(height, rules)) for name, rules in sides.items()}
    return {name: sorted((height(side), [s.name for s in side]) for side in rules) for name, rules in sides.items()}


def generated(rng: random.Random, depth: int = 30, size: int = 12) -> str:
    """A text of the grammar; `depth` limits how many rules are inside each other, and from `size` words on it comes to its end."""
    rules = expansions()
    words: list[str] = []
    stack: list[tuple[str, int, str]] = [("start", depth, "")]
    while stack:
        name, left, within = stack.pop()
        if name not in rules:
            words.append(rng.choice(SAMPLES.get(f"{name} of {within}") or SAMPLES[name]))
            continue
        sides = rules[name]
        left = left if len(words) < size else 0
        side = rng.choice([side for height, side in sides if height <= max(left, sides[0][0])])
        stack += [(part, left - 1, name) for part in reversed(side)]
    return joined(words, rng)


def joined(words: Iterable[str], rng: random.Random) -> str:
    """Words side by side, with a blank where two would run into one."""
    text = ""
    for word in words:
        last = text[-1:]
        apart = (
            (last.isalnum() and (word[0].isalnum() or (word[0] == "_" and last not in "|‖")))
            or last == "."
            or (last in SCRIPTS and word[0] in SCRIPTS)
            or last + word[0] in ("||", "**")
            or (last.isdigit() and word.startswith(". "))
        )
        text += (" " if text and (apart or rng.random() < 0.3) else "") + word
    return text
