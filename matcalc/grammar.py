"""Tokens to a tree: operator precedence with a stack of its own, so that no depth of the text reaches Python's.

    sum      product (+ | -) product ...
    product  signed (@ | * | / | \\ | juxtaposed) signed ...         one level, left to right
    signed   - signed  |  power
    power    postfix ** signed  |  postfix ^ signed                  to the right
    postfix  operand .T ' superscript [index] .method(...)

The nodes of the tree are listed children first (`Grammar.nodes`), so every later pass is a loop over that list. What the
shapes must decide is left open: a product holds its operator tokens, `^` and bars and calls are resolved in shapes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from . import misread
from .calls import Calls, finish_call
from .errors import Fix, ParseError, Span
from .limits import Limits
from .names import canonical
from .selectors import read_selectors
from .syntax import Node
from .tokens import Token, integer

PRODUCT_SIGNS = frozenset(["@", "*", "/", "\\", "·", "×", "⊙", "⊗", ".*", "./", ".\\", "frac"])
SIGNS = {".*": "*", "./": "/"}
MATLAB_SIGNS = {"*": "*@", "/": "//", ".*": "*", "./": "/"}
CLOSERS = frozenset([")", "]", "}", "end", ";"])
OPENING = frozenset(["(", "{(", "log|", "name", "number"])  # "{(" is a bracket that only a reading sees; "log|" begins log|X|
SPOKEN = {"end": "the expression ends", "sup": "a superscript", "name": "a name", "number": "a number"}


class Frame:
    """An open bracket, call or pair of bars: what was read of the expression in it so far."""

    __slots__ = ("closer", "start", "begin", "terms", "signs", "factors", "ops", "pending", "call", "args", "keyword", "keywords", "bars")

    def __init__(self, closer: str, start: int, begin: int, call: str | None = None, args: list[Node] | None = None) -> None:
        self.closer, self.start, self.begin = closer, start, begin  # begin: of the whole call, start: of its bracket
        self.terms: list[Node] = []
        self.signs: list[int] = [1]
        self.factors: list[Node] = []
        self.ops: list[Token] = []
        self.pending: list[tuple[str, int, Node | None]] = []  # prefixes of the operand: ("-", column, None) or ("**", column, base)
        self.call = call
        self.args: list[Node] = args if args is not None else []
        self.keyword: Token | None = None
        self.keywords: list[tuple[Token, Node]] = []
        self.bars = "norm" if closer == "||" else "abs"


class Grammar:
    """One reading of a list of tokens; `nodes` has every node, children first."""

    def __init__(
        self, text: str, tokens: list[Token], limits: Limits, calls: Calls, definitions: frozenset[str] = frozenset(), matlab: bool = False
    ) -> None:
        self.text, self.tokens, self.limits, self.calls = text, tokens, limits, calls
        self.definitions, self.matlab = definitions, matlab
        self.nodes: list[Node] = []
        self.notes: list[str] = []
        self.doubtful: set[int] = set()  # columns of calls that mean something else of a matrix in MATLAB
        self.spelled: dict[str, str] = {}  # names as they were first typed
        self.i = 0
        self.frames: list[Frame] = []
        self.depth = 0
        self.chain = 0  # postfix operators on one operand
        self.bracketed: Node | None = None  # what the bracket that was closed last held
        self.result: Node | None = None

    def expression(self) -> Node:
        """The expression that begins at the current token and ends at `end`, `;` or `where`."""
        self.frames = [Frame("end", self.tokens[self.i][2], self.tokens[self.i][2])]
        self.depth, self.result = 0, None
        node: Node | None = None
        while self.result is None:
            kind = self.tokens[self.i][0]
            if node is None:
                handler = PREFIX.get(kind)
                node = handler(self, self.tokens[self.i]) if handler else misread.no_operand(self)
            else:
                node = INFIX.get(kind, misread.stray)(self, node, self.tokens[self.i])
        return self.result

    def make(self, kind: str, children: Iterable[Node], data: Any, start: int, end: int, axis: int | None = None) -> Node:
        node = Node(kind, children, data, (start, end), axis)
        self.nodes.append(node)
        return node

    # ---------------------------------------------------------------- operands
    def _name(self, token: Token) -> Node | None:
        self.i += 1
        self.chain = 0
        word, start, end = token[1], token[2], token[3]
        following = self.tokens[self.i][0]
        if word == "where":
            self.i -= 1
            return misread.no_operand(self)
        if word in self.definitions:
            return self.make("ref", (), word, start, end)
        if word[0] == "_" or (word in misread.WORDS_OF_CODE and not self.calls.is_variable(word)):
            raise misread.no_name(self, token)
        if following in OPENING and misread.is_indexed(word) and not self.calls.is_variable(word):
            raise misread.indexed(token)
        if following == "." and self.calls.is_module(word) and self.tokens[self.i + 1][1] != "T":  # np.T is a variable, transposed
            return self._module(token)
        if following == "(":
            function = self.calls.function_before_bracket(self, token)
            if function is not None:
                return self._open_call(function, start)
        elif self.calls.is_function(word):
            raise self.calls.function_without_bracket(self, token)
        if word == "pi" and not self.calls.is_variable("pi"):
            return self.make("pi", (), None, start, end)
        if word not in self.spelled:
            typed = self.text[start:end]
            self.spelled[word] = typed if canonical(typed) == word else word
        return self.make("name", (), word, start, end)

    def _module(self, token: Token) -> Node | None:
        """`np.linalg.inv(...)`: the modules are left out."""
        start = token[2]
        while self.tokens[self.i][0] == "." and self.tokens[self.i + 1][0] == "name":
            token = self.tokens[self.i + 1]
            self.i += 2
        if self.tokens[self.i][0] != "(":
            if token[1] == "pi":
                return self.make("pi", (), None, start, token[3])
            if token[1] == "inf" and self.frames[-1].call == "norm":
                return Node("name", (), "inf", (start, token[3]))
            raise ParseError(
                f"'{self.text[start : token[3]]}' is no function call",
                (start, token[3]),
                detail="for example np.linalg.inv(X)",
                fixes=[Fix(self.splice((start, token[3]), "x")), Fix(self.splice((start, token[3]), "X"))],
            )
        return self._open_call(self.calls.function_of_module(self, token, start), start)

    def _open_call(self, function: str, start: int, first: Node | None = None) -> Node | None:
        opened = self.tokens[self.i]
        self.i += 1
        if function in self.calls.constructors and first is None:
            return self.calls.constructor(self, function, start)
        self._push(Frame(")", opened[2], start, function, [first] if first else []))
        self._keyword()
        return self._empty_call() if self.tokens[self.i][0] == ")" else None

    def _empty_call(self) -> Node:
        frame = self.frames.pop()
        self.depth -= 1
        closing = self.tokens[self.i]
        self.i += 1
        return finish_call(self, frame.call or "", frame.args, frame.keywords, (frame.begin, closing[3]))

    def _keyword(self) -> None:
        """`axis=` before an argument."""
        if self.tokens[self.i][0] == "name" and self.tokens[self.i + 1][0] == "=":
            self.frames[-1].keyword = self.tokens[self.i]
            self.i += 2

    def _number(self, token: Token) -> Node:
        self.i += 1
        self.chain = 0
        return self.make("number", (), token[1], token[2], token[3])

    def _minus(self, token: Token) -> None:
        self.i += 1
        self._deeper(token)
        self.frames[-1].pending.append(("-", token[2], None))

    def _plus(self, token: Token) -> None:
        self.i += 1

    def _open(self, token: Token) -> None:
        self.i += 1
        closer = {"(": ")", "{(": ")", "{": "}", "|": "|", "||": "||", "log|": "|"}[token[0]]
        pending = self.frames[-1].pending
        if closer == "}" and not (pending and any(p[0] == "^" for p in pending)):
            raise ParseError(
                "braces are used after ^ only", (token[2], token[3]), fixes=[Fix(self.text.replace("{", "(").replace("}", ")"))]
            )
        self._push(Frame(closer, token[2], token[2]))
        if token[0] == "log|":
            self.frames[-1].bars = "logabs"

    def _list(self, token: Token) -> None:
        closing = self.text.find("]", token[2]) + 1 or len(self.text)
        inside = {t[0] for t in self.tokens if token[2] <= t[2] < closing}
        words = {t[1] for t in self.tokens if t[0] == "name"}
        free = next((f"{letter}" for letter in ("x", "v", "w", "u", "y", "z") if letter not in words), "x_0")
        raise ParseError(
            "a list of values cannot stand in an expression",
            (token[2], token[3]),
            detail="name it, and give its values where the expression is evaluated",
            fixes=[Fix(self.splice((token[2], closing), free))] if "name" not in inside else [],
        )

    def _push(self, frame: Frame) -> None:
        self._deeper(("(", None, frame.start, frame.start + 1))
        self.frames.append(frame)

    def _deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > self.limits.depth:
            raise self.limits.exceeded(
                "depth", f"the text is nested more than {self.limits.depth} deep", len(self.tokens), (token[2], token[3])
            )

    def _quoted(self, token: Token) -> Node:
        """`'fro'`, as norm takes it."""
        self.i += 1
        self.chain = 0
        if self.frames[-1].call != "norm":
            fixes = [Fix(self.splice(token[2:], self.text[token[2] + 1 : token[3] - 1]))]
            raise ParseError("text in quotes is not part of an expression", (token[2], token[3]), fixes=fixes)
        return Node("quoted", (), token[1], (token[2], token[3]))

    # ---------------------------------------------------------------- after an operand
    def _postfix(self, node: Node, token: Token) -> Node:
        """`'`, a superscript, `[...]`, `.T`, `.method(...)`."""
        self.chain += 1
        if self.chain > self.limits.depth:
            raise self.limits.exceeded(
                "depth", f"more than {self.limits.depth} operators follow one operand", len(self.tokens), (token[2], token[3])
            )
        node = self._unwind_power(node)
        kind = token[0]
        self.i += 1
        if kind == "'":
            return self.make("transpose", (node,), "'", node.start, token[3])
        if kind == "sup":
            return self._superscript(node, token)
        selectors, end = read_selectors(self, token)
        return self.make("index", (node,), selectors, node.start, end)

    def _superscript(self, node: Node, token: Token) -> Node:
        value, span = token[1], (token[2], token[3])
        if value in ("T", "-T", "+"):
            return self._marked(node, value, token[3])
        digits = value[1:] if value[0] in "+-" else value
        if not digits.isdigit():
            raise ParseError("this superscript is no exponent", span, fixes=[Fix(self.splice(span, "ᵀ"))] if "T" in value else [])
        return self.make("power", (node, self._literal(value, digits, token)), "^", node.start, token[3])

    def _literal(self, value: str, digits: str, token: Token) -> Node:
        if len(digits) > self.limits.digits:
            raise self.limits.exceeded("digits", f"a number has {len(digits)} digits", len(digits), (token[2], token[3]))
        number = self.make("number", (), Fraction(integer(digits)), token[2], token[3])
        return self.make("neg", (number,), None, token[2], token[3]) if value[0] == "-" else number

    def _marked(self, node: Node, mark: str, end: int) -> Node:
        """The transpose, inverse transpose or pseudo-inverse that `^T`, `^-T`, `^+` stand for."""
        if mark == "+":
            return self.make("call", (node,), "pinv", node.start, end)
        if mark == "-T":
            node = self.make("call", (node,), "inv", node.start, end)
        return self.make("transpose", (node,), "^T", node.start, end)

    def _attribute(self, node: Node, token: Token) -> Node | None:
        """`.T`, `.I`, `.trace()`, `.sum(axis=0)`, `.dot(x)`."""
        name = self.tokens[self.i + 1]
        if name[0] != "name":
            raise ParseError(
                "a point is followed by T or by a method",
                (token[2], token[3]),
                fixes=[Fix(self.splice((token[2], token[3]), s)) for s in (".T", " * ", "")],
            )
        node = self._unwind_power(node)
        self.chain += 1
        if self.chain > self.limits.depth:
            raise self.limits.exceeded(
                "depth", f"more than {self.limits.depth} operators follow one operand", len(self.tokens), (token[2], name[3])
            )
        word = name[1]
        called = self.tokens[self.i + 2][0] == "("
        if word in ("T", "H", "mT") and not (called and self.tokens[self.i + 3][0] == ")"):
            self.i += 2
            return self.make("transpose", (node,), ".T", node.start, name[3])
        if called and word in ("T", "t", "transpose", "H") and self.tokens[self.i + 3][0] == ")":
            self.i += 4
            return self.make("transpose", (node,), ".T", node.start, self.tokens[self.i - 1][3])
        if word == "I":
            self.i += 2
            return self.make("call", (node,), "inv", node.start, name[3])
        if not called:
            raise self.calls.unknown_attribute(self, node, token, name)
        self.i += 2
        return self._open_call(self.calls.method(self, node, name), node.start, node)

    def _power(self, node: Node, token: Token) -> Node | None:
        """`**`, `.^` and `^`: the exponent follows, unless `^` begins a mark such as ^T."""
        if token[0] == "^":
            marked = self._mark_after_caret()
            if marked is not None:
                self.chain += 1
                if marked[0] == "T":
                    self.note("^T is read as the transpose")
                self.i = marked[1]
                node = self._unwind_power(node)
                return self._marked(node, marked[0], self.tokens[marked[1] - 1][3])
        self.i += 1
        self._deeper(token)
        self.frames[-1].pending.append(("^" if token[0] == "^" else "**", token[2], node))
        return None

    def _mark_after_caret(self) -> tuple[str, int] | None:
        """The mark after `^`, as in A^T, A^{-T}, A^+, and the token after it."""
        tokens, i = self.tokens, self.i + 1
        closer = {"{": "}", "(": ")"}.get(tokens[i][0])
        braces = closer is not None
        i += braces
        minus = tokens[i][0] == "-"
        i += minus
        kind, value = tokens[i][0], tokens[i][1]
        if kind == "+" and not minus and (not braces or tokens[i + 1][0] == closer) and tokens[i + 1][0] not in ("number", "("):
            mark = "+"
        elif (kind == "name" and value == "T" and not self.calls.is_variable("T")) or (kind == "sup" and value == "T"):
            mark = "-T" if minus else "T"
        elif kind == "'" and not minus and not braces:
            mark = "T"
        else:
            return None
        if braces and tokens[i + 1][0] != closer:
            return None
        return mark, i + 1 + braces

    def _in_exponent(self) -> bool:
        return any(p[0] != "-" for p in self.frames[-1].pending)

    def _unwind_power(self, node: Node) -> Node:
        """What a mark belongs to: after a number or a bracket in an exponent, the whole power, as in X^-1.T and X^{-1}.T.

        The powers that wait for their exponent are completed; the signs before the base keep waiting.
        """
        if not self._in_exponent() or (node.kind != "number" and node is not self.bracketed):
            return node
        pending = self.frames[-1].pending
        while any(p[0] != "-" for p in pending):
            node = self._apply(pending.pop(), node)
        return node

    def _apply(self, prefix: tuple[str, int, Node | None], node: Node) -> Node:
        self.depth -= 1
        sign, start, base = prefix
        if base is None:
            return self.make("neg", (node,), None, start, node.end)
        return self.make("power", (base, node), sign, base.start, node.end)

    def _signed(self, node: Node) -> Frame:
        """Complete the operand with its prefixes; it is now a factor of the open product."""
        frame = self.frames[-1]
        while frame.pending:
            node = self._apply(frame.pending.pop(), node)
        frame.factors.append(node)
        return frame

    def _times(self, node: Node, token: Token) -> None:
        signs = MATLAB_SIGNS if self.matlab else SIGNS
        self._signed(node).ops.append((signs.get(token[0], token[0]), None, token[2], token[3]))
        self.i += 1

    def _juxtaposed(self, node: Node, token: Token) -> None:
        """Two operands side by side."""
        if token[0] == "name" and token[1] == "where" and not self.calls.is_variable("where"):
            self._close(node, token)
            return
        if token[0] == "number":
            frame = self._signed(node)
            gap = (frame.factors[-1].end, token[2])
            raise ParseError(
                "an operator is missing before a number",
                (token[2], token[3]),
                fixes=[Fix(self.splice(gap, " * ")), Fix(self.splice(gap, " + "))],
            )
        touching = misread.TOUCHING if token[0] == "name" and node.end == token[2] else None
        self._signed(node).ops.append(("", touching, token[2], token[2]))

    def _bar(self, node: Node, token: Token) -> Node | None:
        """A bar after an operand closes the bars that are open, or opens new ones."""
        frame = self.frames[-1]
        if token[0] == frame.closer:
            inner = self._finish_sum(node)
            self.frames.pop()
            self.depth -= 1
            self.i += 1
            self.chain = 0
            bars = self.make("bars", (inner,), frame.bars, frame.start, token[3])
            return self.calls.subscript(self, bars)
        if token[0] == "||" and frame.closer == "|":
            middle = token[2] + 1
            self.tokens[self.i : self.i + 1] = [("|", None, token[2], middle), ("|", None, middle, token[3])]
            return node
        self._juxtaposed(node, token)
        return None

    def _sign(self, node: Node, token: Token) -> None:
        """`+` or `-` after an operand."""
        frame = self._signed(node)
        frame.terms.append(self._finish_product(frame))
        frame.signs.append(1 if token[0] == "+" else -1)
        self.i += 1

    def _finish_product(self, frame: Frame) -> Node:
        factors, ops = frame.factors, frame.ops
        if len(factors) == 1:
            node = factors[0]
            factors.clear()
            return node
        misread.check_division(self, factors, ops)
        node = self.make("product", factors, ops, factors[0].start, factors[-1].end)
        frame.factors, frame.ops = [], []
        return node

    def _finish_sum(self, node: Node) -> Node:
        frame = self._signed(node)
        last = self._finish_product(frame)
        if not frame.terms:
            return last
        terms, signs = [*frame.terms, last], tuple(frame.signs)
        frame.terms, frame.signs = [], [1]
        return self.make("add", terms, signs, terms[0].start, last.end)

    # ---------------------------------------------------------------- brackets
    def _close(self, node: Node, token: Token) -> Node | None:
        frame = self.frames[-1]
        closer = "end" if token[0] in (";", "name") else token[0]
        if closer != frame.closer:
            raise misread.mismatch(self, frame, token)
        node = self._finish_sum(node)
        if closer == "end":
            self.result = node
            return node
        self.frames.pop()
        self.depth -= 1
        self.i += 1
        self.chain = 0
        if frame.call is None:
            node.start, node.end = frame.start, token[3]
            self.bracketed = node
            return node
        self._argument(frame, node)
        return finish_call(self, frame.call, frame.args, frame.keywords, (frame.begin, token[3]))

    def _argument(self, frame: Frame, node: Node) -> None:
        if frame.keyword is not None:
            frame.keywords.append((frame.keyword, node))
            frame.keyword = None
        else:
            frame.args.append(node)

    def _comma(self, node: Node, token: Token) -> None:
        frame = self.frames[-1]
        if frame.call is None:
            span = (token[2], token[3])
            raise self.one_fix(
                ParseError(
                    "a comma stands between the arguments of a function only",
                    span,
                    detail="definitions are separated by ';'" if self.definitions else "",
                    fixes=[Fix(self.splice(span, s)) for s in (";", ".", " @", " *", " +")],
                )
            )
        self._argument(frame, self._finish_sum(node))
        self.i += 1
        self._keyword()

    # ---------------------------------------------------------------- errors
    @staticmethod
    def one_fix(error: ParseError) -> ParseError:
        """An error whose fixes are candidates for one repair: the first that works is shown."""
        error.shown = 1
        return error

    def splice(self, span: Span, replacement: str) -> str:
        """The text with a part of it replaced."""
        return self.text[: span[0]] + replacement + self.text[span[1] :]

    def without(self, span: Span) -> str:
        """The text without a part of it, and without the blank that parted it from its left neighbour."""
        left = self.text[: span[0]]
        return (left[:-1] if left.endswith(" ") else left) + self.text[span[1] :]

    def note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


PREFIX: dict[str, Callable[[Grammar, Token], Node | None]] = {
    "name": Grammar._name,
    "number": Grammar._number,
    "-": Grammar._minus,
    "+": Grammar._plus,
    "(": Grammar._open,
    "{(": Grammar._open,
    "{": Grammar._open,
    "log|": Grammar._open,
    "|": Grammar._open,
    "||": Grammar._open,
    "[": Grammar._list,
    "quoted": Grammar._quoted,
}
INFIX: dict[str, Callable[[Grammar, Node, Token], Node | None]] = {
    "+": Grammar._sign,
    "-": Grammar._sign,
    "**": Grammar._power,
    "^": Grammar._power,
    ".^": Grammar._power,
    "'": Grammar._postfix,
    "sup": Grammar._postfix,
    "[": Grammar._postfix,
    ".": Grammar._attribute,
    "|": Grammar._bar,
    "||": Grammar._bar,
    ",": Grammar._comma,
}
INFIX |= dict.fromkeys(PRODUCT_SIGNS, Grammar._times) | dict.fromkeys(CLOSERS, Grammar._close) | dict.fromkeys(OPENING, Grammar._juxtaposed)
