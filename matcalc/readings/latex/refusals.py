"""What is said where the eye cannot tell what a formula means: the choices, each as the text that says it for certain."""

from __future__ import annotations

import re

from ...errors import Fix, MatcalcError, NotSupported, ParseError, UnknownName, nearest
from ...names import GREEK_NAMES
from . import commands
from .formula import Formula
from .lexemes import refuse, spliced

# Letters that are functions to many, and what these would be.
DOUBTFUL = {"Gamma": ("\\exp(\\operatorname{gammaln}", ")"), "Phi": ("", ""), "sigma": ("\\operatorname{sigmoid}", "")}


# ---------------------------------------------------------------- names and scripts
def no_index(f: Formula, script: int, after: int) -> ParseError:
    typed = f.argument(script + 1) if script + 1 < len(f.lexemes) else ""
    letters = "".join(c for c in typed if c.isalnum()) or "1"
    slices = [f.instead(script, after, f"_{{[{typed}]}}")] if typed and not set(typed) - set("0123456789:,- ") else []
    return refuse("an index is made of letters and numbers", f.span(script, after), "an index tells names apart; it is not computed with",
                  *slices, f.instead(script, after, f"_{{{letters}}}"), f.instead(script, after, "_{1}"))


def one_digit(f: Formula, script: int, after: int) -> ParseError:
    """`x_12`, `x^10`: TeX takes the first digit alone."""
    stop = f.extents.atom[after]
    sign, digits = f.typed(script), f.typed(after - 1, stop)
    return refuse("where the script ends is not clear", f.span(script, stop), "LaTeX takes the first digit alone",
                  f.instead(script, stop, f"{sign}{{{digits}}}"), f.instead(after, stop, f" \\cdot {digits[1:]}"))


def two_exponents(f: Formula, i: int, script: int, after: int) -> ParseError:
    return refuse("two superscripts on one letter", f.span(script, after), "", f.instead(i, script, f"({f.typed(i, script)})"),
                  f.instead(script, after, ""))


def index_behind_exponent(f: Formula, i: int, exponent: int, script: int, after: int) -> ParseError:
    r"""`\Sigma^{-1}_{ij}`: an entry of the inverse, or the inverse of one matrix of several?"""
    detail = "an index tells names apart; entries are written _{[0, 1]}"
    return refuse("whether this is an entry or a name is not clear", f.span(i, after), detail,
                  f.instead(i, after, f.typed(i, exponent) + f.typed(script, after) + f.typed(exponent, script)))


def euler(f: Formula, i: int, script: int) -> ParseError:
    after = f.extents.argument[script + 1]
    inside = f.argument(script + 1)
    fixes = [Fix(f.instead(i, after, f"{function}({inside})")) for function in ("\\exp", "\\operatorname{expm}")]
    return ParseError("whether e is the base of the logarithms is not clear", f.span(i), fixes=[*fixes, Fix(declare=("e: scalar",))])


def mark(f: Formula, i: int, stop: int, value: str) -> ParseError:
    """Signs above a letter that mean different things to different people."""
    if value in ("*", "star", "ast"):
        return refuse("what the star means is not clear", f.span(i, stop), "the transpose, or another variable",
                      f.instead(i, stop, "^\\top"), f.instead(i, stop, "_{\\star}"))
    if value in ("dagger", "ddagger", "dag"):
        return refuse("what the dagger means is not clear", f.span(i, stop), "the pseudo-inverse, or the transpose",
                      f.instead(i, stop, "^{+}"), f.instead(i, stop, "^\\top"))
    return refuse("this superscript is no exponent", f.span(i, stop), "", f.instead(i, stop, ""), f.instead(i, stop, "_{1}"))


MARKS = frozenset(["*", "star", "ast", "dagger", "ddagger", "dag", "perp", "circ", "odot", "infty", "bot"])


def letter_before_bracket(f: Formula, i: int, bracket: int, name: str) -> MatcalcError:
    """`f(x)`: a function, or a factor?"""
    close, letter = f.pairs[bracket], name.partition("_")[0]
    shown, inside = f.typed(i, bracket), f.typed(bracket, close + 1)
    if len(letter) > 1 and letter not in GREEK_NAMES:
        meant = nearest(letter, f.calls.all_names() - set(f.calls.language.unsupported))
        fixes = [Fix(f.instead(i, bracket, f"\\operatorname{{{meant}}}"))] if meant else []
        return UnknownName(f"unknown function '{name}'", f.span(i, bracket), detail=f"did you mean {meant}?" if meant else "", fixes=fixes)
    before, behind = DOUBTFUL.get(letter, ("", ""))
    fixes = [Fix(f.instead(i, close + 1, f"{before}{inside}{behind}"), note="a function")] if before else []
    sign = "\\cdot" if name[0].isupper() else "\\times"
    fixes.append(Fix(f.instead(i, close + 1, f"{shown} {sign} {inside}"), note="a product"))
    return ParseError(f"whether {shown} is a function or a factor is not clear", f.span(i, bracket),
                      detail=f"unknown functions are not differentiated; a product is written with {sign}", fixes=fixes)


def entry(f: Formula, bracket: int) -> ParseError:
    """`x[0]` is an entry in programs and a product on paper."""
    close, inside = f.pairs[bracket], f.inside(bracket)
    return refuse("whether this is an entry or a product is not clear", f.span(bracket, close + 1), "",
                  f.instead(bracket, close + 1, f"_{{[{inside}]}}"), f.instead(bracket, close + 1, f" \\cdot ({inside})"))


def number_transposed(f: Formula, i: int, stop: int) -> ParseError:
    number, after = f.typed(i, stop), f.extents.scripts[stop]
    ones = "".join(f"\\mathbf{{{c}}}" for c in number) if set(number) <= {"0", "1"} else number
    return refuse("a number has no transpose", f.span(i, after), "", f.instead(i, stop, ones), f.instead(i, after, number))


# ---------------------------------------------------------------- bars and brackets
def norm(f: Formula, close: int, script: int, after: int) -> ParseError:
    r"""`\|x\|_\Sigma^2`: weighted by it, or by its inverse?"""
    begin = f.opener[close]
    inside, weight = f.inside(begin), f.argument(script + 1)
    x = inside if f.extents.operand[begin + 1] == close else f"({inside})"
    squared = f.typed(close + 1, script) in ("^2", "^{2}") or f.typed(after, f.extents.scripts[after]) in ("^2", "^{2}")
    weighted = f"{x}^\\top {weight} {x}"
    whole = f.extents.scripts[after] if squared else after
    capital = any(lexeme.kind in ("name", "command") and str(lexeme.value)[:1].isupper() for lexeme in f.content(script + 1, after))
    texts = [f.instead(begin, whole, weighted if squared else f"\\sqrt{{{weighted}}}")] if capital else []
    return refuse("which norm is meant is not clear", f.span(script, after),
                  "norms: \\|x\\|, \\|x\\|_1, \\|x\\|_\\infty, \\|x\\|_p, \\|X\\|_F, \\|X\\|_*", *texts, f.instead(script, after, ""))


def inner_product(f: Formula, i: int) -> ParseError:
    stop, inside = f.pairs[i] + 1, f.inside(i)
    return refuse("an inner product has two arguments", f.span(i, stop), "for example \\langle x, y \\rangle",
                  f.instead(i, stop, f"\\langle {inside.replace('|', ',', 1)} \\rangle"), f.instead(i, stop, f"({inside})"))


def group_with_script(f: Formula, i: int, close: int) -> ParseError:
    return refuse("what the script belongs to is not clear", f.span(close + 1), "braces are not seen; brackets are",
                  f.instead(i, close + 1, f"({f.inside(i)})"), f.instead(i, close + 1, f.inside(i)))


def style(f: Formula, i: int, stop: int) -> ParseError:
    content = f.argument(i + 1) if i + 1 < len(f.lexemes) else ""
    letters = "".join(f"\\{f.lexemes[i].value}{{{c}}}" if c.isalpha() else c for c in content)
    return refuse("a style stands around one letter", f.span(i, stop), "", f.instead(i, stop, letters), f.instead(i, stop, content))


# ---------------------------------------------------------------- commands and functions
def command(f: Formula, i: int) -> MatcalcError:
    """A command that is not read."""
    word, span = str(f.lexemes[i].value), f.span(i)
    if word in commands.TRANSPOSES:
        return refuse("the transpose is a superscript", span, "", spliced(f.text, span, "^\\top"), spliced(f.text, span, ""))
    if word in commands.ACCENTS:
        stop = f.extents.argument[i + 1]
        inside = f.argument(i + 1) if stop > i + 1 else ""
        return refuse("an accent stands above one letter", f.span(i, stop), "", f.instead(i, stop, inside))
    if word == "mathbb":
        return blackboard(f, i)
    if word in commands.REFUSED:
        return no_expression(f, i, word)
    if word in ("color", "textcolor"):
        stop = f.extents.argument[i + 1]
        return refuse("colours are not read", f.span(i, stop), "", f.instead(i, stop, ""))
    known = commands.WORDS | set(commands.FUNCTIONS) | set(f.calls.all_names())
    close = nearest(word, {w for w in known if len(w) > 1})
    letter = word[1:] if word[0] in "bv" else ""  # \bx, \vx: what papers define for bold letters
    meant = [f"\\mathbf{{{letter}}}"] if len(letter) == 1 else [f"\\boldsymbol{{\\{letter}}}"] if letter in GREEK_NAMES else []
    meant += [f"\\{close}" if close in commands.WORDS else f"\\operatorname{{{close}}}"] if close else []
    everywhere = re.compile(rf"\\{re.escape(word)}(?![A-Za-z])")
    texts = [everywhere.sub(lambda _, choice=choice: choice, f.text) for choice in meant]  # type: ignore[misc]
    texts.append(f.instead(i, i + 1, "") if f.kind(i + 1) == "{" else everywhere.sub(lambda _: f"\\mathit{{{word}}}", f.text))
    return UnknownName(f"unknown command \\{word}", span, detail="commands that a paper defines for itself are not known here",
                       fixes=[Fix(text) for text in texts])


def blackboard(f: Formula, i: int) -> MatcalcError:
    r"""`\mathbb{E}`, `\mathbb{R}`."""
    stop = f.extents.argument[i + 1]
    expectation = f.argument(i + 1) in ("E", "P")
    kind: type[MatcalcError] = NotSupported if expectation else ParseError
    return kind(f"{f.typed(i, stop)} is not read", f.span(i, stop), detail=commands.REFUSED["E"] if expectation else commands.SET,
                fixes=[Fix(f.instead(i, f.extents.scripts[stop], "").strip(), note="without it")])


def no_expression(f: Formula, i: int, word: str) -> MatcalcError:
    r"""`\sum_i`, `\leq`, `\nabla_x`."""
    last = i + 1 if word == "arg" and f.kind(i + 1) == "command" else i  # \arg\min
    stop = f.extents.scripts[last + 1]
    kind: type[MatcalcError] = NotSupported if word in commands.UNSUPPORTED else ParseError
    without, before = f.instead(i, stop, "").strip(), f.text[: f.lexemes[i].start].strip()
    fixes = [Fix(without, note="one term alone" if word == "sum" else "without it")]
    if word == "nabla":
        variable = f.base(i + 2 + (f.kind(i + 2) == "{")) if f.kind(i + 1) == "_" and i + 3 < len(f.lexemes) else None
        fixes = [derivative(without, variable.word if variable else "")]
    elif commands.REFUSED[word] in (commands.RELATION, commands.SET):
        fixes.insert(0, Fix(before, note="what stands before it"))
    error = kind(f"\\{word} is not part of any expression here", f.span(i), detail=commands.REFUSED[word], fixes=fixes)
    error.shown = 1
    return error


def derivative(text: str, variable: str) -> Fix:
    """The verb instead of a nabla or a quotient of differentials."""
    return Fix(text, verb="grad", wrt=(variable,)) if variable else Fix(text, note="without it")


def script_of_function(f: Formula, i: int, script: int, after: int, function: str) -> ParseError:
    r"""`\log_2 x`, `\min_w f`, `\sin^{-1}(x)`."""
    argument, stop = f.extents.after_scripts_of_function(i), f.extents.atom[i]
    inside = f.argument(script + 1) if script + 1 < len(f.lexemes) else ""
    word, operand = f.typed(i), f.typed(argument, stop) if argument < stop else "(x)"
    operand = operand if f.extents.opens(argument) else f"({operand})"
    texts = [f.instead(script, after, ""), f.instead(i, argument, "")]
    if function in ("max", "min"):
        texts.reverse()
    elif function == "log" and f.kind(script) == "_":
        texts.insert(0, f.instead(i, stop, f"\\frac{{{word}{operand}}}{{{word}({inside or 2})}}"))
    elif inside == "-1":
        texts[:0] = [f.instead(i, stop, f"\\operatorname{{arc{word[1:]}}}{operand}"), f.instead(i, stop, f"({word}{operand})^{{-1}}")]
    detail = commands.OPTIMUM if function in ("max", "min") else ""
    return refuse("this script on a function is not read", f.span(script, after), detail, *texts)


def open_end(f: Formula, i: int, argument: int, stop: int) -> ParseError:
    r"""`\operatorname{tr} A B` may be tr(A B) or tr(A) B."""
    last = stop
    while f.extents.begins_operand(last) or f.is_sign(last):
        last = f.extents.operand[last] if f.extents.begins_operand(last) else last + 1
    first = argument  # behind the last of several functions
    while first < stop and f.function_at(first) is not None and not f.extents.opens(f.extents.after_scripts_of_function(first)):
        first = f.extents.after_scripts_of_function(first)
    return refuse(f"where the argument of {f.typed(i)} ends is not clear", f.span(i), "bracket the argument",
                  f.instead(first, last, f"({f.typed(first, last)})"), f.instead(argument, stop, f"({f.typed(argument, stop)})"))


def braces_of_function(f: Formula, i: int, argument: int) -> ParseError:
    r"""`\log{1 + x}` is set as log 1 + x."""
    close = f.pairs[argument] + 1
    return refuse(f"where the argument of {f.typed(i)} ends is not clear", f.span(argument, close), "braces are not seen; brackets are",
                  f.instead(argument, close, f"({f.inside(argument)})"))
