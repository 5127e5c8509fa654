r"""Lexemes of LaTeX to the tokens of the grammar. What TeX leaves to the eye, and the eye cannot tell, is refused with the choices.

Tokens that stand behind something, such as the bracket behind the numerator of a fraction, wait in `due` for the lexeme before which
they are said. A bracket that nobody typed has the kind `{(`: unlike `(`, it never makes a call of the name before it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from ...calls import Calls
from ...errors import Fix, MatcalcError, NotSupported
from ...limits import Limits
from ...names import is_name
from ...syntax import Language
from ...tokens import Token, number_at
from . import commands, refusals
from .formula import Formula
from .lexemes import lexemes, refuse, spliced
from .names import Names
from .words import with_words

NORMS = {"2": "_2", "F": "_F", "fro": "_F", "Fro": "_F", "1": "_1", "infty": "_inf", "inf": "_inf"}
NORMS_OF_MATRICES = {"star": "nuclear", "nuc": "nuclear", "op": "spectral", "sp": "spectral"}
FRESH = 10**7  # dimensions that only the use decides: the size of \mathbf{1}


class Translated(NamedTuple):
    """The tokens of a formula, and what its typesetting says."""

    tokens: list[Token]
    decimals: bool
    notes: list[str]
    vectors: frozenset[str]  # bold lower-case letters
    doubtful: frozenset[int]  # where \exp, \log or \sqrt begin, which of a matrix may be entry by entry or not


def translated(text: str, limits: Limits, calls: Calls) -> Translated:
    """A formula in LaTeX as tokens.

    >>> from matcalc.knowledge import known
    >>> [kind for kind, *_ in translated(r"\\mathbf{x}^\\top A", Limits(), Calls(known().language(), frozenset())).tokens]
    ['name', 'sup', 'name', 'end']
    """
    return Translator(Formula(text, with_words(text, lexemes(text, limits), calls), calls), limits).run()


def variable(text: str) -> str | None:
    r"""The name that a text is in LaTeX, or None where it is more than one name.

    >>> variable(r"\mathbf{x}"), variable(r"\Sigma_2"), variable(r"\Sigma^{-1}")
    ('x', 'Sigma_2', None)
    """
    try:
        tokens = translated(text, Limits(), Calls(Language({}, {}, {}), frozenset())).tokens
    except MatcalcError:
        return None
    return tokens[0][1] if [kind for kind, *_ in tokens] == ["name", "end"] else None


class Translator:
    """One formula on its way to tokens."""

    def __init__(self, formula: Formula, limits: Limits) -> None:
        self.f, self.limits, self.calls = formula, limits, formula.calls
        self.text, self.lexemes, self.pairs, self.extents = formula.text, formula.lexemes, formula.pairs, formula.extents
        self.names = Names(formula.text)
        self.tokens: list[Token] = []
        self.notes: list[str] = []
        self.due: dict[int, list[Token]] = {}
        self.skips: dict[int, int] = {}  # what was said already: index -> the index after it
        self.silent: set[int] = set()  # braces that only group for TeX
        self.doubtful: set[int] = set()
        self.alone: set[str] | None = None  # names that stand somewhere with no bracket behind them
        self.products: set[int] = set()  # places among the tokens of names that a bracket multiplies
        self.decimals = False
        self.sizes = 0

    def run(self) -> Translated:
        i = self._left_side()
        count = len(self.lexemes)
        while True:
            self.tokens += self.due.pop(i, ())
            if i >= count:
                break
            i = self.skips[i] if i in self.skips else self._step(i)
        self.names.one_style_each()
        self.tokens.append(("end", None, len(self.text), len(self.text)))
        return Translated(self.tokens, self.decimals, self.notes, frozenset(self.names.vectors), frozenset(self.doubtful))

    def _step(self, i: int) -> int:
        """Say the lexeme at i; the index after it."""
        lexeme = self.lexemes[i]
        handler = STEPS.get(lexeme.kind)
        if handler is not None:
            return handler(self, i)
        self.add(lexeme.kind, lexeme.value, lexeme.start, lexeme.end)
        return i + 1

    def add(self, kind: str, value: Any, start: int, end: int) -> None:
        self.tokens.append((kind, value, start, end))

    def later(self, at: int, tokens: list[Token]) -> None:
        """Say these tokens before the lexeme at `at`, and before what was put there already: it began earlier, so it ends later."""
        self.due.setdefault(at, [])[:0] = tokens

    def note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def argument(self, i: int, stop: int, *after: Token) -> None:
        """Bracket what stands from i to before stop, and say `after` behind it."""
        if i >= stop:
            last = self.lexemes[min(i, len(self.lexemes)) - 1]
            raise refuse(f"an argument is missing after {self.text[last.start : last.end]}", (last.start, last.end), "",
                         spliced(self.text, (last.start, last.end), ""), self.text[: last.end] + "{x}" + self.text[last.end :])
        start, end = self.f.span(i, stop)
        braced = self.f.kind(i) == "{" and self.pairs[i] == stop - 1
        if braced:
            self.silent |= {i, stop - 1}
        self.later(stop, [(")", None, end - braced, end - braced), *after])
        self.due.setdefault(i, []).append(("{(", None, start + braced, start + braced))

    # ---------------------------------------------------------------- f(x) = ...
    def _left_side(self) -> int:
        """Where the formula begins: behind `f(x) =`, if that names it."""
        i = 0
        while i < len(self.lexemes) and not self._equals(i):
            if self.lexemes[i].value == "where":
                return 0
            i = self.pairs[i] + 1 if i in self.pairs else i + 1
        base = self.f.base(0) if 0 < i < len(self.lexemes) - 1 else None
        after = self.extents.operand[0]
        if base is None or not (after == i or (self.extents.opens(after) and self.pairs[after] + 1 == i)):
            return 0
        begin = i + 1 + (self.f.kind(i) == ":")
        right = [self.f.base(j) for j in range(begin, len(self.lexemes))]
        if any(found and found.word == base.word for found in right):
            return 0
        self.note(f"{self.f.typed(0, begin)} is left out: it names the formula")
        return begin

    def _equals(self, i: int) -> bool:
        lexeme = self.lexemes[i]
        return (lexeme.kind == "=" or (lexeme.kind == ":" and self.f.kind(i + 1) == "=")
                or (lexeme.kind == "command" and lexeme.value in ("triangleq", "coloneqq", "doteq")))

    # ---------------------------------------------------------------- numbers, and constants with a size
    def _digits(self, i: int) -> int:
        stop = self.extents.atom[i]
        if i + 1 in self.due or (i > 0 and self.f.kind(i - 1) in ("^", "_")):  # TeX takes one digit
            stop = i + 1
        start, end = self.f.span(i, stop)
        value, _, decimal = number_at(self.text[start:end], 0, self.limits)
        self._refuse_exponent(i, stop)
        if self._is_transposed(stop) or (self.f.kind(stop) == "_" and value in (0, 1)):
            return self._constant(i, stop, "ones" if value == 1 else "zeros" if value == 0 else "")
        self.decimals = self.decimals or decimal
        self.add("number", value, start, end)
        return stop

    def _refuse_exponent(self, i: int, stop: int) -> None:
        """`2e-3`, where LaTeX sets a letter."""
        letter, sign = stop, stop + 1 + (self.f.kind(stop + 1) in ("+", "-"))
        if self.f.kind(letter) == "name" and self.lexemes[letter].value == "e" and self.f.kind(sign) == "digit" and \
                self.lexemes[sign].end - self.lexemes[stop - 1].end == sign - letter + 1:
            last = self.extents.atom[sign]
            power = self.f.typed(stop + 1, last).lstrip("+")
            raise refuse("whether this is a power of ten is not clear", self.f.span(i, last), "LaTeX sets e as a letter",
                         self.f.instead(i, last, f"{self.f.typed(i, stop)} \\cdot 10^{{{power}}}"),
                         self.f.instead(letter, letter + 1, " e "))

    def _is_transposed(self, i: int) -> bool:
        return (self.f.kind(i) == "^" and self._mark(i) == "T") or (self.f.kind(i) == "sup" and self.lexemes[i].value == "T")

    def _constant(self, i: int, stop: int, constructor: str) -> int:
        r"""`\mathbf{1}`, `1_n`, `0_{m \times n}`, `I_n`: what their sizes leave open, their use decides."""
        start, end = self.f.span(i, stop)
        if not constructor:
            raise refusals.number_transposed(self.f, i, stop)
        sizes: list[Token] = []
        if self.f.kind(stop) == "_":
            after = self.extents.argument[stop + 1]
            sizes = self._sizes(stop + 1, after)
            stop, end = after, self.f.end_of(after)
        if not sizes:
            self.sizes += 1
            sizes = [("name", f"?{FRESH + self.sizes}", start, end)]
        self.tokens += [("name", constructor, start, end), ("(", None, start, end), *sizes, (")", None, end, end)]
        return stop

    def _sizes(self, i: int, stop: int) -> list[Token]:
        r"""The dimensions in `_{m \times n}` as the arguments of a constructor."""
        tokens: list[Token] = []
        j = i
        while j < stop:
            lexeme, base, after = self.lexemes[j], self.f.base(j), j + 1
            if base is not None:
                name, after = base.word, base.end
                if self.f.kind(after) == "_" and after < stop:
                    name, after = f"{name}_{self.f.index(after)}", self.extents.argument[after + 1]
                tokens.append(("name", name, lexeme.start, self.f.end_of(after)))
            elif lexeme.kind == "digit":
                after = min(self.extents.atom[j], stop)
                tokens.append(("number", number_at(self.f.typed(j, after), 0, self.limits)[0], *self.f.span(j, after)))
            elif lexeme.kind == "command" and lexeme.value == "times":
                tokens.append((",", None, lexeme.start, lexeme.end))
            elif lexeme.kind in (",", "+", "-"):
                tokens.append((lexeme.kind, None, lexeme.start, lexeme.end))
            elif lexeme.kind not in ("{", "}"):
                raise refuse("a size is expected here: a name or a whole number", (lexeme.start, lexeme.end), "",
                             self.f.instead(i - 1, stop, ""))
            j = after
        return tokens

    # ---------------------------------------------------------------- names
    def _name(self, i: int) -> int:
        """A name with its indices; exponents wait behind it."""
        base = self.f.base(i)
        if base is None:
            raise refusals.command(self.f, i)
        if base.word == "I" and self.f.kind(base.end) == "_" and not self._is_declared("I", base.end):
            return self._constant(i, base.end, "eye")
        name, stop, script = base.word, base.end, base.end
        exponent: int | None = None
        indexed = False
        while self.f.kind(script) in ("^", "_") and script not in self.due:
            after, below = self.extents.argument[script + 1], self.f.kind(script) == "_"
            if below and self._is_slice(script):
                break
            if below and exponent is not None and name[0].isupper() and self._may_be_entry(exponent, script, after):
                raise refusals.index_behind_exponent(self.f, i, base.end, script, after)
            if below or self._is_label(script):
                name = f"{name}_{self._index(script, after, below and indexed)}"
                indexed = indexed or below
                if exponent is not None:
                    self.skips[script] = after
                else:
                    stop = after
                if not below:
                    self.note(f"{self.f.typed(i, after)} is read as the name {name}")
            elif exponent is not None:
                raise refusals.two_exponents(self.f, i, script, after)
            else:
                exponent = script
            script = after
        joined = name.replace("_", "")
        if self.calls.is_variable(joined) and not self.calls.is_variable(name):
            name = joined
        if name == "e" and exponent is not None and not self.calls.is_variable("e") and self._mark(exponent) is None:
            raise refusals.euler(self.f, i, exponent)
        if self.f.kind(script) == "open" and script == stop:
            self._before_bracket(i, stop, name)
        span = self.f.span(i, stop)
        self.add("name", name, *span)
        self.names.add(name, base.style, span)
        return stop

    def _index(self, script: int, after: int, second: bool) -> str:
        index = self.f.index(script)
        if index is None or second:
            raise refusals.no_index(self.f, script, after)
        if self.f.kind(script) == "_" and self._splits_digits(after):
            raise refusals.one_digit(self.f, script, after)
        return index

    def _may_be_entry(self, exponent: int, script: int, after: int) -> bool:
        r"""`A^{-1}_{ij}`; but `W^\top_1` is the transpose of `W_1`."""
        return self._mark(exponent) != "T" or len(self._index(script, after, False)) > 1

    def _is_declared(self, name: str, script: int) -> bool:
        """Whether a name is declared, as it stands or with its index."""
        index = self.f.index(script)
        return any(self.calls.is_variable(n) for n in (name, f"{name}_{index}", f"{name}{index}"))

    def _is_label(self, i: int) -> bool:
        r"""`^{(1)}`, `^{[1]}`, `^{\text{new}}`: a bracketed superscript labels a name, and so does a word."""
        begin, stop = i + 1, self.extents.argument[i + 1]
        content = self.f.content(begin, stop)
        if self.f.kind(i) != "^" or not content:
            return False
        if len(content) == 1 and content[0].kind == "word":
            return len(content[0].value) > 1 and is_name(content[0].value) and self._mark(i) is None
        bracketed = self.f.kind(begin) == "{" and self.f.kind(begin + 1) == "open" and self.pairs[begin + 1] == stop - 2
        return bracketed and self.f.index(i) is not None

    def _splits_digits(self, after: int) -> bool:
        """`x_12`, `x^10`: TeX takes the first digit alone."""
        return self.f.kind(after) == self.f.kind(after - 1) == "digit" and self.lexemes[after].start == self.f.end_of(after)

    def _before_bracket(self, i: int, bracket: int, name: str) -> None:
        """A letter before a bracket is a factor if it is a capital or stands alone elsewhere, and the bracket holds more than a name."""
        if self.calls.is_variable(name) or self.lexemes[bracket].value == ">" or self.calls.resolve(name) is not None:
            return
        if self.lexemes[bracket].value == "]":
            self._refuse_entry(bracket)
        close = self.pairs[bracket]
        one_name = self.f.base(bracket + 1) is not None and self.extents.operand[bracket + 1] == close
        known = name[0].isupper() or self._stands_alone(name)
        if one_name or not known or name.partition("_")[0] in refusals.DOUBTFUL:
            raise refusals.letter_before_bracket(self.f, i, bracket, name)
        self.note(f"{name} (...) is read as a product")
        self.products.add(len(self.tokens))

    def _stands_alone(self, name: str) -> bool:
        """Whether the formula has this name in another place, and no bracket behind it."""
        if self.alone is None:
            bases = [(self.extents.scripts[b.end], b.word) for i in range(len(self.lexemes)) if (b := self.f.base(i)) is not None]
            self.alone = {word for end, word in bases if not self.extents.opens(end)}
        return name in self.alone

    # ---------------------------------------------------------------- superscripts and subscripts
    def _mark(self, i: int) -> str | None:
        """What a superscript marks: T, -T, +, H; None if it is an exponent."""
        begin, stop = i + 1, self.extents.argument[i + 1]
        while self.f.kind(begin) == "{" and self.pairs[begin] == stop - 1:
            begin, stop = begin + 1, stop - 1
        minus = self.f.kind(begin) == "-"
        begin += minus
        if begin >= stop:
            return None
        lexeme = self.lexemes[begin]
        if lexeme.kind == "+" and stop == begin + 1 and not minus:
            return "+"
        base = self.f.base(begin)
        letter = lexeme.value if lexeme.kind == "command" and stop == begin + 1 else base.word if base and base.end == stop else None
        if letter in commands.TRANSPOSES and not (letter == "T" and lexeme.kind == "name" and self.calls.is_variable("T")):
            return "-T" if minus else "T"
        return "H" if letter == "H" and not minus and not self.calls.is_variable("H") else None

    def _superscript(self, i: int) -> int:
        start, stop = self.lexemes[i].start, self.extents.argument[i + 1]
        if i + 1 >= len(self.lexemes):
            raise refuse("the superscript is missing", self.f.span(i), "", self.f.instead(i, i + 1, ""))
        if self._splits_digits(stop) and stop - i == 2:
            raise refusals.one_digit(self.f, i, stop)
        if self.f.kind(stop) == "^":
            raise refusals.two_exponents(self.f, i, stop, self.extents.argument[stop + 1])
        mark = self._mark(i)
        if mark is not None:
            letters = [lexeme.value for lexeme in self.f.content(i + 1, stop)]
            if mark == "H" or letters[-1:] == ["T"]:
                self.note(f"^{letters[-1]} is read as the transpose")
            self.add("sup", "T" if mark == "H" else mark, start, self.f.end_of(stop))
            return stop
        content = self.f.content(i + 1, stop)
        if not content:
            raise refuse("the superscript is empty", self.f.span(i, stop), "", self.f.instead(i, stop, ""))
        first = content[0].value if content[0].kind == "command" else content[0].kind
        if len(content) == 1 and first in refusals.MARKS:
            raise refusals.mark(self.f, i, stop, first)
        elementwise = first in ("odot", "circ")
        self.add("**" if elementwise else "^", None, start, self.lexemes[i].end)
        if elementwise:
            self.skips[i + 1 + (self.f.kind(i + 1) == "{")] = i + 2 + (self.f.kind(i + 1) == "{")
        self.argument(i + 1, stop)
        return i + 1

    def _is_slice(self, i: int) -> bool:
        """`_{[1:, 0]}`: what matcalc prints for a part of a matrix."""
        return self.f.kind(i + 1) == "{" and self.f.kind(i + 2) == "open" and self.lexemes[i + 2].value == "]"

    def _subscript(self, i: int) -> int:
        """A subscript on what is no name."""
        stop = self.extents.argument[i + 1]
        if not self._is_slice(i):
            raise refuse("a subscript belongs to a name or to a norm", self.f.span(i, stop), "", self.f.instead(i, stop, ""))
        j = i + 2
        while j < stop - 1:
            lexeme, after = self.lexemes[j], j + 1
            if lexeme.kind == "digit":
                after = self.extents.atom[j]
                self.add("number", number_at(self.f.typed(j, after), 0, self.limits)[0], *self.f.span(j, after))
            else:
                kind = {"open": "[", "close": "]"}.get(lexeme.kind, lexeme.kind)
                self.add(kind, lexeme.value if kind == "name" else None, lexeme.start, lexeme.end)
            j = after
        return stop

    # ---------------------------------------------------------------- groups, brackets, bars
    def _group(self, i: int) -> int:
        """Braces that hold no argument: TeX shows nothing of them."""
        close = self.pairs[i]
        if i in self.silent:
            return i + 1
        self.silent |= {i, close}
        if close > i + 1 and self.f.kind(close + 1) in ("^", "_", "'", "sup"):
            if self.extents.operand[i + 1] != close or not self.extents.begins_operand(i + 1):
                raise refusals.group_with_script(self.f, i, close)
            self.argument(i, close + 1)
            self.tokens += self.due.pop(i)
        return i + 1

    def _silently(self, i: int) -> int:
        return i + 1

    def _open(self, i: int) -> int:
        start, end = self.f.span(i)
        if self.lexemes[i].value == ">":
            return self._inner_product(i)
        named = bool(self.tokens) and self.tokens[-1][0] == "name" and self.f.kind(i - 1) != "{"
        round_bracket = self.lexemes[i].value == ")"
        called = named and self.calls.resolve(self.tokens[-1][1]) is not None
        if named and not called and self.lexemes[i].value == "]":
            self._refuse_entry(i)
        product = named and (len(self.tokens) - 1 in self.products or not (called or round_bracket))
        self.add("{(" if product else "(", None, start, end)
        return i + 1

    def _refuse_entry(self, i: int) -> None:
        close = self.pairs[i]
        if all(self.f.kind(j) in ("digit", ":", ",", "-") for j in range(i + 1, close)):
            raise refusals.entry(self.f, i)

    def _close(self, i: int) -> int:
        self.add(")", None, *self.f.span(i))
        return i + 1

    def _prime(self, i: int) -> int:
        self.add("'", None, *self.f.span(i))
        return i + 1

    def _inner_product(self, i: int) -> int:
        r"""`\langle X, Y \rangle` is tr(X.T @ Y)."""
        close, commas, j = self.pairs[i], [], i + 1
        while j < close:
            if self.f.kind(j) == ",":
                commas.append(j)
            j = self.pairs[j] + 1 if j in self.pairs else j + 1
        if len(commas) != 1:
            raise refusals.inner_product(self.f, i)
        start, end = self.f.span(i)
        comma, closing = self.f.span(commas[0]), self.f.span(close)
        self.tokens += [("name", "tr", start, end), ("(", None, start, end), ("{(", None, end, end)]
        self.skips[commas[0]] = commas[0] + 1
        after = comma[1], comma[1]
        self.later(commas[0], [(")", None, comma[0], comma[0]), ("sup", "T", *comma), ("@", None, *comma), ("{(", None, *after)])
        self.skips[close] = close + 1
        self.later(close, [(")", None, closing[0], closing[0]), (")", None, *closing)])
        return i + 1

    def _bar(self, i: int) -> int:
        return self._bars(i, self.lexemes[i].value, self.lexemes[i].start) if i in self.pairs else i + 1

    def _bars(self, i: int, kind: str, start: int) -> int:
        """Bars, and the index behind them, which says what norm they are; `kind` may be `log|`. What closes them is said later."""
        close, end = self.pairs[i], self.lexemes[i].end
        closing = self.f.span(close)
        index, script = self._norm_index(close)
        inside: Token = ("{(", None, end, end)
        behind: list[Token] = [(")", None, closing[0], closing[0])]
        if index is None or index in NORMS:
            self.tokens += [(kind, None, start, end), inside]
            behind.append((self.lexemes[i].value, None, *closing))
            if index is not None:
                behind.append(("sub", NORMS[index], *self.f.span(script, self.skips[script])))
        else:
            name = NORMS_OF_MATRICES.get(index, "norm")
            self.tokens += [("name", name, start, end), ("(", None, start, end), inside]
            if name == "norm":
                p: tuple[str, Any] = ("number", Fraction(int(index))) if index.isdigit() else ("name", index)
                behind += [(",", None, *closing), (*p, *self.f.span(script, self.skips[script]))]
            behind.append((")", None, closing[0], self.f.end_of(self.skips[script])))
        self.later(close, behind)
        return i + 1

    def _norm_index(self, close: int) -> tuple[str | None, int]:
        r"""The index of bars, also behind an exponent, `\|x\|^2_2`, and where it stands; it will be skipped."""
        script = close + 1
        if self.f.kind(script) == "^":
            script = self.extents.argument[script + 1]
        if self.f.kind(script) != "_":
            return None, script
        after = self.skips[script] = self.extents.argument[script + 1]
        content = self.f.content(script + 1, after)
        if len(content) == 1 and content[0].value == "infty":
            return "infty", script
        index = self.f.index(script) if not any(lexeme.kind == "," for lexeme in content) else None
        if index is None or not (index in NORMS or index in NORMS_OF_MATRICES or (index.isdigit() and 0 < int(index[:9]) < 10**6)
                                 or (len(content) == 1 and index.islower() and content[0].kind != "word")):
            raise refusals.norm(self.f, close, script, after)
        return index, script

    # ---------------------------------------------------------------- commands
    def _command(self, i: int) -> int:
        lexeme = self.lexemes[i]
        word = lexeme.value
        if word in commands.SIGNS:
            self.add(commands.SIGNS[word], None, lexeme.start, lexeme.end)
            return i + 1
        if word in COMMANDS:
            return COMMANDS[word](self, i)
        function = self.f.function_at(i)
        if function is not None:
            return self._call(i, function)
        if word in commands.STYLES and self.f.base(i) is None:
            return self._style(i)
        if word == "mathbb" and self.f.argument(i + 1) in commands.SETS:
            raise refusals.blackboard(self.f, i)
        return self._name(i)

    def _style(self, i: int) -> int:
        r"""`\mathbf{1}`, `\mathbf{Ax}`."""
        stop = self.extents.argument[i + 1]
        inside = self.f.content(i + 1, stop)
        if len(inside) == 1 and inside[0].kind == "digit" and inside[0].value in "01":
            if self.f.kind(stop) == "open":
                raise refuse("an indicator is not supported", self.f.span(i, stop), "", self.f.instead(i, stop, ""))
            return self._constant(i, stop, "ones" if inside[0].value == "1" else "zeros")
        letters = all(x.kind == "name" or (x.kind == "command" and x.value in commands.LETTERS) for x in inside)
        if not inside or not letters or self.f.kind(stop) in ("^", "_", "'", "sup"):
            raise refusals.style(self.f, i, stop)
        for x in inside:
            name = commands.LETTERS[x.value][0] if x.kind == "command" else x.value
            self.add("name", name, x.start, x.end)
            self.names.add(name, self.lexemes[i].value, (x.start, x.end), f"\\{self.lexemes[i].value}{{{self.text[x.start : x.end]}}}")
        return stop

    def _fraction(self, i: int) -> int:
        first = i + 1
        second = self.extents.argument[first]
        stop = self.extents.argument[second]
        self._refuse_derivative(i, first, second, stop)
        self.add("{(", None, *self.f.span(i))
        middle, end = self.f.end_of(second), self.f.end_of(stop)
        self.argument(first, second, ("frac", None, middle, middle))
        if second >= stop:
            raise refuse("a fraction has two arguments", self.f.span(i, second), "", self.f.instead(i, second, self.f.typed(first, second)),
                         self.text[:middle] + "{2}" + self.text[middle:])
        self.argument(second, stop, (")", None, end, end))
        return i + 1

    def _refuse_derivative(self, i: int, first: int, second: int, stop: int) -> None:
        r"""`\frac{d f}{d x}`, `\frac{\partial}{\partial x}`."""
        above, below = self.f.content(first, second), self.f.content(second, stop)
        if not above or len(below) < 2 or above[0].value != below[0].value or above[0].value not in ("d", "partial"):
            return
        variable = self.f.base(second + 1 + (self.f.kind(second) == "{"))
        rest = self.text[above[0].end : above[-1].end] + " " if len(above) > 1 else ""
        raise NotSupported("a derivative is not part of an expression", self.f.span(i, stop), detail=commands.DERIVATIVE,
                           fixes=[refusals.derivative(self.f.instead(i, stop, rest).strip(), variable.word if variable else "")])

    def _root(self, i: int) -> int:
        argument, degree = i + 1, None
        if self.extents.opens(argument) and self.lexemes[argument].value == "]":
            close, digits = self.pairs[argument], self.f.inside(argument)
            if not (digits.isascii() and digits.isdigit() and digits.strip("0") and len(digits) < 10):
                raise refuse("the degree of a root is a whole number", self.f.span(argument, close + 1), "",
                             self.f.instead(argument, close + 1, ""))
            degree, self.skips[argument], argument = Fraction(int(digits)), close + 1, close + 1
        stop = self.extents.argument[argument]
        at = self.f.end_of(stop)
        if degree is None:
            start, end = self.f.span(i)
            self.doubtful.add(start)
            self.tokens += [("name", "sqrt", start, end), ("(", None, end, end)]
            self.argument(argument, stop, (")", None, at, at))
        else:
            self.argument(argument, stop, ("^", None, at, at), ("{(", None, at, at), ("number", Fraction(1), at, at), ("/", None, at, at),
                          ("number", degree, at, at), (")", None, at, at))
        return i + 1

    def _macro(self, i: int) -> int:
        r"""`\norm{x}`, `\abs{x}`, as many papers define them."""
        bars = "||" if self.lexemes[i].value == "norm" else "|"
        stop = self.extents.argument[i + 1]
        index, script = self._norm_index(stop - 1) if self.f.kind(i + 1) == "{" else (None, stop)
        if index is not None and index not in NORMS:
            raise refuse("which norm is meant is not clear", self.f.span(script, self.skips[script]), "",
                         self.f.instead(i, stop, f"\\|{self.f.argument(i + 1)}\\|"))
        end = self.f.end_of(stop)
        behind: list[Token] = [(bars, None, end, end)]
        if index is not None:
            behind.append(("sub", NORMS[index], *self.f.span(script, self.skips[script])))
        self.add(bars, None, *self.f.span(i))
        self.argument(i + 1, stop, *behind)
        return i + 1

    # ---------------------------------------------------------------- words and functions
    def _word(self, i: int) -> int:
        lexeme = self.lexemes[i]
        word = lexeme.value
        if word in ("", "where"):
            self.tokens += [("name", word, lexeme.start, lexeme.end)] if word else []
            return i + 1
        following = self.f.base(i + 1) if word == "d" and i + 1 < len(self.lexemes) else None
        if following is not None:  # \mathrm{d}X
            self.add("name", f"d{following.word}", lexeme.start, self.f.end_of(following.end))
            return following.end
        function = self.f.function_at(i)
        if function is not None:
            return self._call(i, function)
        if word in ("E", "Var", "Cov", "P"):
            without = Fix(self.f.instead(i, i + 1, ""), note="without it")
            raise NotSupported(f"{word} is not supported", self.f.span(i), detail=commands.REFUSED["E"], fixes=[without])
        return self._prose(i) if word in commands.SENTENCES or self.f.base(i) is None else self._name(i)

    def _prose(self, i: int) -> int:
        """Words between formulas."""
        before = self.text[: self.lexemes[i].start]
        raise refuse("words are not part of an expression", self.f.span(i), "", before, self.f.instead(i, i + 1, ""))

    def _call(self, i: int, function: str) -> int:
        """A function with its argument: in brackets, or the operand behind it, if that is clear."""
        start, end = self.f.span(i)
        argument, stop = self.extents.after_scripts_of_function(i), self.extents.atom[i]
        marks = self._function_scripts(i, argument, function)
        pair = function, str(self.f.function_at(argument)) if argument < len(self.lexemes) else ""
        if argument == i + 1 and pair in commands.COMPOUND and self.extents.after_scripts_of_function(argument) == argument + 1:
            function, end, argument = commands.COMPOUND[pair], self.lexemes[argument].end, argument + 1
        elif pair[0] == "log" and not marks and self.lexemes[argument : argument + 1] and self.lexemes[argument].value == "Gamma" and \
                self.extents.opens(argument + 1):
            function, end, argument = "gammaln", self.lexemes[argument].end, argument + 1
        if self.extents.opens(argument) or not self.extents.begins_operand(argument):
            if argument < len(self.lexemes):
                self.later(stop, marks)
            self.add("name", function, start, end)
            return argument
        if stop < len(self.lexemes) and self.lexemes[stop].value != "where" and (self.extents.begins_operand(stop) or self.f.is_sign(stop)):
            base = self.f.base(argument)
            if base is not None and base.end == stop and self.extents.opens(stop) and refusals.DOUBTFUL.get(base.word, ("",))[0]:
                self._before_bracket(argument, stop, base.word)  # \log \sigma(z)
            raise refusals.open_end(self.f, i, argument, stop)
        bars = self.lexemes[argument].kind == "bar" and self.lexemes[argument].value == "|" and self.extents.atom[argument] == stop
        if function == "log" and bars and not marks:
            return self._bars(argument, "log|", start)
        if self.f.kind(argument) == "{" and not (
                self.extents.begins_operand(argument + 1) and self.extents.operand[argument + 1] == self.pairs[argument]):
            raise refusals.braces_of_function(self.f, i, argument)
        at = self.f.end_of(stop)
        self.tokens += [("name", function, start, end), ("(", None, end, end)]
        self.later(stop, [(")", None, at, at), *marks])
        return argument

    def _function_scripts(self, i: int, argument: int, function: str) -> list[Token]:
        r"""`\sin^2 x`, `\exp_\odot(X)`: what stands between a function and its argument."""
        marks: list[Token] = []
        entries, script = False, i + 1
        while script < argument:
            after = self.extents.argument[script + 1]
            inside, span = self.f.argument(script + 1), self.f.span(script, after)
            if inside in ("\\odot", "\\circ"):
                entries = True
            elif self.f.kind(script) == "^" and self._mark(script) == "T":
                marks.append(("sup", "T", *span))
            elif self.f.kind(script) == "^" and inside.isascii() and inside.isdigit() and len(inside) <= 3 and not marks:
                entrywise = any(s.result.kind == "like" for s in self.calls.language.signatures.get(function, ()))
                marks += [("**" if entrywise else "^", None, *span), ("number", Fraction(int(inside)), *span)]
            else:
                raise refusals.script_of_function(self.f, i, script, after, function)
            script = after
        if not entries:
            self.doubtful.add(self.lexemes[i].start)
        return marks


STEPS: dict[str, Callable[[Translator, int], int]] = {
    "name": Translator._name, "digit": Translator._digits, "word": Translator._word, "command": Translator._command,
    "{": Translator._group, "}": Translator._silently, "open": Translator._open, "close": Translator._close, "bar": Translator._bar,
    "^": Translator._superscript, "_": Translator._subscript, "prose": Translator._prose, "'": Translator._prime,
}
COMMANDS: dict[str, Callable[[Translator, int], int]] = {
    "sqrt": Translator._root, "norm": Translator._macro, "abs": Translator._macro,
    **dict.fromkeys(commands.FRACTIONS, Translator._fraction)}
