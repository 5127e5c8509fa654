"""The reading of a text: tokens, tree, kinds and shapes, with the errors of each step mended as far as they can be.

read("x.T A x", language)    ->  Reading: the tree, A matrix(n, n), x vector(n)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .calls import Calls
from .declarations import Declaration, declare
from .dims import names as names_in
from .errors import DomainError, Fix, MatcalcError, ParseError, Request, ShapeError, nearest
from .grammar import Grammar
from .limits import Limits
from .names import GREEK_NAMES, canonical, is_name, letter_class
from .readings import latex
from .readings.matlab import in_matlab
from .shapes import Shapes
from .syntax import Language, Node, Reading, Symbol, Typeset
from .tokens import Token, renamed, scan

__all__ = ["Limits", "canonical_variable", "read"]
LATEX_SIGNS = frozenset("|,;!{}")  # after a backslash
OPERAND_END = re.compile(r"(?:[A-Za-z_]\w*|[)\]'])\s*\Z")
SYNTAXES = ("auto", "numpy", "matlab", "latex")


def read(
    text: str,
    language: Language,
    let: Sequence[str] = (),
    syntax: str = "auto",
    wrt: Sequence[str] = (),
    limits: Limits | None = None,
    known: Mapping[str, Symbol] | None = None,
    dims: Iterable[str] = (),
    split: bool = False,
) -> Reading:
    """The reading of a text; an error is a MatcalcError whose fixes have been tried.

    With `known`, names have exactly these shapes and properties, any other name is an UnknownName, and `dims` are
    dimensions beside those of the known shapes: so a printed answer is read again, with the symbols and dims of its Reading.
    What a person typed over known names may have products written as one name, `Ax`: `split` reads them as products.
    """
    limits = limits or Limits()
    try:
        found = _read_apart(text, language, tuple(let), syntax, tuple(wrt), limits, known, frozenset(dims), split or known is None)
        if found.syntax == "latex" and syntax == "auto" and known is None:
            _refuse_solution(text, language, tuple(let), tuple(wrt), limits)
        return found
    except MatcalcError as error:
        if error.fixes and known is None:
            error.fixes = _working(error, text, language, tuple(let), syntax, tuple(wrt), limits)
        raise


def canonical_variable(name: str) -> str:
    """The name that matcalc uses for a variable as a user writes it in `wrt`."""
    known_as = canonical(name.strip())
    if "\\" in known_as or "{" in known_as:
        known_as = latex.variable(known_as) or known_as
    if not is_name(known_as):
        raise DomainError(f"'{name}' is not a variable", detail="a variable is one name, such as x, A_1 or Sigma")
    return known_as


def _working(
    error: MatcalcError, text: str, language: Language, let: tuple[str, ...], syntax: str, wrt: tuple[str, ...], limits: Limits
) -> tuple[Fix, ...]:
    """Those fixes whose result was seen to be read, with the variables that were asked for still in it.

    Of the candidates for one repair, such as a missing bracket, the first that leaves only shapes to be mended will do, if none is read.
    """
    request = Request("simplify", text, wrt, let)
    good: list[Fix] = []
    halfway: list[Fix] = []
    tried: set[tuple[object, ...]] = {(text, let, wrt)}
    budget = max(3, min(20, 60_000 // (len(text) + 1)))
    for fix in error.fixes:
        if fix.say or fix.options:
            good.append(fix)
            continue
        mended = request.mended(fix)
        key = (mended.text, mended.let, mended.wrt)
        if key in tried or not mended.text.strip() or budget == 0 or len(good) >= error.shown:
            continue
        tried.add(key)
        budget -= 1
        try:
            found = _read(mended.text, language, mended.let, syntax, mended.wrt, limits)
        except MatcalcError as next_error:
            if isinstance(error, ParseError) and error.shown == 1 and isinstance(next_error, ShapeError):
                halfway.append(fix)
            continue
        there = {*found.symbols, *(symbol.name for symbol in found.unused)}
        if there.issuperset(canonical_variable(w) for w in mended.wrt if w in text):
            good.append(fix)
    return tuple(good or halfway[:1])


def _read_apart(
    text: str,
    language: Language,
    let: tuple[str, ...],
    syntax: str,
    wrt: tuple[str, ...],
    limits: Limits,
    known: Mapping[str, Symbol] | None,
    dims: frozenset[str],
    split: bool,
) -> Reading:
    """The reading; where a vector is added to an undeclared `Ax`, which is no vector as a name, that of the product A x."""
    try:
        return _read(text, language, let, syntax, wrt, limits, known, dims, split=split)
    except ShapeError as error:
        kinds = [letter_class(letter) for letter in error.apart]
        if known is not None or kinds[-1:] != ["vector"] or set(kinds[:-1]) != {"matrix"}:
            raise
        try:
            return _read(text, language, let, syntax, wrt, limits, apart=error.apart)
        except MatcalcError:
            raise error from None


def _read(
    text: str,
    language: Language,
    let: tuple[str, ...],
    syntax: str,
    wrt: tuple[str, ...],
    limits: Limits,
    known: Mapping[str, Symbol] | None = None,
    dims: frozenset[str] = frozenset(),
    apart: str = "",
    split: bool = True,
) -> Reading:
    _check_text(text, syntax, limits)
    variables = tuple(canonical_variable(name) for name in wrt)
    no_variables = Calls(language, frozenset())
    declared = declare(let, limits)
    given = frozenset(declared if known is None else known)
    typeset = syntax == "latex" or (syntax == "auto" and _looks_like_latex(text))
    scanned = _scan(text, typeset, limits, Calls(language, given | frozenset(variables), variables))
    for declaration in declared.values():
        if no_variables.is_function(declaration.name):
            raise _function_as_variable(declaration, text, scanned.tokens, let, wrt)
    shapes_given = [s.shape for s in (declared if known is None else known).values() if s.shape is not None]
    sizes = dims.union(*(names_in(d) for shape in shapes_given for d in shape))
    grammar = grammar_of(text, scanned.tokens, language, given, variables, "latex" if typeset else syntax, limits, sizes,
                         split=split and not typeset, apart=apart)
    grammar.notes += scanned.notes
    root = _tree(grammar, given)
    shapes = Shapes(text, grammar.nodes, language, limits, declared, known, variables, grammar.spelled, dims,
                    Typeset(typeset, scanned.vectors, scanned.doubtful | grammar.doubtful))
    shapes.notes = grammar.notes
    found = shapes.infer()
    _check_variables(variables, found.dims, found.symbols)
    return Reading(text, root, found.symbols, found.dims, found.notes, scanned.decimals,
                   "latex" if typeset else "matlab" if grammar.matlab else "numpy", found.unused)


def syntax_tree(text: str, language: Language, limits: Limits | None = None) -> Node:
    """The tree of a text as its grammar alone has it, before names get shapes; nothing is declared."""
    limits = limits or Limits()
    _check_text(text, "auto", limits)
    typeset = _looks_like_latex(text)
    scanned = _scan(text, typeset, limits, Calls(language, frozenset()))
    return _tree(grammar_of(text, scanned.tokens, language, frozenset(), (), "latex" if typeset else "auto", limits, split=not typeset),
                 frozenset())


def grammar_of(text: str, tokens: list[Token], language: Language, given: frozenset[str], variables: tuple[str, ...], syntax: str,
               limits: Limits, sizes: frozenset[str] = frozenset(), split: bool = True, apart: str = "") -> Grammar:
    """What reads these tokens; `given` are the names that are declared, `variables` those of `wrt`, `sizes` those of dimensions.

    With `split`, `Ax` may be a product; `apart` is one that is.
    """
    matlab = syntax == "matlab" or (syntax == "auto" and _looks_like_matlab(tokens))
    notes: list[str] = []
    defined = _definition_names(tokens)
    if split:
        tokens = _split_products(text, tokens, given | defined, variables, Calls(language, frozenset()), notes, apart)
    calls = Calls(language, given | defined, variables, sizes)
    if matlab:
        tokens = in_matlab(text, tokens, calls, notes.append)
    grammar = Grammar(text, tokens, limits, calls, defined, matlab)
    grammar.notes = list(dict.fromkeys(notes))
    if matlab:
        grammar.note("read as MATLAB: * is the matrix product, .* is elementwise")
    return grammar


def _check_text(text: str, syntax: str, limits: Limits) -> None:
    if len(text) > limits.text or (not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > limits.text):
        size = len(text.encode("utf-8", "surrogatepass"))
        raise limits.exceeded("text", f"the text has {size:,} bytes", size)
    if syntax not in SYNTAXES:
        close = nearest(syntax, set(SYNTAXES)) or "auto"
        raise DomainError(
            f"there is no syntax '{syntax}'", detail="syntaxes: " + ", ".join(SYNTAXES), fixes=[Fix(options=(("syntax", close),))]
        )


def _function_as_variable(
    declaration: Declaration, text: str, tokens: list[Token], let: tuple[str, ...], wrt: tuple[str, ...]
) -> DomainError:
    """The error for a declared variable that has the name of a function: it gets another, or is not declared, if it is only called."""
    name = declaration.name
    other = f"{name}_1"
    declarations = tuple(d.replace(declaration.spelled, other, 1) if d == declaration.text else d for d in let)
    fix = Fix(renamed(text, tokens, name, other), let=declarations, wrt=tuple(other if canonical(w.strip()) == name else w for w in wrt))
    return DomainError(f"{name} is a function and cannot name a variable", declaration.span, text=declaration.text,
                       fixes=[fix, Fix(let=tuple(d for d in let if d != declaration.text))])


def _scan(text: str, typeset: bool, limits: Limits, calls: Calls) -> latex.Translated:
    """The tokens of a text; in LaTeX, with what its look says."""
    if typeset:
        return latex.translated(text, limits, calls)
    tokens, decimals = scan(text, limits)
    return latex.Translated(tokens, decimals, [], frozenset(), frozenset())


def _looks_like_latex(text: str) -> bool:
    """Dollars around it, a backslash before a word or sign of LaTeX, or a subscript in braces; A\\b is a solution."""
    if text.startswith("$") or text.endswith("$"):
        return True
    parts = text.split("\\")[1:]
    return any(_first_word(part) in latex.WORDS or part[:1] in LATEX_SIGNS for part in parts) or _has_subscript_in_braces(text)


def _refuse_solution(text: str, language: Language, let: tuple[str, ...], wrt: tuple[str, ...], limits: Limits) -> None:
    """`A\\beta` and `A\\exp(x)`, without any other mark of LaTeX, may be solutions: refused if they can be read as such."""
    if "$" in text or "{" in text:
        return
    i = text.find("\\")
    begin = i
    while i >= 0:
        operand = OPERAND_END.search(text, max(0, i - 100), i)  # nobody divides by a number from the left
        if operand is None or _first_word(text[i + 1 :]) not in latex.AFTER_SOLUTION:
            return
        i = text.find("\\", i + 1)
    try:
        _read(text, language, let, "numpy", wrt, limits)
    except MatcalcError:
        return
    raise ParseError("whether \\ divides from the left or begins a command of LaTeX is not clear", (begin, begin + 1),
                     fixes=[Fix(options=(("syntax", "latex"),)), Fix(options=(("syntax", "numpy"),))])


def _has_subscript_in_braces(text: str) -> bool:
    """`x_{i}`; but `||X||_{F}` is read plainly, too."""
    i = text.find("_{")
    while i > 0 and not text[i - 1].isalnum():
        i = text.find("_{", i + 2)
    return i > 0


def _first_word(text: str) -> str:
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]


def _looks_like_matlab(tokens: list[Token]) -> bool:
    """`'` or `.*` beside a bare `*`, and no `@`."""
    kinds = {token[0] for token in tokens}
    return "*" in kinds and not kinds.isdisjoint(("'", ".*", "./", ".^")) and "@" not in kinds


def _check_variables(variables: tuple[str, ...], dims: frozenset[str], symbols: Mapping[str, Symbol]) -> None:
    for name in variables:
        if name in dims and name not in symbols:
            raise DomainError(f"{name} is a dimension, not a variable", detail="a derivative is by a scalar, a vector or a matrix",
                              fixes=[Fix(wrt=tuple(s if w == name else w for w in variables)) for s in symbols if s not in variables])


# ---------------------------------------------------------------- products written as one name
def _split_products(
    text: str, tokens: list[Token], names: frozenset[str], wrt: tuple[str, ...], calls: Calls, notes: list[str], apart: str
) -> list[Token]:
    """`x'Ax`: an undeclared name of two or three letters, with a capital, one of which stands alone, is a product."""
    candidates = [
        i
        for i, token in enumerate(tokens)
        if token[0] == "name"
        and 2 <= token[3] - token[2] <= 3
        and token[1] not in names
        and token[1] not in wrt
        and (i == 0 or tokens[i - 1][0] != ".")
        and _may_be_product(text[token[2] : token[3]], token[1])
    ]
    if not candidates:
        return tokens
    alone = {token[1] for token in tokens if token[0] == "name" and token[3] - token[2] == 1} | {n for n in names if len(n) == 1} | set(wrt)
    out: list[Token] = []
    chosen = set(candidates)
    for i, token in enumerate(tokens):
        typed = text[token[2] : token[3]]
        letters = [canonical(c) for c in typed] if i in chosen else []
        if (token[1] != apart and not any(letter in alone for letter in letters)) or (calls.resolve(token[1]) and tokens[i + 1][0] == "("):
            out.append(token)
            continue
        out += [("name", letter, token[2] + k, token[2] + k + 1) for k, letter in enumerate(letters)]
        note = f"{typed} is read as {' '.join(typed)}"
        if note not in notes and letters[0] != "T":
            notes.append(note)
    return out


def _may_be_product(typed: str, name: str) -> bool:
    return typed.isalpha() and not typed.islower() and name not in GREEK_NAMES


# ---------------------------------------------------------------- definitions
def _definition_names(tokens: list[Token]) -> frozenset[str]:
    """The names that `where` defines."""
    names: set[str] = set()
    after = False
    for i, token in enumerate(tokens):
        if token[0] == "name" and token[1] == "where":
            after = True
        elif after and token[0] == "name" and tokens[i + 1][0] == "=" and (tokens[i - 1][0] == ";" or tokens[i - 1][1] == "where"):
            names.add(token[1])
    return frozenset(names)


def _tree(grammar: Grammar, declared: frozenset[str]) -> Node:
    """The expression, its definitions put into the nodes that name them; `grammar.nodes` is ordered, definitions first."""
    root = grammar.expression()
    token = grammar.tokens[grammar.i]
    if token[0] == "end":
        return root
    parts = {"": grammar.nodes}
    roots: dict[str, Node] = {}
    while grammar.tokens[grammar.i][0] != "end":
        grammar.i += 1
        if grammar.tokens[grammar.i][0] == "end" and roots:
            break
        name = _definition_head(grammar, roots, declared)
        grammar.nodes = []
        roots[name] = grammar.expression()
        parts[name] = grammar.nodes
        stop = grammar.tokens[grammar.i]
        if stop[0] == "name":
            raise ParseError(
                "'where' stands once, before the definitions", (stop[2], stop[3]), fixes=[Fix(grammar.splice((stop[2], stop[3]), ";"))]
            )
    for nodes in parts.values():
        for node in nodes:
            if node.kind == "ref":
                node.children = (roots[node.data],)
    grammar.nodes = [node for name in _in_order(grammar, parts) for node in parts[name]]
    return root


def _definition_head(grammar: Grammar, roots: Mapping[str, Node], declared: frozenset[str]) -> str:
    """`p =` at the beginning of a definition."""
    token, sign = grammar.tokens[grammar.i], grammar.tokens[min(grammar.i + 1, len(grammar.tokens) - 1)]
    span = (token[2], token[3])
    if token[0] != "name" or sign[0] != "=":
        before = grammar.tokens[grammar.i - 1]
        raise ParseError(
            "a definition is a name, '=', and an expression",
            span,
            detail="for example: x.T @ r where r = A @ x - b",
            fixes=[Fix(grammar.text[: before[2]].rstrip())] if token[0] == "end" else [],
        )
    name: str = token[1]
    if name in declared:
        raise ParseError(
            f"{name} is declared and cannot be defined", span, fixes=[Fix(renamed(grammar.text, grammar.tokens, name, f"{name}_1"))]
        )
    if Calls(grammar.calls.language, frozenset()).is_function(name):
        raise ParseError(
            f"{name} is a function and cannot be defined", span, fixes=[Fix(renamed(grammar.text, grammar.tokens, name, f"{name}_1"))]
        )
    if name in roots:
        raise ParseError(f"{name} is defined twice", span, fixes=[Fix(grammar.splice(span, f"{name}_2"))])
    grammar.i += 2
    return name


def _in_order(grammar: Grammar, parts: Mapping[str, list[Node]]) -> list[str]:
    """The definitions, each after those that it uses, and then the expression; a cycle is refused."""
    uses = {name: [node for node in nodes if node.kind == "ref"] for name, nodes in parts.items()}
    order: list[str] = []
    state: dict[str, int] = {}  # 1: being visited, 2: done
    for begin in [*parts][::-1]:
        stack = [(begin, iter(uses[begin]))]
        if state.get(begin):
            continue
        state[begin] = 1
        while stack:
            name, refs = stack[-1]
            ref = next((r for r in refs if state.get(r.data) != 2), None)
            if ref is None:
                state[name] = 2
                order.append(name)
                stack.pop()
            elif state.get(ref.data) == 1:
                raise ParseError(
                    f"the definition of {ref.data} needs {ref.data} itself",
                    ref.span,
                    fixes=[Fix(grammar.splice(ref.span, f"{ref.data}_0"))],
                )
            else:
                state[ref.data] = 1
                stack.append((ref.data, iter(uses[ref.data])))
    return order
