"""What a name before a bracket means: a function, an operator, a product, NumPy's way to write one of them, or a mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from .dimensions import read_dimension
from .dims import Dim
from .errors import Fix, MatcalcError, NotSupported, ParseError, Span, UnknownName, nearest
from .names import is_greek
from .syntax import Language, Node
from .tokens import Token, renamed, scan

if TYPE_CHECKING:
    from .grammar import Grammar

OPERATORS = frozenset({"tr", "sum", "mean", "diag", "diagv", "kron", "vec", "eye", "ones", "zeros", "commat"})
CONSTRUCTORS = {"eye": (1, 1), "ones": (1, 2), "zeros": (1, 2), "commat": (2, 2)}  # least and most dimensions
MODULES = frozenset({"np", "numpy", "jnp", "jax", "torch", "tf", "scipy", "sp", "math", "linalg", "LA", "la", "mx", "cp"})
ALIASES = {
    "trace": "tr",
    "identity": "eye",
    "average": "mean",
    "diagonal": "diagv",
    "ln": "log",
    "amax": "max",
    "amin": "min",
    "absolute": "abs",
    "fabs": "abs",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "inverse": "inv",
    "pow": "power",
    "mm": "matmul",
    "mv": "matmul",
    "bmm": "matmul",
    "matrix_power": "mpow",
    "adjugate": "adj",
    "norm2": "norm",
}
# NumPy's functions for what has a sign of its own: name -> (sign, number of arguments)
SIGNS = {"dot": "dot", "matmul": "@", "inner": "dot", "vdot": "dot", "multiply": "*", "divide": "/", "solve": "\\", "outer": "outer",
         "times": "*", "rdivide": "/", "mtimes": "@"}
FORMS = frozenset(SIGNS) | {"add", "subtract", "power", "transpose", "negative", "plus", "minus"}
METHODS_ONLY = frozenset({"dot", "transpose", "diagonal"})
DOWN_THE_COLUMNS = frozenset(["sum", "mean", "max", "min", "norm"])  # of a matrix, MATLAB's are those of columns; its norm is the spectral
POSITIONAL_AXIS = frozenset(["sum", "mean", "max", "min"])
ELEMENTWISE_OF_TWO = {"max": "maximum", "min": "minimum"}


def _operand_end(tokens: list[Token], i: int) -> int:
    """The column after the name, number, call or bracket that begins at token i."""
    i += tokens[i][0] == "name" and tokens[i + 1][0] == "("
    depth = 0
    for kind, _, _, end in tokens[i:]:
        depth += (kind == "(") - (kind == ")")
        if depth == 0:
            return end
    return tokens[-1][3]


class Calls:
    """The functions of a language and the names that are variables in this text."""

    constructors = CONSTRUCTORS

    def __init__(self, language: Language, variables: frozenset[str], wrt: tuple[str, ...] = (),
                 sizes: frozenset[str] = frozenset()) -> None:
        self.language, self.variables, self.wrt = language, variables, wrt
        self.sizes = sizes  # the names of dimensions in declared shapes

    def is_variable(self, name: str) -> bool:
        """Whether a name is declared, known, or defined by `where`."""
        return name in self.variables

    def is_module(self, name: str) -> bool:
        return name in MODULES and name not in self.variables and name not in self.wrt

    def resolve(self, name: str) -> str | None:
        """The function that a name stands for."""
        language = self.language
        if name in language.signatures or name in OPERATORS:
            return name
        other = language.aliases.get(name) or ALIASES.get(name)
        if other is not None and (other in language.signatures or other in OPERATORS or other in FORMS):
            return other
        return name if name in FORMS else None

    def is_function(self, name: str) -> bool:
        """Whether a name can only be a function: a Greek letter, or the name of a mere NumPy form, can be a variable."""
        language = self.language
        return (
            (name in language.signatures or name in OPERATORS or name in language.aliases)
            and name not in self.variables
            and not is_greek(name)
        )

    def all_names(self) -> set[str]:
        language = self.language
        return set(language.signatures) | OPERATORS | set(language.aliases) | set(language.unsupported)

    # ---------------------------------------------------------------- names before a bracket
    def function_before_bracket(self, grammar: Grammar, token: Token) -> str | None:
        """The function that is called, or None where the name is a factor."""
        name = token[1]
        if name in self.variables:
            grammar.note(f"{name} (...) is read as a product")
            return None
        function = self.resolve(name)
        if function is not None:
            return function
        if name in self.language.unsupported:
            raise self.unsupported(grammar, token)
        if name in self.sizes or name == "pi":
            grammar.note(f"{name} (...) is read as a product")
            return None
        if name[0].isupper() and self.resolve(name.lower()) is None:
            grammar.note(f"{name} (...) is read as a product")
            return None
        raise self.unknown_function(grammar, token)

    def function_of_module(self, grammar: Grammar, token: Token, start: int) -> str:
        function = self.resolve(token[1])
        if function is not None:
            return function
        if token[1] in self.language.unsupported:
            raise self.unsupported(grammar, (token[0], token[1], start, token[3]))
        raise self.unknown_function(grammar, (token[0], token[1], start, token[3]))

    def unknown_function(self, grammar: Grammar, token: Token) -> UnknownName:
        name, span = token[1], (token[2], token[3])
        close = nearest(name, self.all_names() - set(self.language.unsupported)) or nearest(name, self.all_names())
        fixes = [Fix(grammar.splice(span, close))] if close else []
        closing = _closing(grammar.tokens, grammar.i)
        inside = [t[0] for t in grammar.tokens[grammar.i :] if closing and t[2] < closing[2]]
        if not close and "," not in inside and token[2] == grammar.tokens[grammar.i - 1][2]:
            gap = (token[3], grammar.tokens[grammar.i][2])
            fixes = [Fix(grammar.splice(gap, sign)) for sign in (" @ ", " * ")]
        return UnknownName(
            f"unknown function '{name}'",
            span,
            detail=f"did you mean {close}?" if close else "a product is written with @ or *",
            fixes=fixes,
        )

    def unsupported(self, grammar: Grammar, token: Token) -> NotSupported:
        """The error for a known name without a rule; what comes closest, if it is an expression of X, is the fix."""
        name, start, end = token[1], token[2], token[3]
        what, closest = self.language.unsupported[name]
        closing = _closing(grammar.tokens, grammar.i)
        fixes = []
        if closest and closing is not None:
            inside = grammar.text[grammar.tokens[grammar.i][3] : closing[2]].strip()
            fixes = [Fix(grammar.splice((start, closing[3]), _with_argument(closest, inside)))]
        detail = what + (f"\nwhat comes closest: {closest}" if closest else "")
        return NotSupported(f"{name} is not supported", (start, end), detail=detail, fixes=fixes)

    def function_without_bracket(self, grammar: Grammar, token: Token) -> ParseError:
        """`tr A`, or a variable that has the name of a function."""
        name, span = token[1], (token[2], token[3])
        following = grammar.tokens[grammar.i]
        fixes = []
        if following[0] in ("name", "number") and following[1] != "where":
            outer, begin, last = name, following, grammar.i
            if (self.resolve(name), self.resolve(following[1]) if following[0] == "name" else None) == ("log", "det"):
                outer, last = "logdet", last + 1
                begin = grammar.tokens[last]
            end = _operand_end(grammar.tokens, last)
            argument = grammar.text[begin[2] : end]
            fixes.append(Fix(grammar.splice((span[0], end), outer + (argument if begin[0] == "(" else f"({argument})"))))
        wrt = tuple(f"{name}_1" if w == name else w for w in self.wrt)
        fixes.append(Fix(renamed(grammar.text, grammar.tokens, name, f"{name}_1"), wrt=wrt if wrt != self.wrt else None))
        return grammar.one_fix(
            ParseError(
                f"{name} is a function: its argument goes in brackets",
                span,
                detail=f"a variable cannot have this name; {name}_1 would do",
                fixes=fixes,
            )
        )

    # ---------------------------------------------------------------- after a point
    def method(self, grammar: Grammar, node: Node, name: Token) -> str:
        function = self.resolve(name[1])
        if function is not None and function not in CONSTRUCTORS:
            return function
        if name[1] in self.language.unsupported:
            raise NotSupported(f"{name[1]} is not supported", (name[2], name[3]), detail=self.language.unsupported[name[1]][0])
        close = nearest(name[1], self.all_names() | METHODS_ONLY)
        raise UnknownName(
            f"unknown method '{name[1]}'",
            (name[2], name[3]),
            detail=f"did you mean {close}?" if close else "",
            fixes=[Fix(grammar.splice((name[2], name[3]), close))] if close else [],
        )

    def unknown_attribute(self, grammar: Grammar, node: Node, point: Token, name: Token) -> MatcalcError:
        word, span = name[1], (point[2], name[3])
        if word in ("shape", "size", "ndim"):
            return NotSupported(f".{word} is not supported", span, detail="declare the variable, x: vector(n), and write n for its size")
        fixes = [Fix(grammar.splice(span, ".T"))] if word in ("t", "transpose", "Tr") else []
        if self.resolve(word) is not None:
            fixes.append(Fix(grammar.splice(span, f".{word}()")))
        fixes += [Fix(grammar.splice((point[2], point[3]), " @ ")), Fix(grammar.splice((point[2], point[3]), " * "))]
        return ParseError(
            f"a matrix has no '.{word}'", span, detail="after a point: T, I, or a method with brackets, as in X.sum()", fixes=fixes
        )

    # ---------------------------------------------------------------- constructors and bars
    def constructor(self, grammar: Grammar, function: str, start: int) -> Node:
        """`eye(n)`, `ones(m, n)`, also `np.ones((m, n))`: a name in it is a dimension."""
        tokens, opened = grammar.tokens, grammar.tokens[grammar.i - 1]
        inner = _closing(tokens, grammar.i)  # of a tuple of dimensions, as in np.ones((m, n))
        double = inner is not None and tokens[tokens.index(inner) + 1][0] == ")"
        i = grammar.i + double
        sizes: list[Dim] = []
        nodes: list[Node] = []
        while tokens[i][0] != ")":
            first = tokens[i]
            dim, i = read_dimension(tokens, i, grammar.limits)
            if clash := next((t for t in tokens[tokens.index(first) : i] if t[0] == "name" and t[1] in grammar.definitions), None):
                raise dimension_is_defined(clash)
            sizes.append(dim)
            nodes.append(Node("size", (), dim, (first[2], tokens[i - 1][3])))
            if tokens[i][0] == ",":
                i += 1
            elif tokens[i][0] != ")":
                raise ParseError(
                    "'(' is never closed",
                    (opened[2], opened[3]),
                    (tokens[i][2], tokens[i][2]),
                    label="expected ')' here",
                    fixes=[
                        Fix(grammar.text.rstrip() + ")" * (1 + double) + "".join(f.closer for f in reversed(grammar.frames[1:]))),
                        Fix(grammar.splice((tokens[i][2], tokens[i][2]), ")")),
                    ],
                )
        i += 1 + (double and tokens[i + 1][0] == ")")
        end = tokens[i - 1][3]
        if function == "eye" and len(nodes) == 2 and sizes[0] == sizes[1]:
            nodes.pop()
        least, most = CONSTRUCTORS[function]
        if not least <= len(nodes) <= most:
            need = f"{least}" if least == most else f"{least} or {most}"
            raise ParseError(
                f"{function} takes {need} dimension{'s' if most > 1 else ''}",
                (start, end),
                fixes=[Fix(grammar.splice((start, end), f"{function}({', '.join(['n', 'n'][:least])})"))],
            )
        for node in nodes:
            if isinstance(node.data, int) and node.data < 1:
                raise ParseError("a dimension is at least 1", node.span, fixes=[Fix(grammar.splice(node.span, "1"))])
        grammar.i = i
        grammar.chain = 0
        grammar.nodes.extend(nodes)
        return grammar.make("call", nodes, function, start, end)

    def subscript(self, grammar: Grammar, bars: Node) -> Node:
        """`||x||_1`, `|x|_1`, `||X||_{F}`: which norm the bars mean."""
        tokens, i = grammar.tokens, grammar.i
        if tokens[i][0] not in ("name", "sub") or tokens[i][1][0] != "_":
            return bars
        index, end, after = tokens[i][1], tokens[i][3], i + 1
        if index == "_" and [t[0] for t in tokens[after : after + 3 : 2]] == ["{", "}"]:
            index += grammar.text[tokens[i + 2][2] : tokens[i + 2][3]]
            end, after = tokens[i + 3][3], i + 4
        which = {"_2": "norm", "_F": "norm", "_fro": "norm", "_1": "norm1", "_inf": "norminf", "_infty": "norminf"}.get(index)
        if which is None:
            inside, whole = grammar.text[bars.children[0].start : bars.children[0].end], (bars.start, end)
            raise grammar.one_fix(
                ParseError(
                    "an unknown norm",
                    (tokens[i][2], end),
                    detail="norms: ||x||, ||x||_1, ||x||_2, ||x||_inf, ||X||_F, norm(x, p)",
                    fixes=[Fix(grammar.splice(whole, f"norm({inside}, {index[1:]})"))],
                )
            )
        grammar.i = after
        bars.data, bars.end = which + index * (index == "_2"), end
        return bars


def dimension_is_defined(token: Token) -> ParseError:
    """The error for `eye(n) where n = 3`: what is defined there is a value, and what stands here is a dimension."""
    return ParseError(f"{token[1]} is defined as a value and is a dimension here", (token[2], token[3]),
                      detail=f"a dimension is a number, or a name that 'where' does not define; {token[1]}_1 would do")


def _closing(tokens: list[Token], i: int) -> Token | None:
    """The bracket that closes the one at token i."""
    depth = 0
    for token in tokens[i:] if tokens[i][0] == "(" else ():
        depth += (token[0] == "(") - (token[0] == ")")
        if depth == 0:
            return token if token[0] == ")" else None
    return None


def _with_argument(expression: str, argument: str) -> str:
    """An expression of X (or x) with X replaced by an argument as it was typed."""
    plain = argument.isidentifier()
    for _, _, start, end in reversed([t for t in scan(expression)[0] if t[0] == "name" and t[1] in ("X", "x", "A")]):
        inside = expression[start - 1 : start] == "(" and expression[end : end + 1] == ")"
        expression = expression[:start] + (argument if plain or inside else f"({argument})") + expression[end:]
    return expression


# ---------------------------------------------------------------- the end of a call
def finish_call(grammar: Grammar, function: str, args: list[Node], keywords: list[tuple[Token, Node]], span: Span) -> Node:
    """The node of a call whose arguments are read."""
    start, end = span
    axis: int | None = None
    for token, value in keywords:
        if token[1] in ("axis", "dim"):
            axis = _axis(grammar, value)
        elif token[1] in ("ord", "p", "k", "n") and len(args) == 1:
            args.append(value)
        elif token[1] not in ("keepdims", "keepdim"):
            begin = max(grammar.text.rfind(",", start, token[2]), token[2] - 1)
            raise ParseError(
                f"{function} has no option '{token[1]}'",
                (token[2], value.end),
                fixes=[
                    Fix(
                        grammar.splice(
                            (grammar.text.rfind(",", start, token[2]) if "," in grammar.text[start : token[2]] else begin + 1, value.end),
                            "",
                        )
                    )
                ],
            )
    if axis is None and len(args) == 2 and function in POSITIONAL_AXIS and _is_of_numpy(grammar, args, start):
        axis, args = _axis(grammar, args[1]), args[:1]
    if function in FORMS and function not in grammar.calls.language.signatures:
        return _form(grammar, function, args, span)
    if function in ELEMENTWISE_OF_TWO and len(args) == 2:
        function = _maximum(grammar, function, args)
    if function == "norm" and len(args) == 2 and args[1].kind == "quoted":
        function, args = {"fro": "norm", "nuc": "nuclear"}[args[1].data], args[:1]
    elif function == "norm" and len(args) == 2 and args[1].kind == "number" and args[1].data == 2:
        return grammar.make("bars", args[:1], "norm_2", start, end)
    elif (grammar.matlab and axis is None and len(args) == 1 and function in DOWN_THE_COLUMNS
          and grammar.text.startswith(f"{function}(", start)):
        grammar.doubtful.add(start)
    if (
        function == "norm"
        and len(args) == 2
        and args[1].kind == "name"
        and args[1].data == "inf"
        and "norminf" in grammar.calls.language.signatures
    ):
        function, args = "norminf", args[:1]
    if not args:
        raise ParseError(
            f"{function} needs an argument",
            span,
            fixes=[Fix(grammar.splice((end - 1, end - 1), "x")), Fix(grammar.splice((end - 1, end - 1), "X"))],
        )
    return grammar.make("call", args, function, start, end, axis)


def _is_of_numpy(grammar: Grammar, args: list[Node], start: int) -> bool:
    """`np.sum(X, 0)` or `X.sum(0)`, where the second argument is an axis; `max(x, 0)` is relu(x)."""
    return args[0].start == start or grammar.text[start:].partition(".")[0].strip() in MODULES


def _axis(grammar: Grammar, value: Node) -> int:
    number = value.children[0] if value.kind == "neg" else value
    if number.kind == "number" and number.data in (0, 1):
        axis = -int(number.data) if value.kind == "neg" else int(number.data)
        if axis >= -1:
            return axis
    raise ParseError("axis is 0 or 1", value.span, fixes=[Fix(grammar.splice(value.span, "1")), Fix(grammar.splice(value.span, "0"))])


def _maximum(grammar: Grammar, function: str, args: list[Node]) -> str:
    """`max(0, z)` is relu(z), `max(a, b)` is maximum(a, b)."""
    signatures = grammar.calls.language.signatures
    zero = [a for a in args if a.kind == "number" and a.data == 0]
    if function == "max" and zero and "relu" in signatures:
        args.remove(zero[0])
        return "relu"
    return ELEMENTWISE_OF_TWO[function] if ELEMENTWISE_OF_TWO[function] in signatures else function


def _form(grammar: Grammar, function: str, args: list[Node], span: Span) -> Node:
    """NumPy's function form of a sign: dot(A, x), multiply(A, B), transpose(A)."""
    start, end = span
    count = 1 if function in ("transpose", "negative") else 2
    if len(args) != count:
        _wrong_count(function, count, span)
    if function == "transpose":
        return grammar.make("transpose", args, ".T", start, end)
    if function == "negative":
        return grammar.make("neg", args, None, start, end)
    if function in ("add", "plus", "subtract", "minus"):
        return grammar.make("add", args, (1, 1 if function in ("add", "plus") else -1), start, end)
    if function == "power":
        return grammar.make("power", args, "**", start, end)
    gap = (args[0].end, args[1].start)
    if function == "outer":
        args = [args[0], grammar.make("transpose", args[1:], ".T", args[1].start, args[1].end)]
        return grammar.make("product", args, [("@", None, *gap)], start, end)
    return grammar.make("product", args, [(SIGNS[function], None, *gap)], start, end)


def _wrong_count(function: str, count: int, span: Span) -> NoReturn:
    raise ParseError(f"{function} takes {count} argument{'s' if count > 1 else ''}", span)
