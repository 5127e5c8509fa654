"""The words and fixes of shape errors: what each side is, why they do not fit, and edits that may mend it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from typing import TYPE_CHECKING, Any

from .declarations import SQUARE, Declaration
from .dims import Dim, Poly, Shape, shape_text, substitute, text
from .errors import Fix, NotSupported, ParseError, ShapeError, Span
from .repairs import names_in
from .signatures import COLUMN, MATRIX, ROW, SCALAR_KIND, kind_of
from .syntax import Node, Signature
from .unify import has_variables, is_variable

if TYPE_CHECKING:
    from .shapes import Shapes


def is_square(declaration: Declaration) -> bool:
    return bool(declaration.properties & SQUARE)


def describe(shapes: Shapes, shape: Shape) -> str:
    """A shape as a user says it."""
    shown = shapes.display(shape)
    if kind_of(shown) == ROW:
        return f"a row, 1 x {text(shown[1])}"
    return ("a " if shown == (1, 1) else "") + shape_text(shown)


def _is(shapes: Shapes, span: Span, shape: Shape) -> str:
    return f"{_short(shapes.editor.of(span))} is {describe(shapes, shape)}"


def _one_fix(error: ShapeError) -> ShapeError:
    error.shown = 1
    return error


def _short(typed: str) -> str:
    typed = " ".join(typed.split())
    return typed if len(typed) <= 60 else typed[:57] + "..."


def pairings(shapes: Shapes, a: Dim, b: Dim, nodes: Sequence[Node]) -> list[Fix]:
    """Declarations that make two products of dimensions equal, factor by factor, as k * n and m * p."""
    letters = shapes.variable_names()
    left, right = (_factors(shapes.unifier.resolve(dim)) for dim in (a, b))
    if len(left) != len(right) or not 1 < len(left) <= 3:
        return []
    fixes = []
    for order in permutations(right):
        pairs: dict[str, Dim] = {}
        for p, q in zip(left, order, strict=True):
            variable, value = (p, q) if is_variable(p) else (q, p)
            pairs[variable] = value
        fixes.append(
            Fix(
                declare=tuple(
                    _declaration(shapes, name, pairs, letters)
                    for name in names_in(nodes)
                    if name in shapes.shapes and name not in shapes.declared
                )
            )
        )
    return [fix for fix in fixes if fix.declare]


def _factors(dim: Dim) -> tuple[str, ...]:
    """The names in a product of dimensions."""
    return dim.terms[0][0] if isinstance(dim, Poly) and len(dim.terms) == 1 and dim.terms[0][1] == 1 else ()


def _declaration(shapes: Shapes, name: str, pairs: dict[str, Dim], letters: dict[str, Dim]) -> str:
    rows, columns = (substitute(substitute(shapes.unifier.resolve(dim), pairs), letters) for dim in shapes.shapes[name])
    return f"{shapes.spelled[name]}: {shape_text((rows, columns))}"


# ---------------------------------------------------------------- products
def matrix_product(shapes: Shapes, factors: list[Node], left: Span, right: Node, shape: Shape) -> ShapeError:
    (_, columns), (rows, _) = shapes.display(shape), shapes.display(right.shape)
    detail = f"{_is(shapes, left, shape)}; {_is(shapes, right.span, right.shape)}\n"
    detail += f"{text(columns)} column{'s' * (columns != 1)} cannot meet {text(rows)} row{'s' * (rows != 1)}"
    editor = shapes.editor
    undecided = has_variables(shapes.unifier.resolve(shape[1])) and has_variables(shapes.unifier.resolve(right.shape[0]))
    fixes = pairings(shapes, shape[1], right.shape[0], [*factors, right]) + editor.product(left, right.span, factors, right)
    if fixes and isinstance(columns, Poly) and undecided:
        detail += "\nwhich dimensions agree cannot be told: declare them"
    fixes += editor.redeclare([right, *factors])
    if right.kind == "name" and kind_of(right.shape) == COLUMN:
        fixes += editor.declare(right, "scalar")
    return ShapeError("shapes do not match in a product", left, right.span, detail=detail, fixes=fixes)


def elementwise_product(shapes: Shapes, node: Node, factors: list[Node], left: Span, right: Node, shape: Shape, token: Any) -> ShapeError:
    editor = shapes.editor
    typed = editor.of((token[2], token[3])) or "*"
    word = "quotient" if token[0] == "/" else "product"
    detail = (
        f"{_is(shapes, left, shape)}; {_is(shapes, right.span, right.shape)}\n{typed} is elementwise and takes equal shapes or a scalar"
    )
    fixes: list[Fix] = []
    stars = [t for t in node.data if t[0] == "*"]
    if token[0] == "*":
        detail += "; the matrix product is @"
        fixes += [_replace_all(editor.text, stars, " @ "), editor.splice((token[2], token[3]), "@")]
    whole = (left[0], right.end)
    left_text, right_text = editor.tight_span(left), editor.tight(right)
    kinds = kind_of(shape), kind_of(right.shape)
    if token[0] == "*":
        if kinds == (MATRIX, COLUMN):
            fixes += [
                editor.splice(whole, f"{left_text} @ diag({editor.of(right.span)})"),
                editor.splice(whole, f"diag({editor.of(right.span)}) @ {left_text}"),
            ]
        elif kinds == (COLUMN, MATRIX):
            fixes += [
                editor.splice(whole, f"{right_text} @ diag({editor.of(left)})"),
                editor.splice(whole, f"diag({editor.of(left)}) @ {right_text}"),
            ]
        elif kinds == (MATRIX, ROW):
            fixes += [editor.splice(whole, f"{left_text} @ diag({editor.transposed(right)})")]
        fixes += [editor.splice(whole, f"{left_text}.T @ {right_text}")]
    elif kinds[0] == MATRIX and kinds[1] == COLUMN:
        fixes += [
            editor.splice(whole, f"{left_text} @ diag(1 / {right_text})"),
            editor.splice(whole, f"diag(1 / {right_text}) @ {left_text}"),
        ]
    elif kinds == (MATRIX, ROW):
        fixes += [editor.splice(whole, f"{left_text} @ diag(1 / {editor.transposed(right)})")]
    elif kinds[1] == MATRIX:
        fixes += [
            editor.splice(whole, f"inv({editor.of(right.span)}) @ {left_text}"),
            editor.splice(whole, f"{left_text} @ inv({editor.of(right.span)})"),
        ]
    fixes += [editor.splice(right.span, editor.transposed(right)), editor.splice(factors[-1].span, editor.transposed(factors[-1]))]
    fixes += editor.redeclare([right, *factors])
    for operand in (right, factors[-1]):
        if kind_of(operand.shape) == COLUMN:
            fixes += editor.declare(operand, "scalar")
    return ShapeError(f"shapes do not match in an elementwise {word}", left, right.span, detail=detail, fixes=fixes)


def _replace_all(typed: str, tokens: Sequence[Any], sign: str) -> Fix:
    """All these operators replaced at once."""
    for token in reversed(tokens):
        typed = typed[: token[2]].rstrip() + sign + typed[token[3] :].lstrip()
    return Fix(typed)


def cross(shapes: Shapes, left: Span, right: Node, token: Any) -> ParseError:
    editor = shapes.editor
    return ParseError(
        "which product × means is not clear",
        (token[2], token[3]),
        detail="@ is the matrix product, * the elementwise product",
        fixes=[
            editor.splice((token[2], token[3]), "@"),
            editor.splice((token[2], token[3]), "*"),
            editor.splice((left[0], right.end), f"{editor.tight_span(left)}.T @ {editor.tight(right)}"),
        ],
    )


def kron_of_vectors(shapes: Shapes, left: Span, right: Node) -> ParseError:
    editor = shapes.editor
    whole = (left[0], right.end)
    return ParseError(
        "⊗ of two vectors is the Kronecker product to some and the outer product to others",
        left,
        right.span,
        fixes=[
            editor.splice(whole, f"kron({editor.of(left)}, {editor.of(right.span)})"),
            editor.splice(whole, f"{editor.tight_span(left)} @ {editor.tight(right)}.T"),
        ],
    )


# ---------------------------------------------------------------- sums
def sum_of_kinds(shapes: Shapes, node: Node) -> ShapeError:
    """A column and a matrix, or a column and a row, in one sum."""
    column = next(t for t in node.children if kind_of(t.shape) == COLUMN)
    other = next(t for t in node.children if kind_of(t.shape) in (MATRIX, ROW))
    editor = shapes.editor
    detail = f"{_is(shapes, other.span, other.shape)}; {_is(shapes, column.span, column.shape)}"
    fixes = []
    if kind_of(other.shape) == MATRIX:
        columns = text(shapes.display(other.shape)[1])
        detail += "\na row is added to each row of a matrix; a column is not"
        shown = editor.transposed(column) if column.kind != "product" else f"({editor.of(column.span)}).T"
        fixes = [
            Fix(editor.splice(column.span, shown).text, note="adds it to each row"),
            editor.splice(column.span, f"{editor.tight(column)} @ ones({columns}).T"),
        ]
        fixes[1].note = "adds it to each column"
        fixes.append(
            Fix(
                editor.splice(column.span, f"{editor.tight(column)} @ ones({_size_of(shapes, other)}).T").text,
                note="adds it to each column",
            )
        )
    else:
        fixes = [editor.splice(other.span, editor.transposed(other)), editor.splice(column.span, editor.transposed(column))]
    fixes += editor.declare(column, "scalar") + editor.redeclare([column, other])
    first, second = sorted((column, other), key=lambda t: t.start)
    return _with_name(ShapeError("shapes do not match in a sum", first.span, second.span, detail=detail, fixes=fixes), shapes, other)


def _with_name(error: ShapeError, shapes: Shapes, matrix: Node) -> ShapeError:
    if matrix.kind == "name" and matrix.data not in shapes.declared:
        error.apart = matrix.data
    return error


def _size_of(shapes: Shapes, node: Node) -> str:
    return text(shapes.display(node.shape)[1])


def elementwise(shapes: Shapes, where: str, a: Node, b: Node) -> ShapeError:
    """Two terms of a sum of the same kind, with other dimensions."""
    editor = shapes.editor
    first, second = sorted((a, b), key=lambda t: t.start)
    detail = f"{_is(shapes, first.span, first.shape)}; {_is(shapes, second.span, second.shape)}"
    fixes = [editor.splice(second.span, editor.transposed(second)), editor.splice(first.span, editor.transposed(first))]
    fixes += editor.redeclare([second, first])
    return ShapeError(f"shapes do not match in {where}", first.span, second.span, detail=detail, fixes=fixes)


def soft_in_matrix_sum(shapes: Shapes, term: Node, widest: Node) -> ShapeError:
    editor, name = shapes.editor, shapes.spelled[term.data]
    detail = f"{_is(shapes, widest.span, widest.shape)}; {name} may be a row of it, a scalar, or a matrix"
    capital = name[0].upper() + name[1:]
    renamed = editor.text
    for node in sorted((n for n in shapes.nodes if n.kind == "name" and n.data == term.data), key=lambda n: -n.start):
        renamed = renamed[: node.start] + capital + renamed[node.end :]
    wrt = tuple(capital if w == term.data else w for w in shapes.wrt) if term.data in shapes.wrt else None
    fixes = [
        Fix(editor.splice(term.span, f"{name}.T").text, note="a vector, added to each row"),
        Fix(declare=(f"{name}: scalar",)),
        *([Fix(renamed, wrt=wrt)] if capital != name and capital not in shapes.shapes else []),
    ]
    error = ShapeError(f"what {name} is beside a matrix is not clear", term.span, widest.span, detail=detail, fixes=fixes)
    return _with_name(error, shapes, widest)


def soft_product_in_sum(shapes: Shapes, factors: list[Node], term: Node, widest: Node) -> ShapeError:
    """`x - t * g`: one of the factors may be a vector."""
    names = list(dict.fromkeys(shapes.spelled[f.data] for f in factors))
    fixes = [Fix(declare=(f"{name}: vector",)) for name in reversed(names)] if kind_of(widest.shape) == COLUMN else []
    fixes.insert(1, Fix(declare=tuple(f"{name}: scalar" for name in names)))
    return ShapeError(
        f"whether {' or '.join(names)} is a vector is not clear",
        term.span,
        widest.span,
        detail=f"{_is(shapes, widest.span, widest.shape)}; undeclared lower-case names may be scalars or vectors",
        fixes=fixes,
    )


def soft_operand(shapes: Shapes, soft: list[Node], operand: Node, other: Node, token: Any) -> ShapeError:
    names = list(dict.fromkeys(shapes.spelled[node.data] for node in soft))
    fixes = [Fix(declare=(f"{name}: vector",)) for name in reversed(names)]
    fixes.insert(1, shapes.editor.splice((token[2], token[3]), "*"))
    return ShapeError(
        f"whether {' or '.join(names)} is a vector is not clear",
        operand.span,
        other.span,
        detail=f"{_is(shapes, other.span, other.shape)}; undeclared lower-case names may be scalars or vectors",
        fixes=fixes,
    )


# ---------------------------------------------------------------- powers and bars
def exponent(shapes: Shapes, node: Node) -> ShapeError:
    base, power = node.children
    editor = shapes.editor
    inside = editor.of(power.span)
    fixes = []
    if base.kind == "name" and base.data == "e":
        fixes.append(editor.splice(node.span, f"{'expm' if kind_of(power.shape) == MATRIX else 'exp'}({inside})"))
    if base.shape == (1, 1) or kind_of(base.shape) == kind_of(power.shape):
        fixes.append(editor.splice(node.span, f"exp({editor.tight(power)} * log({editor.of(base.span)}))"))
    fixes += editor.declare(power, "scalar")
    return ShapeError("an exponent is a scalar", power.span, detail=_is(shapes, power.span, power.shape), fixes=fixes)


def vector_power(shapes: Shapes, node: Node, value: Fraction | None) -> ShapeError:
    base, power = node.children
    editor = shapes.editor
    typed = str(value) if value is not None and value.denominator == 1 else editor.tight(power)
    base_text = editor.tight(base)
    plain = f"({typed})" if typed.startswith("-") else typed
    fixes = [editor.splice(node.span, f"{base_text}^{{\\odot {typed}}}" if editor.latex else f"{base_text}**{plain}")]
    fixes[0].note = "every entry"
    if value == 2:
        column = kind_of(base.shape) == COLUMN
        product = editor.times.join([base_text + editor.transpose * column, base_text + editor.transpose * (not column)])
        alone = editor.of(node.span) == editor.text.strip()
        fixes.append(editor.splice(node.span, product if alone else f"({product})"))
    fixes += editor.declare(base, "scalar")
    return ShapeError("a vector has no power", node.span, detail=_is(shapes, base.span, base.shape), fixes=fixes)


def matrix_power(shapes: Shapes, node: Node) -> NotSupported:
    editor = shapes.editor
    base, power = node.children
    fixes = [Fix(editor.splice(node.span, f"{editor.tight(base)}**{editor.tight(power)}").text, note="every entry")]
    return NotSupported(
        "a matrix power needs a whole number as exponent", power.span, detail=_is(shapes, base.span, base.shape), fixes=fixes
    )


def not_square(shapes: Shapes, what: str, node: Node, arg: Node) -> ShapeError:
    editor = shapes.editor
    inside, tight = editor.of(arg.span), editor.tight(arg)
    fixes = []
    if node.kind == "call" and kind_of(arg.shape) == MATRIX:
        if what == "inv":
            fixes.append(editor.splice(node.span, f"pinv({inside})"))
        fixes += [editor.splice(arg.span, f"{tight}.T @ {tight}"), editor.splice(arg.span, f"({tight}.T @ {tight})")]
    elif node.kind == "call":
        fixes += [editor.splice(arg.span, f"diag({inside})"), editor.splice(arg.span, f"{tight} @ {tight}.T")]
    else:
        fixes += [
            editor.splice(node.span, f"{tight}**{editor.of(node.children[1].span)}"),
            editor.splice(arg.span, f"({tight}.T @ {tight})"),
        ]
    fixes += editor.redeclare([arg]) + (editor.declare(arg, "scalar") if kind_of(arg.shape) != MATRIX else [])
    return ShapeError(f"{what} needs a square matrix", arg.span, detail=_is(shapes, arg.span, arg.shape), fixes=fixes)


def bars_of_matrix(shapes: Shapes, node: Node) -> ShapeError:
    inside = shapes.editor.of(node.children[0].span)
    fixes = [shapes.editor.splice(node.span, shapes.editor.applied(f, inside)) for f in ("det", "abs", "norm")]
    return ShapeError(
        "what bars around a matrix mean is not clear",
        node.span,
        detail=_is(shapes, node.children[0].span, node.children[0].shape),
        fixes=fixes,
    )


def below_the_bar(shapes: Shapes, above: Node, below: Node) -> ShapeError:
    """`\\frac{A}{B}`: a matrix has an inverse, not a reciprocal."""
    editor = shapes.editor
    fixes = []
    stop = below.end + (editor.text[below.end : below.end + 1] == "}")
    begin = max(editor.text.rfind(f, 0, above.start + 1) for f in ("\\frac", "\\tfrac", "\\dfrac", "\\cfrac"))
    if begin >= 0:
        top, bottom = editor.tight(above), editor.tight(below)
        whole = (begin, stop)
        if kind_of(below.shape) == MATRIX:
            fixes = [editor.splice(whole, f"({top} {bottom}^{{-1}})"), editor.splice(whole, f"({bottom}^{{-1}} {top})")]
        fixes.append(Fix(editor.splice(whole, f"({top} \\oslash {bottom})").text, note="every entry"))
    fixes += editor.declare(below, "scalar")
    return ShapeError("what is divided by is not a scalar", below.span, detail=_is(shapes, below.span, below.shape), fixes=fixes)


def number_transposed(shapes: Shapes, node: Node) -> ShapeError:
    """`1^T x` in a book is the sum of x; read letter by letter it would be x."""
    number = node.children[0]
    size = next((letter for letter in ("n", "m", "k", "p") if letter not in shapes.spelled), "n")
    texts = [f"ones({size}).T"] * (number.data == 1) + [shapes.editor.of(number.span)]
    return ShapeError("a number has no transpose", node.span, fixes=[shapes.editor.splice(node.span, text) for text in texts])


def down_the_columns(shapes: Shapes, node: Node) -> ShapeError:
    """`sum(A)` in MATLAB is a row, in matcalc one number."""
    inside, name = shapes.editor.of(node.children[0].span), node.data
    texts = [f"spectral({inside})", f"norm2({inside})"] if name == "norm" else [f"{name}({inside}, axis=0)", f"{name}(vec({inside}))"]
    fixes = [shapes.editor.splice(node.span, text) for text in texts]
    for fix, note in zip(fixes, ("as in MATLAB", "of all entries"), strict=True):
        fix.note = note
    detail = f"{_is(shapes, node.children[0].span, node.children[0].shape)}; in MATLAB {name} of a matrix is not that of all its entries"
    return ShapeError(f"what {name} of a matrix means is not clear", node.span, detail=detail, fixes=fixes)


def function_of_matrix(shapes: Shapes, node: Node) -> ShapeError:
    """`\\exp(X)` in a paper: of the matrix, or of every entry?"""
    arg, name = node.children[0], node.data
    of_matrix = shapes.editor.splice(node.span, f"\\operatorname{{{name}m}}({shapes.editor.of(arg.span)})")
    entries = shapes.editor.splice(node.span, f"\\operatorname{{{name}}}_\\odot({shapes.editor.of(arg.span)})")
    of_matrix.note, entries.note = "of the matrix", "of every entry"
    return ShapeError(f"whether {name} is of the matrix or of every entry is not clear", node.span,
                      detail=_is(shapes, arg.span, arg.shape), fixes=[of_matrix, entries])


def norm_2_of_matrix(shapes: Shapes, node: Node) -> ShapeError:
    inside = shapes.editor.of(node.children[0].span)
    fixes = [shapes.editor.splice(node.span, shapes.editor.applied(f, inside)) for f in ("spectral", "norm")]
    return ShapeError(
        "which norm of a matrix is meant is not clear",
        node.span,
        detail="norm is the Frobenius norm, spectral the largest singular value",
        fixes=fixes,
    )


def index_of_scalar(shapes: Shapes, node: Node) -> ShapeError:
    base = node.children[0]
    return ShapeError(
        "a scalar has no entries",
        node.span,
        detail=_is(shapes, base.span, base.shape),
        fixes=[shapes.editor.splice(node.span, shapes.editor.of(base.span)), *shapes.editor.declare(base, "vector")],
    )


# ---------------------------------------------------------------- calls
def no_overload(shapes: Shapes, node: Node, candidates: Sequence[Signature]) -> ShapeError:
    editor, args = shapes.editor, node.children
    candidates = [s for s in candidates if all(p.kind != "axis" for p in s.params)]
    takes = " or ".join(f"{node.data}({', '.join(_param(p) for p in s.params)})" for s in candidates)
    counts = {len(s.params) for s in candidates}
    if len(args) not in counts:
        fixes = [editor.splice(node.span, editor.call(node.data, args[:count])) for count in sorted(counts) if count < len(args)]
        if len(args) < min(counts):
            fixes = _completed(shapes, node, candidates)
        if len(args) == 2 and node.data in ("sum", "mean", "max", "min"):
            fixes = [editor.splice(node.span, f"{editor.call(node.data, args[:1])[:-1]}, axis={axis})") for axis in (0, 1)] + fixes
        return ShapeError(
            f"{node.data} takes {' or '.join(map(str, sorted(counts)))} argument{'s' * (counts != {1})}, not {len(args)}",
            node.span,
            detail=takes,
            fixes=fixes,
        )
    fixes = []
    wrong = args[0]
    for arg in args:
        inside, kind = editor.of(arg.span), kind_of(arg.shape)
        if kind == ROW:
            fixes.append(editor.splice(arg.span, editor.transposed(arg)))
        if kind == MATRIX:
            fixes += [editor.splice(arg.span, f"vec({inside})"), editor.splice(arg.span, f"diagv({inside})")]
        if kind == SCALAR_KIND:
            fixes += editor.declare(arg, "vector")
        if kind == COLUMN:
            fixes += editor.declare(arg, "scalar")
    if len(args) == 2:
        fixes.append(editor.splice(node.span, editor.call(node.data, args[:1])))
    fixes += editor.redeclare(args) + [editor.splice(node.span, editor.call("sum", args[:1]))]
    detail = "; ".join(_is(shapes, arg.span, arg.shape) for arg in args) + f"\nit takes {takes}"
    return ShapeError(f"{node.data} does not take this", wrong.span, detail=detail, fixes=fixes)


def _completed(shapes: Shapes, node: Node, candidates: Sequence[Signature]) -> list[Fix]:
    """The call with the arguments that are missing: names that the text does not have yet."""
    fixes = []
    free = {kind: [c for c in letters if c not in shapes.spelled] for kind, letters in (("vector", "yzvw"), ("scalar", "pcst"))}
    matrices = [c for c in "BCDEF" if c not in shapes.spelled]
    for signature in candidates:
        more = [
            "2" if p.kind == "integer" else name
            for p, name in zip(signature.params[len(node.children) :], free.get(signature.params[-1].kind, matrices), strict=False)
        ]
        fixes.append(shapes.editor.splice(node.span, shapes.editor.call(node.data, node.children)[:-1] + f", {', '.join(more)})"))
    return fixes


def _param(param: Any) -> str:
    return f"{param.name}: {param.kind}" if param.kind != "any" else str(param.name)


def arguments(shapes: Shapes, node: Node, a: Node, b: Node) -> ShapeError:
    editor = shapes.editor
    first, second = sorted((a, b), key=lambda t: t.start)
    detail = f"{_is(shapes, first.span, first.shape)}; {_is(shapes, second.span, second.shape)}"
    fixes = [editor.splice(second.span, editor.transposed(second)), editor.splice(first.span, editor.transposed(first))]
    fixes += editor.redeclare([second, first])
    for arg in (second, first):
        if kind_of(arg.shape) == COLUMN:
            fixes += editor.declare(arg, "scalar")
        fixes.append(editor.splice(arg.span, f"sum({editor.of(arg.span)})"))
    return ShapeError(f"shapes do not match in {node.data}", first.span, second.span, detail=detail, fixes=fixes)


def integer_argument(shapes: Shapes, node: Node, arg: Node) -> ShapeError:
    return ShapeError(f"{node.data} takes a whole number here", arg.span, fixes=[shapes.editor.splice(arg.span, "2")])


def axis_zero(shapes: Shapes, node: Node) -> ShapeError:
    arg = node.children[0]
    editor = shapes.editor
    return _one_fix(
        ShapeError(
            f"{node.data} works row by row",
            node.span,
            detail="column by column it is said with transposes",
            fixes=[
                editor.splice(node.span, f"{node.data}({editor.transposed(arg)}).T"),
                editor.splice(node.span, editor.call(node.data, [arg])),
            ],
        )
    )


def no_axis(shapes: Shapes, node: Node) -> ShapeError:
    return ShapeError(
        f"{node.data} takes no axis", node.span, fixes=[shapes.editor.splice(node.span, shapes.editor.call(node.data, node.children))]
    )


def axis_of_vector(shapes: Shapes, node: Node) -> ShapeError:
    arg = node.children[0]
    return ShapeError(
        "this axis of a vector has one entry only",
        node.span,
        detail=_is(shapes, arg.span, arg.shape),
        fixes=[shapes.editor.splice(node.span, shapes.editor.call(node.data, [arg]))],
    )


# ---------------------------------------------------------------- names
def dimension_and_variable(shapes: Shapes, dimension: Node, variable: Node) -> ShapeError:
    name = shapes.spelled.get(variable.data, variable.data)
    return ShapeError(
        f"{name} is a dimension and cannot be a variable too",
        dimension.span,
        variable.span,
        detail="declared as a dimension, it can be used as a number",
        fixes=[Fix(declare=(f"{name}: dimension",)), shapes.editor.splice(dimension.span, "n")],
    )


def dimension_is_variable(shapes: Shapes, dimension: Node, name: str) -> ShapeError:
    declaration = shapes.declared[name]
    return ShapeError(
        f"{name} is a variable and cannot be a dimension",
        dimension.span,
        detail=f"declared as: {declaration.text}",
        fixes=[Fix(declare=(f"{declaration.spelled}: dimension",)), shapes.editor.splice(dimension.span, f"{name}_1")],
    )
