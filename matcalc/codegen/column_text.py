"""Array operations in MATLAB (and Octave) and in Julia, which stack by columns, count from one and write a dot for entries."""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Op
from .writer import ATOM, COMPARE, PLUS, POWER, TIMES, UNARY, Made, NotWritten, Writer

COMMON = frozenset("""exp expm1 log log1p sqrt sin cos tan sinh cosh tanh abs sign floor ceil det pinv tril triu cumsum cumprod
    trace kron inv hypot max min maximum minimum cholesky slogdet norm""".split())


class ColumnText(Writer):
    """What both languages write alike."""

    dotted_function = "{0}({1})"

    @classmethod
    def knows(cls, dotted: str) -> bool:
        module, _, name = dotted.rpartition(".")
        return name in COMMON if module.partition(".")[0] == "numpy" else module.partition(".")[0] not in ("math", "matcalc", "scipy")

    def function(self, dotted: str, args: Sequence[str], entries: bool) -> Made:
        if not self.knows(dotted):
            raise NotWritten(dotted)
        name = dotted.rpartition(".")[2]
        return (self.dotted_function if entries else "{0}({1})").format(name, ", ".join(args)), ATOM

    # ------------------------------------------------------------ views
    def _text_transpose(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}'", ATOM

    def repeated(self, v: Op, axis: int) -> str:
        return self.text(v, ATOM) + ("'" if axis == 1 else "")

    def _text_reshape(self, o: Op) -> Made:
        """By rows, as the operation means it."""
        a = o.args[0]
        text = self.operand(a, ATOM)
        if not a.shape:
            return self.filled(o.shape, text)
        if not o.shape:
            return self.only(text)
        is_column = len(a.shape) == 1 or a.shape[1:] == (1,)
        if is_column and (len(o.shape) == 1 or o.shape[1:] == (1,)):
            return self.as_vector(text, a, o), ATOM
        if (is_column and o.shape[0] == 1) or (a.shape[:1] == (1,) and o.shape[-1:] != (1,) and len(o.shape) == 1):
            return self.as_vector(f"{text}'", a, o), ATOM
        turned = text if is_column else f"{text}'"
        if len(o.shape) == 1:
            return self.stacked(turned), ATOM
        if len(o.shape) > 2 or len(a.shape) > 2:
            raise NotWritten("more than two axes")
        return f"reshape({turned}, {self.spelled(o.shape[1])}, {self.spelled(o.shape[0])})'", ATOM

    def only(self, text: str) -> Made:
        """The one entry of an array."""
        return text, ATOM

    def as_vector(self, text: str, a: Op, o: Op) -> str:
        return text

    def stacked(self, text: str) -> str:
        raise NotImplementedError

    def filled(self, shape: Sequence[int], value: str) -> Made:
        raise NotImplementedError

    def _text_stacked(self, o: Op) -> Made:
        return self.stacked(self.operand(o.args[0])), ATOM

    def _text_padded(self, o: Op) -> Made:
        text = self.operand(o.args[0])
        for axis, (before, after) in enumerate(o.data):
            ends = [self.zeros((n, o.args[0].shape[1] if len(o.shape) > 1 else 1) if axis == 0 else (o.shape[0], n)) if n else ""
                    for n in (before, after)]
            if any(ends):
                text = f"[{('; ' if axis == 0 else ' ').join(t for t in (ends[0], text, ends[1]) if t)}]"
        return text, ATOM

    def zeros(self, shape: Sequence[int]) -> str:
        return self.filled(shape, "0")[0]

    def _text_band(self, o: Op) -> Made:
        """A diagonal matrix between blocks of zeros, of which one may have no rows or no columns."""
        (w,), (row, column) = o.args, o.data
        block = self.made(self.graph.op("eye", (), (w.size, w.size)) if w.kind == "full" and w.data == 1 else
                          self.graph.op("diag", (w,), (w.size, w.size)))[0]
        return self.blocks(self.zeros((row, column)), block, self.zeros((o.shape[0] - row - w.size, o.shape[1] - column - w.size))), ATOM

    def blocks(self, *parts: str) -> str:
        """Matrices along the diagonal."""
        raise NotImplementedError

    def pick(self, s: object) -> str:
        """One index, or a range of them."""
        if isinstance(s, int):
            return str(s + 1) if s >= 0 else self.from_end(s + 1)
        start, stop, step = (*s, None)[:3]  # type: ignore[misc]
        if start is None and stop is None:
            return ":" if step in (None, 1) else f"1:{step}:end" if step > 0 else f"end:{step}:1"
        if step is not None and step < 0:
            raise NotWritten("a step backwards")
        first = "1" if start is None else str(start + 1) if start >= 0 else self.from_end(start + 1)
        last = "end" if stop is None else str(stop) if stop >= 0 else self.from_end(stop)
        return f"{first}:{last}" if step in (None, 1) else f"{first}:{step}:{last}"

    def from_end(self, back: int) -> str:
        return f"end{back}" if back else "end"

    # ------------------------------------------------------------ entry by entry
    def joined(self, parts: Sequence[tuple[str, bool]], plain: str, dotted: str) -> str:
        """Factors with the right sign between them: a dot where an array stands on the right or the left."""
        text, arrays = parts[0]
        for part, is_array in parts[1:]:
            text += (dotted if self.needs_dot(arrays, is_array) else plain) + part
            arrays = arrays or is_array
        return text

    def needs_dot(self, left: bool, right: bool) -> bool:
        return left and right

    def _text_product(self, o: Op) -> Made:
        c = o.data
        above = [f for f in o.args if not self.is_divisor(f)]
        below = [f for f in o.args if self.is_divisor(f)]
        turned = c != 0 and abs(c) < 1 and float(round(1 / c)) * c == 1 and bool(above) and 1 / abs(c) < 1e6
        scale = -1.0 if turned and c < 0 else 1.0 if turned else c
        parts = [(self.text(f, UNARY), bool(f.shape)) for f in above]
        if scale == -1 and parts:
            parts[0] = ("-" + parts[0][0], parts[0][1])
        elif scale != 1 or not parts:
            parts.insert(0, (self.number(scale), False))
        text = self.joined(parts, " * ", " .* ")
        arrays = any(is_array for _, is_array in parts)
        for f in below:
            dot = bool(f.shape) or (arrays and self.needs_dot(True, False))
            text += (" ./ " if dot else " / ") + self.divisor(f)
            arrays = arrays or bool(f.shape)
        return text + (f" / {round(1 / abs(c))}" if turned else ""), TIMES

    def scaled(self, c: float, a: Op) -> str:
        return f"{self.number(c)} * {self.text(a, UNARY)}" if abs(c) != 1 else super().scaled(c, a)

    def _text_power(self, o: Op) -> Made:
        a, dot = o.args[0], "." if o.shape else ""
        if o.data == -1:
            return f"1 {dot}/ {self.text(a, UNARY)}", TIMES
        if o.data == 0.5:
            return self.function("sqrt", [self.text(a)], bool(o.shape))
        return f"{self.text(a, ATOM)}{self.raise_sign(bool(o.shape))}{self.exponent(o.data)}", POWER

    def raise_sign(self, entries: bool) -> str:
        return ".^" if entries else "^"

    def _text_raised(self, o: Op) -> Made:
        return f"{self.text(o.args[0], ATOM)}{self.raise_sign(bool(o.shape))}{self.text(o.args[1], ATOM)}", POWER

    def _text_map(self, o: Op) -> Made:
        name = {"maximum": "max", "minimum": "min", "numpy.maximum": "max", "numpy.minimum": "min"}.get(o.data, o.data)
        return self.function(name, [self.text(a) for a in o.args], bool(o.shape))

    def _text_logistic(self, o: Op) -> Made:
        dot = "." if o.shape else ""
        inner = self.function("exp", [self.text(o.args[0])], bool(o.shape))[0]
        return f"1 {dot}/ (1 {self.dot_plus(o)} {inner})", TIMES

    def dot_plus(self, o: Op) -> str:
        return "+"

    # ------------------------------------------------------------ products and sums
    def _text_dot(self, o: Op) -> Made:
        a, b = o.args
        if len(a.shape) > 2 or len(b.shape) > 2:
            raise NotWritten("more than two axes")
        if len(a.shape) == 1 and len(b.shape) == 1:
            return self.inner_product(self.operand(a, ATOM), self.operand(b, UNARY))
        if len(a.shape) == 1:
            a, b = self.graph.transpose(b), a
        return f"{self.operand(a, TIMES)} * {self.operand(b, UNARY)}", TIMES

    def inner_product(self, a: str, b: str) -> Made:
        return f"{a}' * {b}", TIMES

    def _text_outer(self, o: Op) -> Made:
        u, v = o.args
        return f"{self.operand(u, TIMES)} * {self.operand(v, ATOM)}'", TIMES

    def reduced(self, name: str, text: str, axis: int | None, matrix: bool) -> Made:
        raise NotImplementedError

    def _text_total(self, o: Op) -> Made:
        return self.reduced("sum", self.operand(o.args[0]), o.data, len(o.args[0].shape) > 1)

    def _text_inner(self, o: Op) -> Made:
        a, b = o.args
        text = f"{self.operand(a, ATOM)}{self.raise_sign(True)}2" if a is b else f"{self.operand(a, TIMES)} .* {self.operand(b, UNARY)}"
        return self.reduced("sum", text, o.data, True)

    def _text_max(self, o: Op) -> Made:
        return self.reduced(o.kind, self.operand(o.args[0]), o.data, len(o.args[0].shape) > 1)

    _text_min = _text_max

    def _text_weighted_gram(self, o: Op) -> Made:
        d, x = o.args
        return f"{self.operand(self.graph.transpose(x), ATOM)} * ({self.text(d, UNARY)} .* {self.operand(x, UNARY)})", TIMES

    # ------------------------------------------------------------ linear algebra
    def _text_kron(self, o: Op) -> Made:
        return self.call("kron", *(self.operand(a) for a in o.args))

    def _text_matrix_power(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}^{o.data}", POWER

    def _text_inverse(self, o: Op) -> Made:
        factor = self.factored(o)
        return self.inverse_of_factored(factor, o) if factor else self.call("inv", self.operand(o.args[0]))

    def _text_solve(self, o: Op) -> Made:
        factor, (a, b) = self.factored(o), o.args
        return (self.solution_of_factored(factor, b) if factor else f"{self.operand(a, TIMES)} \\ {self.operand(b, UNARY)}"), TIMES

    def _text_log_determinant(self, o: Op) -> Made:
        factor = self.factored(o)
        return self.log_determinant(factor, self.operand(o.args[0]) if not factor else "", o)

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        raise NotImplementedError

    def solution_of_factored(self, factor: str, b: Op) -> str:
        raise NotImplementedError

    def log_determinant(self, factor: str | None, a: str, o: Op) -> Made:
        raise NotImplementedError

    def _text_call(self, o: Op) -> Made:
        value, axis = o.data
        args = [self.operand(a) for a in o.args]
        if axis is not None:
            raise NotWritten(value)
        return self.function(value, args, False)


class MatlabText(ColumnText):
    """MATLAB; Octave reads it, too. A vector is a column."""

    assigned = "{0} = {1};"
    returned = "{0}"
    broadcasts = False  # is a row or a column added to a matrix?

    def together(self, results: Sequence[str]) -> list[str]:
        names = ["value"] if len(results) == 1 else [f"value{i + 1}" for i in range(len(results))]
        return [f"{name} = {text};" for name, text in zip(names, results, strict=True)]

    def function(self, dotted: str, args: Sequence[str], entries: bool) -> Made:
        if dotted == "numpy.linalg.cholesky":
            return f"chol({args[0]}, 'lower')", ATOM
        return super().function(dotted, args, entries)

    def _text_linear(self, o: Op) -> Made:
        outside, self.broadcasts = self.broadcasts, any(a.kind == "repeat" for a in o.args)
        made = super()._text_linear(o)
        self.broadcasts = outside
        return made

    def scaled(self, c: float, a: Op) -> str:
        if not self.broadcasts or not _is_diagonal(a):
            return super().scaled(c, a)
        text = f"full({self.text(a)})"  # Octave adds nothing to a diagonal matrix but another matrix
        return text if c == 1 else f"{self.number(c)} * {text}"

    def indexable(self, o: Op) -> str:
        """Only what has a name can be indexed."""
        text = self.operand(o)
        return text if o in self.variables or o.kind == "input" else self.assign(o, text)

    def whole(self, o: Op) -> Made:
        if o.kind == "repeat":
            axis = o.data
            repeats = f"1, {self.spelled(o.shape[1])}" if axis == 0 else f"{self.spelled(o.shape[0])}, 1"
            return self.call("repmat", self.repeated(o.args[0], axis), repeats)
        return self.filled(o.shape, self.number(o.data) if o.kind == "full" else self.text(o.args[0], UNARY))

    def filled(self, shape: Sequence[int], value: str) -> Made:
        sizes = self.sizes(shape) if len(shape) > 1 else f"{self.spelled(shape[0])}, 1"
        if value in ("0", "1"):
            return self.call("zeros" if value == "0" else "ones", sizes)
        return f"{value} * ones({sizes})", TIMES

    def blocks(self, *parts: str) -> str:
        return f"blkdiag({', '.join(parts)})"

    def _text_eye(self, o: Op) -> Made:
        return self.call("eye", self.spelled(o.shape[0]))

    def _text_commutation(self, o: Op) -> Made:
        m, n = (self.spelled(d) for d in o.data)
        eye = self.assign(self.graph.op("eye", (), o.shape, "rows"), f"eye({self.spelled(o.shape[0])})")
        return f"{eye}(reshape(reshape(1:{self.spelled(o.shape[0])}, {m}, {n})', [], 1), :)", ATOM

    def stacked(self, text: str) -> str:
        return f"reshape({text}, [], 1)"

    def _text_slice(self, o: Op) -> Made:
        return f"{self.indexable(o.args[0])}({', '.join(map(self.pick, o.data))})", ATOM

    def _text_diagonal(self, o: Op) -> Made:
        return self.call("diag", self.operand(o.args[0]))

    def _text_diag(self, o: Op) -> Made:
        return self.call("diag", self.operand(o.args[0]))

    def _text_above_zero(self, o: Op) -> Made:
        return f"{self.text(o.args[0], PLUS)} > 0", COMPARE

    def reduced(self, name: str, text: str, axis: int | None, matrix: bool) -> Made:
        if axis is None:
            return (f"{name}({name}({text}))" if matrix else f"{name}({text})"), ATOM
        return f"{name}({text}, {'' if name == 'sum' else '[], '}{axis + 1})" + ("'" if axis == 0 else ""), ATOM

    def cholesky(self, a: str) -> str:
        return f"chol({a})"

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        return f"{factor} \\ ({factor}' \\ eye({self.spelled(o.shape[0])}))", TIMES

    def solution_of_factored(self, factor: str, b: Op) -> str:
        return f"{factor} \\ ({factor}' \\ {self.operand(b, UNARY)})"

    def log_determinant(self, factor: str | None, a: str, o: Op) -> Made:
        if factor or o.data:
            return f"2 * sum(log(diag({factor or f'chol({a})'})))", TIMES
        upper = self._named_by(self.graph.op("upper factor", o.args, o.args[0].shape))
        self.lines.append(f"[~, {upper}] = lu({a});")
        return f"sum(log(abs(diag({upper}))))", ATOM


def _is_diagonal(o: Op) -> bool:
    """Does Octave keep its diagonal only?"""
    if o.kind in ("product", "transpose", "inverse", "dot", "matrix power"):
        return all(not a.shape or _is_diagonal(a) for a in o.args)
    return o.kind in ("eye", "diag") or (o.kind == "linear" and not o.data[1] and all(_is_diagonal(a) for a in o.args))


class JuliaText(ColumnText):
    """Julia, with its LinearAlgebra."""

    dotted_function = "{0}.({1})"
    raising = ".^"

    def write(self) -> list[str]:
        self.imports.add("using LinearAlgebra")
        return super().write()

    def needs_dot(self, left: bool, right: bool) -> bool:
        return left or right

    def dot_plus(self, o: Op) -> str:
        return ".+" if o.shape else "+"

    def raise_sign(self, entries: bool) -> str:
        return " .^ " if entries else "^"

    def signs(self, o: Op) -> tuple[str, str]:
        """A number added to an array has a dot; arrays of one shape need none."""
        even = not o.shape or (not o.data[1] and all(a.shape == o.shape and a.kind != "repeat" for a in o.args))
        return (" + ", " - ") if even else (" .+ ", " .- ")

    def function(self, dotted: str, args: Sequence[str], entries: bool) -> Made:
        if dotted == "numpy.linalg.cholesky":
            return f"Matrix(cholesky(Symmetric({args[0]})).L)", ATOM
        package, _, _ = dotted.rpartition(".")
        if package and package[0].isupper():
            self.imports.add(f"using {package}")
        return super().function(dotted, args, entries)

    def whole(self, o: Op) -> Made:
        if o.kind == "repeat":
            axis = o.data
            repeats = f"1, {self.spelled(o.shape[1])}" if axis == 0 else f"{self.spelled(o.shape[0])}, 1"
            return self.call("repeat", self.repeated(o.args[0], axis), repeats)
        return self.filled(o.shape, self.number(o.data) if o.kind == "full" else self.text(o.args[0]))

    def filled(self, shape: Sequence[int], value: str) -> Made:
        if value in ("0", "1"):
            return self.call("zeros" if value == "0" else "ones", self.sizes(shape))
        return self.call("fill", f"float({value})", self.sizes(shape))

    def _text_eye(self, o: Op) -> Made:
        n = self.spelled(o.shape[0])
        return self.call("Matrix", "1.0I", n, n)

    def _text_commutation(self, o: Op) -> Made:
        m, n = (self.spelled(d) for d in o.data)
        size = self.spelled(o.shape[0])
        return f"Matrix(1.0I, {size}, {size})[vec(permutedims(reshape(1:{size}, {m}, {n}))), :]", ATOM

    def blocks(self, *parts: str) -> str:
        return f"cat({', '.join(parts)}, dims=(1, 2))"

    def zeros(self, shape: Sequence[int]) -> str:
        return f"zeros({self.sizes(shape if shape[-1] != 1 or len(shape) == 1 else shape[:1])})" if shape[0] else super().zeros(shape)

    def only(self, text: str) -> Made:
        return self.call("only", text)

    def as_vector(self, text: str, a: Op, o: Op) -> str:
        if len(o.shape) == 1:
            return text if len(a.shape) == 1 else f"vec({text})"
        return text if len(a.shape) == 2 or o.shape[0] == 1 else f"reshape({text}, :, 1)"

    def stacked(self, text: str) -> str:
        return f"vec({text})"

    def _text_slice(self, o: Op) -> Made:
        return f"{self.operand(o.args[0], ATOM)}[{', '.join(self.range(s) for s in o.data)}]", ATOM

    def range(self, s: object) -> str:
        """One row or column keeps its axis."""
        text = self.pick(s)
        return f"{text}:{text}" if isinstance(s, int) else text

    def _text_diagonal(self, o: Op) -> Made:
        return self.call("diag", self.operand(o.args[0]))

    def _text_diag(self, o: Op) -> Made:
        return self.call("diagm", self.operand(o.args[0]))

    def _text_above_zero(self, o: Op) -> Made:
        return f"{self.text(o.args[0], PLUS)} {'.' if o.shape else ''}> 0", COMPARE

    def inner_product(self, a: str, b: str) -> Made:
        return self.call("dot", a, b)

    def _text_inner(self, o: Op) -> Made:
        if o.data is None:
            return self.call("dot", *(self.operand(a) for a in o.args))
        return super()._text_inner(o)

    def reduced(self, name: str, text: str, axis: int | None, matrix: bool) -> Made:
        word = {"max": "maximum", "min": "minimum"}.get(name, name)
        return (f"{word}({text})" if axis is None else f"vec({word}({text}, dims={axis + 1}))"), ATOM

    def cholesky(self, a: str) -> str:
        return f"cholesky(Symmetric({a}))"

    def inverse_of_factored(self, factor: str, o: Op) -> Made:
        return self.call("inv", factor)

    def solution_of_factored(self, factor: str, b: Op) -> str:
        return f"{factor} \\ {self.operand(b, UNARY)}"

    def log_determinant(self, factor: str | None, a: str, o: Op) -> Made:
        return (f"logdet({factor})" if factor else f"logabsdet({a})[1]"), ATOM
