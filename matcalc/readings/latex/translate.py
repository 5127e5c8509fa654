r"""Lexemes of LaTeX to the tokens of the grammar. What TeX leaves to the eye, and the eye cannot tell, is refused with the choices.

Tokens that stand behind something, such as the bracket behind the numerator of a fraction, wait in `due` for the lexeme before which
they are said. A bracket that nobody typed has the kind `{(`: unlike `(`, it never makes a call of the name before it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from ...calls import Calls
from ...errors import Fix, MatcalcError, NotSupported, ParseError, Span, UnknownName, nearest
from ...limits import Limits
from ...names import GREEK_NAMES
from ...tokens import DIGITS, Token, number_at
from . import commands
from .extents import Extents
from .lexemes import Lexeme, lexemes, partners, refuse, spliced
from .names import Names, base_at, index_text

NORMS = {"2": "_2", "F": "_F", "fro": "_F", "Fro": "_F", "1": "_1", "infty": "_inf", "inf": "_inf"}
NORMS_OF_MATRICES = {"star": "nuclear", "nuc": "nuclear", "op": "spectral", "sp": "spectral"}
DOUBTFUL_BEFORE_BRACKET = {"Gamma": ("\\exp(\\operatorname{gammaln}", ")"), "Phi": ("", ""), "sigma": ("\\operatorname{sigmoid}", "")}
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
    return Translator(text, limits, calls).run()


class Translator:
    """One formula."""

    def __init__(self, text: str, limits: Limits, calls: Calls) -> None:
        self.text, self.limits, self.calls = text, limits, calls
        self.lexemes = self._with_words(lexemes(text, limits))
        self.pairs = partners(text, self.lexemes)
        self.extents = Extents(self.lexemes, self.pairs, self.function_at)
        self.names = Names(text)
        self.tokens: list[Token] = []
        self.notes: list[str] = []
        self.due: dict[int, list[Token]] = {}
        self.skips: dict[int, int] = {}  # what was said already: index -> the index after it
        self.silent: set[int] = set()  # braces that only group for TeX
        self.doubtful: set[int] = set()
        self.decimals = False
        self.sizes = 0

    def run(self) -> Translated:
        i = self._left_side()
        count = len(self.lexemes)
        while True:
            self.tokens += self.due.pop(i, ())
            if i >= count:
                break
            i = self.skips[i] if i in self.skips else self.step(i)
        self.names.one_style_each()
        self.tokens.append(("end", None, len(self.text), len(self.text)))
        if len(self.tokens) > 4 * self.limits.tokens:
            raise self.limits.exceeded("tokens", f"the text has {len(self.tokens):,} words and signs", len(self.tokens) // 4 + 1)
        return Translated(self.tokens, self.decimals, self.notes, frozenset(self.names.vectors), frozenset(self.doubtful))

    # ---------------------------------------------------------------- small things
    def kind(self, i: int) -> str:
        return self.extents.kind(i)

    def span(self, i: int, stop: int | None = None) -> Span:
        """The columns of the lexemes from i to before stop."""
        last = len(self.lexemes) - 1
        return self.lexemes[min(i, last)].start, self.lexemes[min(stop - 1 if stop else i, last)].end

    def typed(self, i: int, stop: int | None = None) -> str:
        start, end = self.span(i, stop)
        return self.text[start:end]

    def instead(self, i: int, stop: int, replacement: str) -> str:
        """The text with other words for the lexemes from i to before stop."""
        return spliced(self.text, self.span(i, stop), replacement)

    def add(self, kind: str, value: Any, start: int, end: int) -> None:
        self.tokens.append((kind, value, start, end))

    def later(self, at: int, tokens: list[Token]) -> None:
        """Say these tokens before the lexeme at `at`, and before what was put there already: it began earlier, so it ends later."""
        self.due.setdefault(at, [])[:0] = tokens

    def end_of(self, i: int) -> int:
        return self.lexemes[i - 1].end

    def note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    # ---------------------------------------------------------------- words without a backslash
    def _with_words(self, found: list[Lexeme]) -> list[Lexeme]:
        """Letters side by side: `Ax` is a product, `tr(` a function, `beta` in doubt."""
        out: list[Lexeme] = []
        i = 0
        while i < len(found):
            lexeme = found[i]
            if lexeme.kind != "name":
                out.append(lexeme)
                i += 1
                continue
            if i and found[i - 1].kind in ("^", "_"):  # TeX takes one letter
                out.append(lexeme)
                i += 1
                continue
            stop = i + 1
            while stop < len(found) and found[stop].kind in ("name", "digit") and found[stop].start == found[stop - 1].end:
                stop += 1
            word = self.text[lexeme.start : found[stop - 1].end]
            opens = stop < len(found) and found[stop].kind == "open" and found[stop].value == ")"
            if stop - i > 1 and self.calls.is_variable(word):
                out.append(Lexeme("name", word, lexeme.start, found[stop - 1].end))
            elif stop - i > 1 and (word == "where" or (opens and self._function(word) is not None)):
                out.append(Lexeme("word", word, lexeme.start, found[stop - 1].end, "typed"))
            else:
                self._refuse_word(found, i, stop)
                out += found[i:stop]
            i = stop
        return out

    def _refuse_word(self, found: list[Lexeme], i: int, stop: int) -> None:
        """Letters that TeX sets as a product, and that look like a word."""
        while found[stop - 1].kind == "digit":
            stop -= 1
        start, end = found[i].start, found[stop - 1].end
        word = self.text[start:end]
        lower = sum(c.islower() for c in word)
        greek, function = word in GREEK_NAMES, self._function(word) is not None
        looks_so = word.isascii() and len(word) > 2 and lower > 1 and word[1:].islower()
        if len(word) < 2 or not (greek or function or looks_so):
            return
        choices = [f"\\{word}"] if greek else [f"\\operatorname{{{word}}}"] if function else [f"\\mathit{{{word}}}"]
        raise refuse(
            f"whether {word} is one word or a product of letters is not clear",
            (start, end),
            "LaTeX sets letters side by side as a product",
            *(spliced(self.text, (start, end), choice) for choice in [*choices, " ".join(word)]),
        )

    def _function(self, word: str) -> str | None:
        """The function that a word of a formula names, also one that is known and has no rule."""
        if self.calls.is_variable(word):
            return None
        found = commands.FUNCTIONS.get(word) or self.calls.resolve(word) or self.calls.resolve(word.lower() if len(word) > 1 else word)
        unsupported = self.calls.language.unsupported
        return found or next((w for w in (word, word.lower()) if len(word) > 1 and w in unsupported), None)

    def function_at(self, i: int) -> str | None:
        lexeme = self.lexemes[i]
        if lexeme.kind == "word":
            return self._function(lexeme.value) if lexeme.value not in commands.LETTERS else None
        if lexeme.kind != "command" or lexeme.value in commands.WORDS - set(FUNCTION_COMMANDS) or lexeme.value in ("vec", "norm", "abs"):
            return None
        return self._function(lexeme.value)

    # ---------------------------------------------------------------- f(x) = ...
    def _left_side(self) -> int:
        """Where the formula begins: behind `f(x) =`, if that names it."""
        i = 0
        while i < len(self.lexemes) and not self._equals(i):
            if self.lexemes[i].value == "where":
                return 0
            i = self.pairs[i] + 1 if i in self.pairs else i + 1
        if not 0 < i < len(self.lexemes) - 1:
            return 0
        base = base_at(self.lexemes, self.pairs, self.extents, 0)
        after = self.extents.operand[0]
        if base is None or not (after == i or (self.extents.opens(after) and self.pairs[after] + 1 == i)):
            return 0
        begin = i + 1 + (self.kind(i) == ":")
        right = [base_at(self.lexemes, self.pairs, self.extents, j) for j in range(begin, len(self.lexemes))]
        if any(found and found.word == base.word for found in right):
            return 0
        self.note(f"{self.typed(0, begin)} is left out: it names the formula")
        return begin

    def _equals(self, i: int) -> bool:
        lexeme = self.lexemes[i]
        return (
            lexeme.kind == "="
            or (lexeme.kind == ":" and self.kind(i + 1) == "=")
            or (lexeme.kind == "command" and lexeme.value in ("triangleq", "coloneqq", "doteq"))
        )

    # ---------------------------------------------------------------- one step
    def step(self, i: int) -> int:
        """Say the lexeme at i; the index after it."""
        lexeme = self.lexemes[i]
        handler = STEPS.get(lexeme.kind)
        if handler is not None:
            return int(handler(self, i))
        self.add(lexeme.kind, lexeme.value, lexeme.start, lexeme.end)
        return i + 1

    def _digits(self, i: int) -> int:
        stop = self.extents.atom[i] if i + 1 not in self.due else i + 1
        start, end = self.span(i, stop)
        if i and self.kind(i - 1) in ("^", "_"):
            stop, end = i + 1, self.lexemes[i].end
        value, _, decimal = number_at(self.text[start:end], 0, self.limits)
        following = self.text[end : end + 3]
        if (
            following[:1] in ("e", "E")
            and following[1:2]
            and (following[1] in DIGITS or (following[1] in "+-" and following[2:] in DIGITS))
        ):
            last = end + 2
            while self.text[last : last + 1] in DIGITS:
                last += last < len(self.text)
                if last >= len(self.text):
                    break
            power = self.text[end + 1 : last].lstrip("+")
            raise refuse(
                "whether this is a power of ten is not clear",
                (start, last),
                "LaTeX sets e as a letter",
                spliced(self.text, (start, last), f"{self.text[start:end]} \\cdot 10^{{{power}}}"),
                spliced(self.text, (end, end), " "),
            )
        if self._is_transposed(stop):
            return self._constant(i, stop, "ones" if value == 1 else "zeros" if value == 0 else "")
        if self.kind(stop) == "_" and value in (0, 1):
            return self._constant(i, stop, "ones" if value == 1 else "zeros")
        self.decimals = self.decimals or decimal
        self.add("number", value, start, end)
        return stop

    def _is_transposed(self, i: int) -> bool:
        return (self.kind(i) == "^" and self._mark(i) == "T") or (self.kind(i) == "sup" and self.lexemes[i].value == "T")

    # ---------------------------------------------------------------- constants with a size
    def _constant(self, i: int, stop: int, constructor: str) -> int:
        r"""`\mathbf{1}`, `1_n`, `0_{m \times n}`, `I_n`: what their sizes leave open, their use decides."""
        start, end = self.span(i, stop)
        if not constructor:
            number = self.typed(i, stop)
            ones = "".join(f"\\mathbf{{{c}}}" for c in number) if set(number) <= {"0", "1"} else number
            raise refuse(
                "a number has no transpose",
                (start, self.end_of(self.extents.scripts[stop])),
                "",
                self.instead(i, stop, ones),
                self.instead(i, self.extents.scripts[stop], number),
            )
        sizes: list[Token] = []
        if self.kind(stop) == "_":
            after = self.extents.argument[stop + 1]
            sizes = self._sizes(stop + 1, after)
            stop, end = after, self.end_of(after)
        if not sizes:
            self.sizes += 1
            sizes = [("name", f"?{FRESH + self.sizes}", start, end)]
        self.add("name", constructor, start, end)
        self.add("(", None, start, end)
        self.tokens += sizes
        self.add(")", None, end, end)
        return stop

    def _sizes(self, i: int, stop: int) -> list[Token]:
        r"""The dimensions in `_{m \times n}` as the arguments of a constructor."""
        tokens: list[Token] = []
        j = i
        while j < stop:
            lexeme = self.lexemes[j]
            base = base_at(self.lexemes, self.pairs, self.extents, j)
            if base is not None:
                name, after = base.word, base.end
                if self.kind(after) == "_" and after < stop:
                    name, after = f"{name}_{index_text(self.lexemes, self.pairs, self.extents, after)}", self.extents.argument[after + 1]
                tokens.append(("name", name, lexeme.start, self.end_of(after)))
                j = after
                continue
            if lexeme.kind == "digit":
                after = self.extents.atom[j]
                value, _, _ = number_at(self.typed(j, after), 0, self.limits)
                tokens.append(("number", value, *self.span(j, after)))
                j = after
                continue
            if lexeme.kind == "command" and lexeme.value == "times":
                tokens.append((",", None, lexeme.start, lexeme.end))
            elif lexeme.kind in (",", "+", "-"):
                tokens.append((lexeme.kind, None, lexeme.start, lexeme.end))
            elif lexeme.kind not in ("{", "}"):
                raise refuse(
                    "a size is expected here: a name or a whole number",
                    (lexeme.start, lexeme.end),
                    "",
                    spliced(self.text, self.span(i - 1, stop), ""),
                )
            j += 1
        return tokens

    # ---------------------------------------------------------------- names
    def _name(self, i: int) -> int:
        base = base_at(self.lexemes, self.pairs, self.extents, i)
        assert base is not None
        if base.word == "I" and self.kind(base.end) == "_" and not self._given("I", base.end):
            return self._constant(i, base.end, "eye")
        name, stop = base.word, base.end
        script = base.end
        powers: list[int] = []  # scripts that are said after the name
        seen: set[str] = set()
        while self.kind(script) in ("^", "_") and script not in self.due:
            after = self.extents.argument[script + 1]
            kind = self.kind(script)
            if kind == "_" or self._is_label(script):
                index = index_text(self.lexemes, self.pairs, self.extents, script)
                if kind == "_" and self._is_slice(script):
                    break
                if index is None or (kind == "_" and "_" in seen):
                    raise self._no_index(script, after)
                if kind == "_" and self._splits_digits(after):
                    raise self._one_digit(script, after)
                name = f"{name}_{index}"
                seen.add(kind)
                if powers:
                    self.skips[script] = after
                else:
                    stop = after
                if kind == "^":
                    self.note(f"{self.typed(i, after)} is read as the name {name}")
            elif powers:
                raise self._two_exponents(i, script, after)
            else:
                powers.append(script)
            script = after
        joined = name.replace("_", "")
        if joined != name and self.calls.is_variable(joined) and not self.calls.is_variable(name):
            name = joined
        start, end = self.span(i, stop)
        if name == "e" and powers and not self.calls.is_variable("e") and self._mark(powers[0]) is None:
            raise self._euler(i, powers[0])
        if self.kind(script) == "open" and script == stop:
            self._refuse_call(i, stop, name)
        self.add("name", name, start, end)
        self.names.add(name, base.style, (start, end))
        return stop

    def _given(self, name: str, script: int) -> bool:
        """Whether a name is declared, as it stands or with its index."""
        index = index_text(self.lexemes, self.pairs, self.extents, script)
        return any(self.calls.is_variable(n) for n in (name, f"{name}_{index}", f"{name}{index}"))

    def _is_label(self, i: int) -> bool:
        """`^{(1)}`, `^{[1]}`: a bracketed superscript labels a name."""
        begin, stop = i + 1, self.extents.argument[i + 1]
        if self.kind(i) != "^" or self.kind(begin) != "{":
            return False
        return (
            self.kind(begin + 1) == "open"
            and self.pairs[begin + 1] == stop - 2
            and index_text(self.lexemes, self.pairs, self.extents, i) is not None
        )

    def _no_index(self, script: int, after: int) -> ParseError:
        letters = "".join(c for c in self.typed(script, after) if c.isalnum()) or "1"
        return refuse(
            "an index is made of letters and numbers",
            self.span(script, after),
            "an index only tells names apart; it is not computed with",
            self.instead(script, after, f"_{{{letters}}}"),
            self.instead(script, after, "_{1}"),
        )

    def _splits_digits(self, after: int) -> bool:
        """`x_12`, `x^10`: TeX takes the first digit alone."""
        return self.kind(after) == self.kind(after - 1) == "digit" and self.lexemes[after].start == self.end_of(after)

    def _one_digit(self, script: int, after: int) -> ParseError:
        stop = self.extents.atom[after]
        sign, digits = self.typed(script), self.typed(after - 1, stop)
        return refuse(
            "where the script ends is not clear",
            self.span(script, stop),
            "LaTeX takes the first digit alone",
            self.instead(script, stop, f"{sign}{{{digits}}}"),
            self.instead(after, stop, f" \\cdot {digits[1:]}"),
        )

    def _two_exponents(self, i: int, script: int, after: int) -> ParseError:
        return refuse(
            "two superscripts on one letter",
            self.span(script, after),
            "",
            self.instead(i, script, f"({self.typed(i, script)})"),
            self.instead(script, after, ""),
        )

    def _euler(self, i: int, script: int) -> ParseError:
        after = self.extents.argument[script + 1]
        inside = self.typed(script + 1, after)
        inside = inside[1:-1] if self.kind(script + 1) == "{" else inside
        texts = [self.instead(i, after, f"{f}({inside})") for f in ("\\exp", "\\operatorname{expm}")]
        return ParseError(
            "whether e is the base of the logarithms is not clear",
            self.span(i),
            fixes=[Fix(texts[0]), Fix(texts[1]), Fix(declare=("e: scalar",))],
        )

    def _refuse_call(self, i: int, bracket: int, name: str) -> None:
        """A letter before a bracket: `f(x)`; of the capitals, which stand for matrices, those before a bracket that holds one name."""
        close = self.pairs[bracket]
        alone = (
            self.kind(bracket + 1) in ("name", "command", "word")
            and self.extents.operand[bracket + 1] == close
            and base_at(self.lexemes, self.pairs, self.extents, bracket + 1) is not None
        )
        letter = name.partition("_")[0]
        if self.calls.is_variable(name) or self.lexemes[bracket].value == ">" or self.calls.resolve(name) is not None:
            return
        if name[0].isupper() and not alone and letter not in DOUBTFUL_BEFORE_BRACKET:
            return
        shown, inside = self.typed(i, bracket), self.typed(bracket, close + 1)
        before, behind = DOUBTFUL_BEFORE_BRACKET.get(letter, ("", ""))
        fixes = [Fix(self.instead(i, close + 1, f"{before}{inside}{behind}"), note="a function")] if before else []
        fixes.append(Fix(self.instead(i, close + 1, f"{shown} \\cdot {inside}"), note="a product"))
        raise ParseError(
            f"whether {shown} is a function or a factor is not clear",
            self.span(i, bracket),
            detail="unknown functions are not differentiated; a product is written with \\cdot",
            fixes=fixes,
        )

    # ---------------------------------------------------------------- superscripts and subscripts
    def _mark(self, i: int) -> str | None:
        """What a superscript marks: T, -T, +, H; None if it is an exponent."""
        begin, stop = i + 1, self.extents.argument[i + 1]
        while self.kind(begin) == "{" and self.pairs[begin] == stop - 1:
            begin, stop = begin + 1, stop - 1
        minus = self.kind(begin) == "-"
        begin += minus
        if begin >= stop:
            return None
        lexeme = self.lexemes[begin]
        if lexeme.kind == "+" and stop == begin + 1 and not minus:
            return "+"
        base = base_at(self.lexemes, self.pairs, self.extents, begin)
        letter = lexeme.value if lexeme.kind == "command" and stop == begin + 1 else base.word if base and base.end == stop else None
        if letter in commands.TRANSPOSES and not (letter == "T" and lexeme.kind == "name" and self.calls.is_variable("T")):
            return "-T" if minus else "T"
        if letter == "H" and not minus and not self.calls.is_variable("H"):
            return "H"
        return None

    def _superscript(self, i: int) -> int:
        start, stop = self.lexemes[i].start, self.extents.argument[i + 1]
        if i + 1 >= len(self.lexemes):
            raise refuse("the superscript is missing", self.span(i), "", self.instead(i, i + 1, ""))
        if self._splits_digits(stop) and stop - i == 2:
            raise self._one_digit(i, stop)
        if self.kind(stop) == "^":
            raise self._two_exponents(i, stop, self.extents.argument[stop + 1])
        end = self.end_of(stop)
        mark = self._mark(i)
        if mark is not None:
            if self.lexemes[stop - 1].value == "T" or self.lexemes[stop - 1].value in ("T", "H") or mark == "H":
                self.note(f"^{mark[-1]} is read as the transpose")
            self.add("sup", "T" if mark == "H" else mark, start, end)
            return stop
        begin, inner = i + 1, stop
        if self.kind(begin) == "{":
            begin, inner = begin + 1, stop - 1
        if inner - begin == 1:
            self._refuse_mark(i, begin, stop)
        if begin == inner:
            raise refuse("the superscript is empty", (start, end), "", self.instead(i, stop, ""))
        elementwise = self.kind(begin) == "command" and self.lexemes[begin].value in ("odot", "circ") and inner - begin > 1
        self.add("**" if elementwise else "^", None, start, self.lexemes[begin].end if elementwise else self.lexemes[i].end)
        if elementwise:
            self.skips[begin] = begin + 1
        self._argument(i + 1, stop)
        return i + 1

    def _refuse_mark(self, i: int, begin: int, stop: int) -> None:
        """Signs above a letter that mean different things to different people."""
        lexeme = self.lexemes[begin]
        value = "*" if lexeme.kind == "*" else lexeme.value if lexeme.kind == "command" else None
        if value in ("*", "star", "ast"):
            raise refuse(
                "what the star means is not clear",
                self.span(i, stop),
                "the transpose, or another variable",
                self.instead(i, stop, "^\\top"),
                self.instead(i, stop, "_{\\star}"),
            )
        if value in ("dagger", "ddagger", "dag"):
            raise refuse(
                "what the dagger means is not clear",
                self.span(i, stop),
                "the pseudo-inverse, or the transpose",
                self.instead(i, stop, "^{+}"),
                self.instead(i, stop, "^\\top"),
            )
        if value in ("perp", "circ", "odot", "infty", "bot", "ell"):
            raise refuse(
                "this superscript is no exponent", self.span(i, stop), "", self.instead(i, stop, ""), self.instead(i, stop, "_{1}")
            )

    def _argument(self, i: int, stop: int, after: tuple[Token, ...] = ()) -> None:
        """Bracket what stands from i to before stop, and say `after` behind it."""
        if i >= stop:
            last = self.lexemes[min(i, len(self.lexemes)) - 1]
            raise refuse(
                f"an argument is missing after {self.text[last.start : last.end]}",
                (last.start, last.end),
                "",
                spliced(self.text, (last.start, last.end), ""),
                self.text[: last.end] + "{x}" + self.text[last.end :],
            )
        start, end = self.span(i, stop)
        braced = self.kind(i) == "{" and self.pairs[i] == stop - 1
        if braced:
            self.silent |= {i, stop - 1}
        opening = ("{(", None, start + braced, start + braced)
        self.later(stop, [(")", None, end - braced, end - braced), *after])
        if i in self.due:
            self.due[i].append(opening)
        else:
            self.due[i] = [opening]

    def _is_slice(self, i: int) -> bool:
        """`_{[1:, 0]}`: what matcalc prints for a part of a matrix."""
        return self.kind(i + 1) == "{" and self.kind(i + 2) == "open" and self.lexemes[i + 2].value == "]"

    def _subscript(self, i: int) -> int:
        """A subscript on what is no name."""
        stop = self.extents.argument[i + 1]
        if not self._is_slice(i):
            raise refuse("a subscript belongs to a name or to a norm", self.span(i, stop), "", self.instead(i, stop, ""))
        for j in range(i + 2, stop - 1):
            lexeme = self.lexemes[j]
            if lexeme.kind == "digit":
                if self.kind(j - 1) != "digit":
                    after = self.extents.atom[j]
                    self.add("number", number_at(self.typed(j, after), 0, self.limits)[0], *self.span(j, after))
            else:
                kind = {"open": "[", "close": "]"}.get(lexeme.kind, lexeme.kind)
                self.add(kind, lexeme.value if kind == "name" else None, lexeme.start, lexeme.end)
        return stop

    def _prime(self, i: int) -> int:
        self.add("'", None, *self.span(i))
        return i + 1

    # ---------------------------------------------------------------- groups, brackets, bars
    def _group(self, i: int) -> int:
        """Braces that hold no argument: TeX shows nothing of them."""
        if i in self.silent:
            return i + 1
        close = self.pairs[i]
        marked = self.kind(close + 1) in ("^", "_", "'", "sup")
        single = self.extents.begins_operand(i + 1) and self.extents.operand[i + 1] == close
        self.silent |= {i, close}
        if close > i + 1 and marked:
            if not single:
                inside = self.text[self.lexemes[i].end : self.lexemes[close].start]
                raise refuse(
                    "what the script belongs to is not clear",
                    self.span(close + 1),
                    "braces are not seen; brackets are",
                    self.instead(i, close + 1, f"({inside})"),
                    self.instead(i, close + 1, inside),
                )
            self.silent -= {i, close}
            self._argument(i, close + 1)
            self.tokens += self.due.pop(i)
        return i + 1

    def _closed_group(self, i: int) -> int:
        return i + 1

    def _open(self, i: int) -> int:
        start, end = self.span(i)
        if self.lexemes[i].value == ">":
            return self._inner_product(i)
        plain = bool(self.tokens) and self.tokens[-1][0] == "name" and self.lexemes[i].value == ")"
        self.add(
            "(" if plain or not self.tokens or self.tokens[-1][0] != "name" or self._called(self.tokens[-1][1]) else "{(", None, start, end
        )
        return i + 1

    def _called(self, name: str) -> bool:
        return self.calls.resolve(name) is not None

    def _close(self, i: int) -> int:
        self.add(")", None, *self.span(i))
        return i + 1

    def _inner_product(self, i: int) -> int:
        r"""`\langle X, Y \rangle` is tr(X.T @ Y)."""
        close = self.pairs[i]
        commas, j = [], i + 1
        while j < close:
            if self.kind(j) == ",":
                commas.append(j)
            j = self.pairs[j] + 1 if j in self.pairs else j + 1
        if len(commas) != 1:
            inside = self.text[self.lexemes[i].end : self.lexemes[close].start]
            raise refuse(
                "an inner product has two arguments",
                self.span(i, close + 1),
                "for example \\langle x, y \\rangle",
                self.instead(i, close + 1, f"\\langle {inside.replace('|', ',', 1)} \\rangle"),
                self.instead(i, close + 1, f"({inside})"),
            )
        start, end = self.span(i)
        comma, closing = self.span(commas[0]), self.span(close)
        self.tokens += [("name", "tr", start, end), ("(", None, start, end), ("{(", None, start, end)]
        self.skips[commas[0]] = commas[0] + 1
        self.later(commas[0], [(")", None, *comma), ("sup", "T", *comma), ("@", None, *comma), ("{(", None, comma[1], comma[1])])
        self.skips[close] = close + 1
        self.later(close, [(")", None, *closing), (")", None, *closing)])
        return i + 1

    def _bar(self, i: int) -> int:
        if i not in self.pairs:
            return i + 1  # what closes was said by _open_bar
        return self._open_bar(i, self.lexemes[i].value)

    def _open_bar(self, i: int, kind: str, start: int | None = None) -> int:
        """Bars and the index behind them, which says what norm they are; `kind` may be `log|`."""
        close = self.pairs[i]
        begin, end = self.span(i)
        closing = self.span(close)
        index, script = self._norm_index(close)
        inside = ("{(", None, end, end)
        behind: list[Token] = [(")", None, closing[0], closing[0])]
        if index is None or index in NORMS:
            self.tokens += [(kind, None, begin if start is None else start, end), inside]
            behind.append((self.lexemes[i].value, None, *closing))
            if index is not None:
                behind.append(("sub", NORMS[index], *self.span(script, self.skips[script])))
        else:
            name = NORMS_OF_MATRICES.get(index, "norm")
            self.tokens += [("name", name, begin, end), ("(", None, begin, end), inside]
            if name == "norm":
                what: Token = (
                    ("name", index, *self.span(script + 1))
                    if not index.isdigit()
                    else ("number", Fraction(int(index)), *self.span(script + 1))
                )
                behind += [(",", None, *closing), what]
            behind.append((")", None, closing[0], self.end_of(self.skips[script])))
        self.later(close, behind)
        return i + 1

    def _norm_index(self, close: int) -> tuple[str | None, int]:
        r"""The index of bars, also behind an exponent, `\|x\|^2_2`, and where it stands; it will be skipped."""
        script = close + 1
        if self.kind(script) == "^":
            script = self.extents.argument[script + 1]
        if self.kind(script) != "_":
            return None, script
        after = self.extents.argument[script + 1]
        self.skips[script] = after
        content = [x for x in self.lexemes[script + 1 : after] if x.kind not in ("{", "}")]
        if len(content) == 1 and content[0].value == "infty":
            return "infty", script
        index = index_text(self.lexemes, self.pairs, self.extents, script)
        short = index is not None and (
            index in NORMS
            or index in NORMS_OF_MATRICES
            or (index.isdigit() and 0 < int(index[:9]) < 10**6)
            or (len(content) == 1 and index.islower() and content[0].kind != "word")
        )
        if not short:
            raise self._unknown_norm(close, script, after)
        return index, script

    def _unknown_norm(self, close: int, script: int, after: int) -> ParseError:
        begin = next(b for b, c in self.pairs.items() if c == close)
        inside = self.text[self.lexemes[begin].end : self.lexemes[close].start].strip()
        weight = self.typed(script + 1, after)
        weight = weight[1:-1] if weight.startswith("{") else weight
        squared = self.typed(close + 1, script) in ("^2", "^{2}") or self.typed(after, self.extents.argument[after + 1]) in ("^2", "^{2}")
        whole = self.extents.scripts[after] if squared else after
        weighted = f"({inside})^\\top {weight} ({inside})"
        return refuse(
            "which norm is meant is not clear",
            self.span(script, after),
            "norms: \\|x\\|, \\|x\\|_1, \\|x\\|_\\infty, \\|x\\|_p, \\|X\\|_F, \\|X\\|_*",
            self.instead(begin, whole, weighted if squared else f"\\sqrt{{{weighted}}}"),
            self.instead(script, after, ""),
        )

    # ---------------------------------------------------------------- commands
    def _command(self, i: int) -> int:
        lexeme = self.lexemes[i]
        word, start, end = lexeme.value, lexeme.start, lexeme.end
        if word in commands.SIGNS:
            self.add(commands.SIGNS[word], None, start, end)
            return i + 1
        if word in commands.FRACTIONS:
            return self._fraction(i)
        if word == "sqrt":
            return self._root(i)
        if word in ("norm", "abs"):
            return self._macro(i)
        if self.function_at(i) is not None:
            return self._call(i, str(self.function_at(i)))
        base = base_at(self.lexemes, self.pairs, self.extents, i)
        if base is not None:
            return self._styled(i, base.word)
        if word in commands.STYLES:
            return self._style(i)
        raise self._no_command(i)

    def _styled(self, i: int, word: str) -> int:
        style, name = self.lexemes[i].value, word
        if style == "mathbb" and (name in "RNZCQ" or name in ("E", "P")):
            raise self._no_command(i)
        return self._name(i)

    def _style(self, i: int) -> int:
        r"""`\mathbf{1}`, `\mathbf{Ax}`."""
        stop = self.extents.argument[i + 1]
        inside = [x for x in self.lexemes[i + 1 : stop] if x.kind not in ("{", "}")]
        if len(inside) == 1 and inside[0].kind == "digit" and inside[0].value in "01":
            if self.kind(stop) == "open":
                raise refuse("an indicator is not supported", self.span(i, stop), "", self.instead(i, stop, ""))
            return self._constant(i, stop, "ones" if inside[0].value == "1" else "zeros")
        content = self.text[self.lexemes[i + 1].start : self.end_of(stop)] if i + 1 < len(self.lexemes) else ""
        content = content[1:-1] if content.startswith("{") else content
        letters = "".join(f"\\{self.lexemes[i].value}{{{c}}}" if c.isalpha() else c for c in content)
        raise refuse(
            "a style stands around one letter", self.span(i, stop), "", self.instead(i, stop, letters), self.instead(i, stop, content)
        )

    def _no_command(self, i: int) -> MatcalcError:
        word, span = self.lexemes[i].value, self.span(i)
        if word == "mathbb":
            stop = self.extents.argument[i + 1]
            expectation = self.typed(i, stop)[-3:].strip("{} ").endswith(("E", "P"))
            detail = commands.REFUSED["E"] if expectation else commands.SET
            kind: type[MatcalcError] = NotSupported if expectation else ParseError
            return kind(
                f"{self.typed(i, stop)} is not read",
                self.span(i, stop),
                detail=detail,
                fixes=[Fix(self.instead(i, self.extents.scripts[stop], ""), note="without it"), Fix(self.text[: span[0]])],
            )
        why = commands.REFUSED.get(word)
        if why is not None:
            stop = self.extents.scripts[i + 1] if self.kind(i + 1) in ("^", "_") else i + 1
            without = self.instead(i, stop, "")
            kind = NotSupported if word in commands.UNSUPPORTED else ParseError
            note = "one term alone" if word == "sum" else "without it"
            fixes = [Fix(without.strip(), note=note), Fix(self.text[: span[0]].rstrip(), note="what stands before it")]
            error = kind(f"\\{word} is not part of any expression here", span, detail=why, fixes=fixes)
            error.shown = 1
            return error
        known = commands.WORDS | set(commands.FUNCTIONS) | set(self.calls.all_names())
        close = nearest(word, {w for w in known if len(w) > 1})
        macro = word[1:] if len(word) > 1 and word[0] in "bv" else ""  # \bx, \vx: what papers define for bold letters
        meant = (
            [f"\\mathbf{{{macro}}}" if len(macro) == 1 else f"\\boldsymbol{{\\{macro}}}"] if len(macro) == 1 or macro in GREEK_NAMES else []
        )
        meant += [f"\\{close}" if close in commands.WORDS else f"\\operatorname{{{close}}}"] if close else []
        return UnknownName(
            f"unknown command \\{word}",
            span,
            detail="commands that a paper defines for itself are not known here",
            fixes=[Fix(spliced(self.text, span, choice)) for choice in [*meant, f"\\mathit{{{word}}}"]],
        )

    def _fraction(self, i: int) -> int:
        first = i + 1
        second = self.extents.argument[first]
        stop = self.extents.argument[second]
        if self._is_derivative(first, second):
            raise NotSupported(
                "a derivative is not part of an expression",
                self.span(i, stop),
                detail=commands.DERIVATIVE,
                fixes=[Fix(self.instead(i, stop, ""))],
            )
        start, end = self.span(i)
        self.add("{(", None, start, end)
        self._argument(first, second, (("frac", None, self.end_of(second), self.end_of(second)),))
        if second >= stop:
            raise refuse(
                "a fraction has two arguments",
                self.span(i, second),
                "",
                self.instead(i, second, self.typed(first, second)),
                self.text[: self.end_of(second)] + "{2}" + self.text[self.end_of(second) :],
            )
        self._argument(second, stop, ((")", None, self.end_of(stop), self.end_of(stop)),))
        return i + 1

    def _is_derivative(self, first: int, second: int) -> bool:
        r"""`\frac{d f}{d x}`, `\frac{\partial}{\partial x}`."""
        below = [x for x in self.lexemes[second : self.extents.argument[second]] if x.kind != "{"][:2]
        above = [x for x in self.lexemes[first:second] if x.kind != "{"][:1]
        signs = [x.value for x in (*above, *below[:1])]
        return len(signs) == 2 and signs[0] == signs[1] and signs[0] in ("d", "partial") and len(below) == 2 and below[1].kind != "}"

    def _root(self, i: int) -> int:
        start, end = self.span(i)
        argument, after = i + 1, [(")", None)]
        degree: Fraction | None = None
        if self.extents.opens(argument) and self.lexemes[argument].value == "]":
            close = self.pairs[argument]
            digits = self.text[self.lexemes[argument].end : self.lexemes[close].start].strip()
            if not digits.isdigit() or int(digits[:9]) == 0:
                raise refuse(
                    "the degree of a root is a whole number",
                    self.span(argument, close + 1),
                    "",
                    spliced(self.text, self.span(argument, close + 1), ""),
                )
            degree = Fraction(int(digits[:9]))
            self.skips[argument] = close + 1
            argument = close + 1
        stop = self.extents.argument[argument]
        del after
        if degree is None:
            self.doubtful.add(start)
            self.add("name", "sqrt", start, end)
            self.add("(", None, end, end)
            self._argument(argument, stop, ((")", None, self.end_of(stop), self.end_of(stop)),))
        else:
            at = self.end_of(stop)
            self._argument(
                argument,
                stop,
                (
                    ("^", None, at, at),
                    ("{(", None, at, at),
                    ("number", Fraction(1), at, at),
                    ("/", None, at, at),
                    ("number", degree, at, at),
                    (")", None, at, at),
                ),
            )
        return i + 1

    def _macro(self, i: int) -> int:
        r"""`\norm{x}`, `\abs{x}`, as many papers define them."""
        bars = "||" if self.lexemes[i].value == "norm" else "|"
        stop = self.extents.argument[i + 1]
        start, end = self.span(i)
        index, script = self._norm_index(stop - 1)
        self.add(bars, None, start, end)
        behind: list[Token] = [(bars, None, self.end_of(stop), self.end_of(stop))]
        if index is not None and index not in NORMS:
            raise self._no_command(i)
        if index is not None:
            behind.append(("sub", NORMS[index], *self.span(script, self.skips[script])))
        self._argument(i + 1, stop, tuple(behind))
        return i + 1

    # ---------------------------------------------------------------- functions
    def _word(self, i: int) -> int:
        lexeme = self.lexemes[i]
        word = lexeme.value
        if not word:
            return i + 1
        if word == "where":
            self.add("name", "where", lexeme.start, lexeme.end)
            return i + 1
        following = base_at(self.lexemes, self.pairs, self.extents, i + 1) if word == "d" and i + 1 < len(self.lexemes) else None
        if following is not None:  # \mathrm{d}X
            self.add("name", f"d{following.word}", lexeme.start, self.end_of(following.end))
            return following.end
        function = self.function_at(i)
        if function is not None:
            return self._call(i, function)
        if word in ("E", "Var", "Cov", "P") and lexeme.side != "typed":
            raise NotSupported(
                f"{word} is not supported", self.span(i), detail=commands.REFUSED["E"], fixes=[Fix(self.instead(i, i + 1, ""))]
            )
        if base_at(self.lexemes, self.pairs, self.extents, i) is None:
            without = self.text[: lexeme.start].rstrip()
            raise refuse("words are not part of an expression", self.span(i), "", without, self.instead(i, i + 1, ""))
        return self._name(i)

    def _call(self, i: int, function: str) -> int:
        """A function with its argument: in brackets, or the operand behind it, if that is clear."""
        start, end = self.span(i)
        argument = self.extents.after_scripts_of_function(i)
        stop = self.extents.atom[i]
        marks = self._function_scripts(i, argument, function)
        inner = self.function_at(argument) if argument < len(self.lexemes) else None
        if (
            argument == i + 1
            and (function, inner) in commands.COMPOUND
            and self.extents.after_scripts_of_function(argument) == argument + 1
        ):
            function = commands.COMPOUND[(function, str(inner))]
            end, argument = self.lexemes[argument].end, argument + 1
        if self.extents.opens(argument) or not self.extents.begins_operand(argument):
            if marks and argument < len(self.lexemes):
                self.later(stop, marks)
            self.add("name", function, start, end)
            return argument
        if self.lexemes[argument].value == ">" or stop == argument:
            stop = self.extents.operand[argument]
        self._refuse_open_end(i, argument, stop)
        at = self.end_of(stop)
        bars = self.kind(argument) == "bar" and self.lexemes[argument].value == "|" and self.extents.atom[argument] == stop
        if function == "log" and bars and not marks and self.kind(self.pairs[argument] + 1) != "_":
            return self._open_bar(argument, "log|", start)
        self.add("name", function, start, end)
        self.add("(", None, end, end)
        self.later(stop, [(")", None, at, at), *marks])
        if self.kind(argument) == "{":
            self._refuse_braces(i, argument)
        return argument

    def _function_scripts(self, i: int, argument: int, function: str) -> list[Token]:
        r"""`\sin^2 x`, `\exp_\odot(X)`: what stands between a function and its argument."""
        marks: list[Token] = []
        entries = False
        script = i + 1
        while script < argument:
            after = self.extents.argument[script + 1]
            inside = self.typed(script + 1, after).strip("{} ")
            span = self.span(script, after)
            if inside in ("\\odot", "\\circ"):
                entries = True
            elif self.kind(script) == "^" and self._mark(script) == "T":
                marks.append(("sup", "T", *span))
            elif self.kind(script) == "^" and inside.isdigit() and len(inside) <= 3 and not marks:
                entrywise = any(s.elementwise for s in self.calls.language.signatures.get(function, ()))
                marks += [("**" if entrywise else "^", None, *span), ("number", Fraction(int(inside)), *span)]
            else:
                raise self._script_of_function(i, script, after, argument, inside, function)
            script = after
        if not entries:
            self.doubtful.add(self.lexemes[i].start)
        return marks

    def _script_of_function(self, i: int, script: int, after: int, argument: int, inside: str, function: str) -> ParseError:
        stop = self.extents.atom[i]
        word, operand = self.typed(i), self.typed(argument, stop) if argument < stop else "(x)"
        operand = operand if operand.startswith(("(", "\\left")) else f"({operand})"
        texts = []
        if function == "log" and self.kind(script) == "_":
            base = inside if inside else "2"
            texts.append(self.instead(i, stop, f"\\frac{{{word}{operand}}}{{{word}({base})}}"))
        elif inside == "-1":
            texts += [
                self.instead(i, stop, f"({word}{operand})^{{-1}}"),
                self.instead(i, stop, f"\\operatorname{{arc{word[1:]}}}{operand}"),
            ]
        texts += [self.instead(script, after, ""), self.instead(i, argument, "")]
        return refuse(
            "this script on a function is not read",
            self.span(script, after),
            commands.OPTIMUM if function in ("max", "min") else "",
            *texts,
        )

    def _refuse_open_end(self, i: int, argument: int, stop: int) -> None:
        r"""`\operatorname{tr} A B` may be tr(A B) or tr(A) B."""
        kind = self.kind(stop)
        goes_on = (
            self.extents.begins_operand(stop)
            or kind in ("/", "*", "@")
            or (kind == "command" and self.lexemes[stop].value in commands.SIGNS)
        )
        if not goes_on or (kind == "word" and self.lexemes[stop].value == "where"):
            return
        last = stop
        while (
            self.extents.begins_operand(last)
            or self.kind(last) in ("/", "*", "@")
            or (self.kind(last) == "command" and self.lexemes[last].value in commands.SIGNS)
        ):
            last = self.extents.operand[last] if self.extents.begins_operand(last) else last + 1
            if self.lexemes[last - 1].value == "where":
                break
        first = argument  # behind the last of several functions
        while (
            first < stop and self.function_at(first) is not None and not self.extents.opens(self.extents.after_scripts_of_function(first))
        ):
            first = self.extents.after_scripts_of_function(first)
        raise refuse(
            f"where the argument of {self.typed(i)} ends is not clear",
            self.span(i),
            "bracket the argument",
            self.instead(first, last, f"({self.typed(first, last)})"),
            self.instead(argument, stop, f"({self.typed(argument, stop)})"),
        )

    def _refuse_braces(self, i: int, argument: int) -> None:
        r"""`\log{1 + x}` is set as log 1 + x."""
        close = self.pairs[argument]
        if self.extents.begins_operand(argument + 1) and self.extents.operand[argument + 1] == close:
            return
        inside = self.text[self.lexemes[argument].end : self.lexemes[close].start]
        raise refuse(
            f"where the argument of {self.typed(i)} ends is not clear",
            self.span(argument, close + 1),
            "braces are not seen; brackets are",
            self.instead(argument, close + 1, f"({inside})"),
        )


FUNCTION_COMMANDS = "det log ln exp tr Tr sin cos tan sinh cosh tanh max min".split()
STEPS = {
    "name": Translator._name,
    "digit": Translator._digits,
    "word": Translator._word,
    "command": Translator._command,
    "{": Translator._group,
    "}": Translator._closed_group,
    "open": Translator._open,
    "close": Translator._close,
    "bar": Translator._bar,
    "^": Translator._superscript,
    "_": Translator._subscript,
    "'": Translator._prime,
}
