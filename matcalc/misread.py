"""What is said where the grammar ends: a missing operand, a bracket without its partner, a sign out of place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import Fix, NotSupported, ParseError
from .syntax import Node
from .tokens import Token

if TYPE_CHECKING:
    from .grammar import Frame, Grammar


TOUCHING = "touching"  # a product without a sign and without a blank: 2n


def check_division(grammar: Grammar, factors: list[Node], ops: list[Token]) -> None:
    """After `/`, a juxtaposed product is clear only if the divisor is a number, and that stands apart: `1/2 x`, but not `x/2n`."""
    for k in range(len(ops) - 1):
        if ops[k][0] in ("/", "//") and ops[k + 1][0] == "":
            if factors[k + 1].kind == "number":
                if ops[k + 1][1] == TOUCHING:
                    raise _number_before_name(grammar, factors, ops, k + 1)
                continue
            last = k + 2
            while last < len(ops) and ops[last][0] == "":
                last += 1
            left, middle, right = (factors[0].start, factors[k + 1].end), (factors[k + 1].start, factors[last].end), factors[k + 2]
            text = grammar.text
            first = f"{text[: left[0]]}({text[left[0] : left[1]]}) * {text[right.start :]}"
            product = (grammar.matlab and " * ") or " @ "
            raise ParseError(
                "what is divided by is not clear",
                (factors[k + 1].start, right.end),
                detail="bracket the product, or the quotient",
                fixes=[
                    Fix(grammar.splice(middle, f"({text[middle[0] : middle[1]]})")),
                    Fix(first),
                    Fix(f"{text[: left[0]]}({text[left[0] : left[1]]}){product}{text[right.start :]}"),
                ],
            )


def _number_before_name(grammar: Grammar, factors: list[Node], ops: list[Token], k: int) -> ParseError:
    """`/2n` and `/2s^2`: the eye takes both for the divisor, the order of the signs only the number."""
    text, first, number, name = grammar.text, factors[0].start, factors[k], factors[k + 1]
    bracketed = f"{text[first : number.start]}({text[number.start : name.end]})"
    if ops[k + 1 : k + 2] and ops[k + 1][0] == "":  # 1/2n f(x): the quotient scales what follows
        bracketed = f"({bracketed})"
    return ParseError(
        "what is divided by is not clear",
        (number.start, name.end),
        detail="bracket the divisor, or part the number from what follows",
        fixes=[Fix(text[:first] + bracketed + text[name.end :]), Fix(grammar.splice((name.start, name.start), " "))],
    )


WORDS_OF_CODE = frozenset(["if", "else", "elif", "for", "while", "and", "or", "not", "return", "import"])


INDEXED = {
    "sum": "sums are written with products and functions of all entries: x.T @ y, norm2sq(X @ w - y), sum(x**2)",
    "prod": "the logarithm of a product is a sum: sum(log(x))",
}


def is_indexed(word: str) -> bool:
    """Whether a name is a sum or product over an index, as in `sum_i x_i^2`."""
    sign, line, index = word.partition("_")
    return sign in INDEXED and line == "_" and len(index) == 1


def indexed(token: Token) -> NotSupported:
    sign = token[1].partition("_")[0]
    what = "sum" if sign == "sum" else "product"
    return NotSupported(f"a {what} over an index is not in the language", (token[2], token[3]), detail=INDEXED[sign])


def no_name(grammar: Grammar, token: Token) -> ParseError:
    """A word that looks like a name and is none: `_1`, `if`."""
    span, word = (token[2], token[3]), token[1]
    if word[0] != "_":
        return ParseError(f"'{word}' is a word of programs, not of formulas", span,
                          detail="functions with cases: abs(x), sign(x), relu(x), maximum(a, b), minimum(a, b)")
    before = grammar.tokens[grammar.i - 2] if grammar.i > 1 else None
    fixes = [Fix(grammar.splice((before[3], token[3]), word))] if before and before[0] == "name" else []
    if word.strip("_")[:1].isalpha():
        fixes.append(Fix(grammar.splice(span, word.strip("_"))))
    elif word.strip("_"):
        fixes.append(Fix(grammar.splice(span, f"a{word}")))
    return grammar.one_fix(ParseError("a name begins with a letter", span, fixes=fixes))


def plain_bars(grammar: Grammar) -> list[Fix]:
    r"""`\|x\|`, the norm of LaTeX, with plain bars."""
    return [Fix(grammar.text.replace("\\|", "||"))] if "\\|" in grammar.text else []


def mismatch(grammar: Grammar, frame: Frame, token: Token) -> ParseError:
    span = (token[2], token[3])
    typed = grammar.text[token[2] : token[3]]
    if frame.closer == "end":
        if token[0] == ";":
            return ParseError("';' separates definitions, which begin with 'where'", span, fixes=[Fix(grammar.splice(span, ""))])
        return grammar.one_fix(ParseError(f"'{typed}' was never opened", span, fixes=[Fix(grammar.without(span))]))
    opener = grammar.text[frame.start : frame.start + len(frame.closer)]
    if token[0] == "name":
        closers = "".join(f.closer for f in reversed(grammar.frames[1:]))
        rest = grammar.text[token[2] :].rstrip()
        moved = f"{grammar.text[: token[2]].rstrip()}{closers} {rest.removesuffix(closers)}"
        return ParseError("definitions come last, outside all brackets", span, fixes=[Fix(moved)])
    missing = "".join(f.closer for f in reversed(grammar.frames[1:]))
    at_end = grammar.text.rstrip() + missing
    fixes = [*plain_bars(grammar), Fix(at_end if token[0] == "end" else grammar.splice((token[2], token[2]), frame.closer))]
    if token[0] != "end":
        fixes.append(Fix(grammar.splice(span, frame.closer)))
    return grammar.one_fix(
        ParseError(
            f"'{opener}' is never closed",
            (frame.start, frame.start + len(frame.closer)),
            (token[2], token[2]),
            label=f"expected '{frame.closer}' here",
            fixes=fixes,
        )
    )


def no_operand(grammar: Grammar) -> Node:
    """The error where an operand is missing."""
    token = grammar.tokens[grammar.i]
    span = (token[2], token[3])
    before = grammar.tokens[grammar.i - 1] if grammar.i else None
    after = f" after '{grammar.text[before[2] : before[3]]}'" if before else ""
    if token[0] == "end" or (token[0] == "name"):
        if before is None or not grammar.text.strip():
            raise ParseError("there is no expression", detail="for example: x.T @ A @ x", fixes=[Fix("x.T @ A @ x")])
        unfinished = grammar.text[: before[2]].rstrip()
        closers = [f.closer for f in reversed(grammar.frames[1:])]
        fixes = [
            *plain_bars(grammar),
            Fix(unfinished + "".join(closers)),
            Fix(unfinished + "".join(closers[1:])),
            Fix(grammar.text.rstrip() + " x" + "".join(closers)),
        ]
        raise grammar.one_fix(ParseError(f"the expression ends{after}", (before[2], before[3]), fixes=fixes))
    typed = grammar.text[token[2] : token[3]]
    fixes = [*plain_bars(grammar), Fix(grammar.without(span))]
    if before and before[0] == "-" and grammar.i > 1 and grammar.tokens[grammar.i - 2][0] == "^":
        fixes.insert(0, Fix(grammar.splice((before[3], before[3]), "1")))
    if before:
        fixes += [Fix(grammar.without((before[2], before[3]))), Fix(grammar.without((before[2], token[3])))]
    if token[0] == "=":
        raise grammar.one_fix(
            ParseError("an equation is no expression", span, detail="definitions come last: EXPR where p = EXPR", fixes=fixes)
        )
    raise grammar.one_fix(ParseError(f"an operand is expected{after}, not '{typed}'", span, fixes=fixes))


def stray(grammar: Grammar, node: Node, token: Token) -> Node | None:
    span = (token[2], token[3])
    if token[0] == "=":
        text = grammar.text
        assigned = grammar.i == 1 and grammar.tokens[0][0] == "name" and grammar.tokens[2][0] != "="
        named = [Fix(text[span[1] :].strip(), note="the right side")] if assigned else []
        raise ParseError(
            "an equation is no expression",
            span,
            detail="write left side - right side, or a definition: EXPR where p = EXPR",
            fixes=[*named, Fix(f"{text[: span[0]].rstrip(' =')} - ({text[span[1] :].strip(' =')})")],
        )
    raise grammar.one_fix(
        ParseError(
            f"'{grammar.text[span[0] : span[1]]}' is not expected here",
            span,
            fixes=[*(Fix(grammar.splice(span, s)) for s in (" / ", " @ ", " ", "")), Fix(grammar.text.replace("{", "(").replace("}", ")"))],
        )
    )
