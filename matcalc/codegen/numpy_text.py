"""A graph as NumPy source: few statements, temporaries overwritten where nothing needs them any more."""

from __future__ import annotations

from collections.abc import Sequence

from .graph import Graph, Op

LEAVES = frozenset({"number", "input", "full", "eye"})
VIEWS = frozenset({"transpose", "repeat", "reshape", "slice", "diagonal", "spread"})  # written where they are used
# may be an argument itself, looked at otherwise, or no numbers: never written over
BORROWED = frozenset({"stacked", "reshape", "slice", "diagonal", "unstack", "transpose", "call", "above zero"})
BROADCAST = frozenset({"repeat", "full", "spread"})  # numbers and vectors that stand for more where entries are computed
ENTRIES = frozenset({"linear", "product", "map", "power", "logistic", "raised", "above zero"})
RISKY = frozenset({"map", "power", "logistic", "raised", "log determinant", "call"})  # may overflow or have no value, and NumPy warns
LARGE = 2_000  # entries from which a temporary is worth overwriting
ATOM, POWER, UNARY, TIMES, PLUS, COMPARE = 9, 8, 7, 6, 5, 4
FACTORED = {"inverse": "inverse_of_factored", "solve": "solution_of_factored", "log determinant": "log_determinant_of_factored"}


class Writer:
    """The statements that compute some operations of a graph."""

    def __init__(self, graph: Graph, roots: Sequence[Op], names: dict[str, str], single: bool = False) -> None:
        self.kind = ", dtype=np.float32" if single else ""
        self.graph, self.roots, self.names = graph, list(roots), names
        self.lines: list[str] = []
        self.helpers: set[str] = set()
        self.variables: dict[Op, str] = {}
        self.taken = set(names.values()) | {"np"}
        self.count = 0
        self.needed = self._reachable()
        self.uses: dict[Op, int] = {}
        for o in self.needed:
            for a in o.args:
                self.uses[a] = self.uses.get(a, 0) + 1
        for r in self.roots:
            self.uses[r] = self.uses.get(r, 0) + 1
        self.factors = self._shared_factors()
        self.named = [o for o in self.needed if self._is_named(o)]
        self.last = self._last_reads()
        self.risky = any(o.kind in RISKY and not (o.kind == "power" and o.data in (2, 3)) for o in self.needed)

    def _reachable(self) -> list[Op]:
        seen: set[Op] = set()
        stack = list(self.roots)
        while stack:
            o = stack.pop()
            if o not in seen:
                seen.add(o)
                stack += o.args
        return sorted(seen, key=lambda o: o.number)

    def _shared_factors(self) -> set[Op]:
        """Matrices of which several of inverse, solution and determinant are wanted, known to be positive definite."""
        count: dict[Op, int] = {}
        for o in self.needed:
            if o.kind in FACTORED and o.data:
                count[o.args[0]] = count.get(o.args[0], 0) + 1
        return {a for a, n in count.items() if n > 1}

    def _is_named(self, o: Op) -> bool:
        if o.kind in LEAVES or o.kind in VIEWS:
            return False
        if self.uses[o] > 1 or _is_filled(o) or o.kind in ("log determinant", "stacked"):
            return True
        return o.kind in ENTRIES and o.size >= LARGE and o.kind != "above zero"

    def _leaves(self, o: Op) -> set[Op]:
        """The named operations that the text of o reads."""
        found: set[Op] = set()
        stack = list(o.args)
        while stack:
            a = stack.pop()
            if a in self._named_set:
                found.add(a)
            else:
                stack += a.args
        return found

    def _last_reads(self) -> dict[Op, Op | None]:
        self._named_set = set(self.named)
        last: dict[Op, Op | None] = {}
        pinned: set[Op] = set()
        for o in self.named:
            for a in self._leaves(o):
                last[a] = o
                if o.kind in ("stacked", "kron"):
                    pinned.add(a)
        for r in self.roots:
            for a in ({r} if r in self._named_set else self._leaves(r)):
                last[a] = None  # wanted at the end
        for a in pinned:
            last[a] = None
        return last

    # ------------------------------------------------------------ statements
    def write(self) -> list[str]:
        """The statements, and what they return."""
        for o in self.named:
            self._statement(o)
        results = [self._result(r) for r in self.roots]
        self.lines.append("return " + ", ".join(results))
        return self.lines

    def _result(self, r: Op) -> str:
        seen = r
        while seen.kind in BORROWED and seen.kind != "call" and seen.args:
            seen = seen.args[0]
        if seen.kind in ("input", "call") and r.shape:
            return f"np.array({self.text(r)})"
        return self.text(r, whole=True)

    def _fresh(self, o: Op) -> str:
        while True:
            self.count += 1
            name = f"t{self.count}"
            if name not in self.taken:
                self.taken.add(name)
                self.variables[o] = name
                return name

    def _statement(self, o: Op) -> None:
        if o.kind in ENTRIES and o.size >= LARGE and self._in_place(o):
            return
        if _is_filled(o):
            self._filled(o)
            return
        if self.uses[o] == 1 and o.kind in ENTRIES:
            self._named_set.discard(o)  # written where it is used
            return
        text = self.made(o)[0]
        self.lines.append(f"{self._fresh(o)} = {text}")

    def _filled(self, o: Op) -> None:
        """Zeros, and a matrix written along the places where two axes agree."""
        letters = list("ijkl")
        if o.kind == "spread entries":
            letters[2:] = "ij"
            value, kept = self._operand(o.args[0], 0) if o.args[0].kind != "full" else _number(o.args[0].data), "ij"
        else:
            at = next(i for i, a in enumerate(o.args) if a.kind == "eye")
            same, other = o.data[at], o.args[1 - at]
            letters[letters.index(same[1])] = same[0]
            kept = same[0] + o.data[1 - at]
            if other.kind == "eye":
                pair = o.data[1 - at]
                letters[letters.index(pair[1])] = pair[0]
                kept, value = same[0] + pair[0], "1"
            else:
                value = self._operand(other, 0)
        name = self._fresh(o)
        self.lines.append(f"{name} = np.zeros({o.shape}{self.kind})")
        self.lines.append(f"np.einsum('{''.join(letters)}->{kept}', {name})[...] = {value}")

    def _dying(self, o: Op) -> list[Op]:
        """Arrays of o's shape that o may overwrite: nothing reads them after it, and it reads them once, directly."""
        found = []
        for a in o.args:
            if a.shape != o.shape or a.kind in BORROWED or o.args.count(a) > 1:
                continue
            if a in self.variables and self.last.get(a) is o:
                deep = [b for b in o.args if b is not a and a in self._deep(b)]
                if all(b.kind == "repeat" for b in deep):
                    for b in deep:  # what is read of it otherwise is computed before
                        v = b.args[0]
                        while self._is_divisor(v):
                            v = v.args[0]
                        text = self.made(v)[0]
                        self.lines.append(f"{self._fresh(v)} = {text}")
                    found.append(a)
        return found

    def _started(self, o: Op) -> list[Op]:
        """A part of o that is a new array in any case gets a name, so that o may be written over it."""
        for a in o.args:
            if a.shape == o.shape and self.uses[a] == 1 and a not in self.variables and a.kind not in LEAVES | VIEWS | ENTRIES \
                    and a.kind not in BORROWED and a.kind not in ("diag", "outer"):
                text = self.made(a)[0]
                self.lines.append(f"{self._fresh(a)} = {text}")
                return [a]
        return []

    def _deep(self, o: Op) -> set[Op]:
        return set() if o in self._named_set else self._leaves(o)

    def _in_place(self, o: Op) -> bool:
        """Write o as steps on one array; False where one expression is as good."""
        dying = self._dying(o) or self._started(o)
        write = self.lines.append
        if o.kind == "linear":
            return self._sum_in_place(o, dying)
        if o.kind == "product":
            return self._product_in_place(o, dying)
        if o.kind == "map":
            if not dying or (len(o.args) > 1 and o.args[0] is not dying[0] and o.args[1] is not dying[0]):
                return False
            text = ", ".join(self.text(a) for a in o.args)
            name = self.variables[o] = self.variables.pop(dying[0])
            write(f"np.{o.data}({text}, out={name})")
            return True
        if o.kind == "power" and dying and o.data in (2, -1, 0.5):
            name = self.variables[o] = self.variables.pop(dying[0])
            write({2: f"np.multiply({name}, {name}, out={name})", -1: f"np.divide(1, {name}, out={name})",
                   0.5: f"np.sqrt({name}, out={name})"}[o.data])
            return True
        if o.kind == "logistic":
            if dying:
                name = self.variables[o] = self.variables.pop(dying[0])
                write(f"np.exp({name}, out={name})")
            else:
                text = self.text(o.args[0])
                name = self._fresh(o)
                write(f"{name} = np.exp({text})")
            write(f"{name} += 1")
            write(f"np.divide(1, {name}, out={name})")
            return True
        return False

    def _sum_in_place(self, o: Op, dying: list[Op]) -> bool:
        coefficients, constant = o.data
        terms = list(zip(coefficients, o.args, strict=True))
        write = self.lines.append
        if not dying and all(a.kind in BROADCAST or self._on_diagonal(a) for _, a in terms):
            return False  # nothing here has the whole shape
        if dying:
            target = next((a for c, a in terms if a in dying and c == 1), dying[0])
            c = next(c for c, a in terms if a is target)
            rest = [(d, a) for d, a in terms if a is not target]
            name = self.variables[o] = self.variables.pop(target)
            if c == -1 and (constant or rest):
                if constant:
                    write(f"np.subtract({_number(constant)}, {name}, out={name})")
                    constant = 0.0
                else:
                    index = next((i for i, (d, a) in enumerate(rest) if d == 1 and not self._on_diagonal(a)), None)
                    if index is None:
                        write(f"np.negative({name}, out={name})")
                    else:
                        write(f"np.subtract({self.text(rest.pop(index)[1], PLUS)}, {name}, out={name})")
            elif c != 1:
                write(f"{name} *= {_number(c)}")
        else:
            starts = [t for t in terms if not self._on_diagonal(t[1])]
            if (len(starts) < 2 and len(terms) > 1) or not starts:
                if not starts:
                    return False
                (c, a), rest = starts[0], [t for t in terms if t is not starts[0]]
                name = self._fresh(o)
                write(f"{name} = {self._scaled(c, a)}" if c != 1 else f"{name} = {self.text(a, TIMES)} + {_number(constant)}")
                if c == 1:
                    constant = 0.0
            elif len(starts) == 1:
                return False
            else:
                first, second = starts[:2]
                rest = [t for t in terms if t is not first and t is not second]
                text = f"{self._scaled(*first)} {'-' if second[0] < 0 else '+'} {self._scaled(abs(second[0]), second[1])}"
                name = self._fresh(o)
                write(f"{name} = {text}")
        for d, a in rest:
            place = f"{name}.flat[::{o.shape[-1] + 1}]" if self._on_diagonal(a) else name
            value = self._diagonal_text(a) if self._on_diagonal(a) else None
            size = _number(abs(d)) if value == "1" else value if value and abs(d) == 1 else f"{_number(abs(d))} * {value}" if value else \
                self._scaled(abs(d), a)
            write(f"{place} {'-' if d < 0 else '+'}= {size}")
        if constant:
            write(f"{name} {'-' if constant < 0 else '+'}= {_number(abs(constant))}")
        return True

    def _product_in_place(self, o: Op, dying: list[Op]) -> bool:
        c, factors = o.data, list(o.args)
        write = self.lines.append
        if dying:
            target = dying[0]
            factors.remove(target)
            name = self.variables[o] = self.variables.pop(target)
        else:
            arrays = [f for f in factors if f.shape and not self._is_divisor(f) and f.kind != "above zero"]
            if len(arrays) < 2 or len(factors) + (c != 1) < 3 or (arrays[0].shape != o.shape and arrays[1].shape != o.shape):
                return False
            for f in arrays[:2]:
                factors.remove(f)
            text = f"{self.text(arrays[0], TIMES)} * {self.text(arrays[1], UNARY)}"
            name = self._fresh(o)
            write(f"{name} = {text}")
        scalars = [f for f in factors if not f.shape]
        if scalars or c != 1:
            value = self.made(self.graph.product(c, scalars, ()))[0] if scalars else _number(c)
            write(f"np.negative({name}, out={name})" if value == "-1" else f"{name} *= {value}")
        for f in factors:
            if f.shape:
                divisor = self._is_divisor(f)
                text = self.text(f.args[0] if divisor and f not in self._named_set else f) if not (f.kind == "repeat" and divisor) else \
                    self._repeated(f.args[0].args[0], f.data)
                write(f"{name} {'/' if divisor else '*'}= {text}")
        return True

    def _is_divisor(self, f: Op) -> bool:
        if f.kind == "repeat":
            return self._is_divisor(f.args[0])
        return f.kind == "power" and f.data == -1 and f not in self._named_set

    def _on_diagonal(self, a: Op) -> bool:
        return a.kind in ("eye", "diag") and a not in self._named_set

    def _diagonal_text(self, a: Op) -> str:
        return "1" if a.kind == "eye" else self.text(a.args[0], UNARY)

    def _scaled(self, c: float, a: Op) -> str:
        if c == 1:
            return self.text(a, TIMES)
        if c == -1:
            return f"-{self.text(a, UNARY)}"
        return f"{_number(c)} * {self.text(a, UNARY)}"

    # ------------------------------------------------------------ expressions
    def text(self, o: Op, level: int = 0, whole: bool = False) -> str:
        """o as an expression, in parentheses where it binds less than `level`."""
        if o in self.variables:
            return self.variables[o]
        text, binds = self.made(o, whole)
        return f"({text})" if binds < level else text

    def made(self, o: Op, whole: bool = False) -> tuple[str, int]:
        """The text of one operation, and how strongly it binds."""
        if whole and o.kind in BROADCAST:
            return self._whole(o)
        return getattr(self, "_text_" + o.kind.replace(" ", "_"))(o)  # type: ignore[no-any-return]

    def _whole(self, o: Op) -> tuple[str, int]:
        if o.kind == "full":
            return f"np.full({o.shape}, {float(o.data)!r}{self.kind})", ATOM
        if o.kind == "spread":
            return f"np.full({o.shape}, {self.text(o.args[0])}{self.kind})", ATOM
        return f"np.array(np.broadcast_to({self._repeated(o.args[0], o.data)}, {o.shape}))", ATOM

    def _text_number(self, o: Op) -> tuple[str, int]:
        return _number(o.data), ATOM if o.data >= 0 else UNARY

    def _text_full(self, o: Op) -> tuple[str, int]:
        return self._text_number(o)

    def _text_input(self, o: Op) -> tuple[str, int]:
        return self.names[o.data], ATOM

    def _text_eye(self, o: Op) -> tuple[str, int]:
        return f"np.eye({o.shape[0]}{self.kind})", ATOM

    def _text_spread(self, o: Op) -> tuple[str, int]:
        return self.made(o.args[0]) if o.args[0] not in self.variables else (self.variables[o.args[0]], ATOM)

    def _text_commutation(self, o: Op) -> tuple[str, int]:
        m, n = o.data
        return f"np.eye({m * n}{self.kind})[np.arange({m * n}).reshape({n}, {m}).T.ravel()]", ATOM

    def _text_transpose(self, o: Op) -> tuple[str, int]:
        return f"{self._operand(o.args[0], ATOM)}.T", ATOM

    def _text_repeat(self, o: Op) -> tuple[str, int]:
        return self._repeated(o.args[0], o.data), ATOM

    def _repeated(self, v: Op, axis: int) -> str:
        return f"{self.text(v, ATOM)}[:, None]" if axis == 0 else self.text(v, ATOM)

    def _text_reshape(self, o: Op) -> tuple[str, int]:
        a = o.args[0]
        if not a.shape:
            return f"np.full({o.shape}, {self.text(a)}{self.kind})", ATOM
        text = self._operand(a, ATOM)
        return (f"{text}.reshape({', '.join(map(str, o.shape))})" if o.shape else f"{text}.item()"), ATOM

    def _text_slice(self, o: Op) -> tuple[str, int]:
        picks = ", ".join(f"{s}:{s + 1 or ''}" if isinstance(s, int) else ":".join("" if p is None else str(p) for p in s) for s in o.data)
        return f"{self._operand(o.args[0], ATOM)}[{picks}]", ATOM

    def _text_diagonal(self, o: Op) -> tuple[str, int]:
        return f"{self._operand(o.args[0], ATOM)}.diagonal()", ATOM

    def _text_diag(self, o: Op) -> tuple[str, int]:
        return f"np.diag({self._operand(o.args[0], 0)})", ATOM

    def _text_linear(self, o: Op) -> tuple[str, int]:
        coefficients, constant = o.data
        terms = [(c, self._scaled(abs(c), a)) for c, a in zip(coefficients, o.args, strict=True)]
        if constant:
            terms.insert(0 if constant > 0 and terms[0][0] < 0 else len(terms), (constant, _number(abs(constant))))
        text = ("-" if terms[0][0] < 0 else "") + terms[0][1]
        for c, t in terms[1:]:
            text += (" - " if c < 0 else " + ") + t
        return text, PLUS

    def _text_product(self, o: Op) -> tuple[str, int]:
        c = o.data
        above = [f for f in o.args if not self._is_divisor(f)]
        below = [f for f in o.args if self._is_divisor(f)]
        turned = c != 0 and abs(c) < 1 and float(round(1 / c)) * c == 1 and bool(above) and 1 / abs(c) < 1e6
        parts = [self.text(f, UNARY) if i or c not in (1,) else self.text(f, TIMES) for i, f in enumerate(above)]
        scale = -1.0 if turned and c < 0 else 1.0 if turned else c
        if scale == -1 and parts:
            parts[0] = "-" + parts[0]
        elif scale != 1 or not parts:
            parts.insert(0, _number(scale))
        text = " * ".join(parts)
        for f in below:
            inner = f.args[0] if f.kind == "power" else f
            text += " / " + (self._repeated(f.args[0].args[0], f.data) if f.kind == "repeat" else self.text(inner, UNARY))
        if turned:
            text += f" / {round(1 / abs(c))}"
        return text, TIMES

    def _text_power(self, o: Op) -> tuple[str, int]:
        a = o.args[0]
        if o.data == 2 and (a in self.variables or a.kind == "input"):
            return f"{self.text(a)} * {self.text(a)}", TIMES
        if o.data == -1:
            return f"1 / {self.text(a, UNARY)}", TIMES
        if o.data == 0.5:
            return (f"np.sqrt({self.text(a)})", ATOM) if a.shape else (f"{self.text(a, ATOM)} ** 0.5", POWER)
        return f"{self.text(a, ATOM)} ** {_number(o.data) if o.data >= 0 else '(' + _number(o.data) + ')'}", POWER

    def _text_raised(self, o: Op) -> tuple[str, int]:
        return f"{self.text(o.args[0], ATOM)} ** {self.text(o.args[1], ATOM)}", POWER

    def _text_map(self, o: Op) -> tuple[str, int]:
        return f"np.{o.data}({', '.join(self.text(a) for a in o.args)})", ATOM

    def _text_above_zero(self, o: Op) -> tuple[str, int]:
        return f"{self.text(o.args[0], PLUS)} > 0", COMPARE

    def _text_logistic(self, o: Op) -> tuple[str, int]:
        return f"1 / (1 + np.exp({self.text(o.args[0])}))", TIMES

    def _text_dot(self, o: Op) -> tuple[str, int]:
        a, b = o.args
        return f"{self._operand(a, TIMES)} @ {self._operand(b, UNARY)}", TIMES

    def _operand(self, a: Op, level: int) -> str:
        return self.text(a, max(level, UNARY), whole=a.kind in BROADCAST)

    def _text_outer(self, o: Op) -> tuple[str, int]:
        u, v = o.args
        return f"{self._operand(u, ATOM)}[:, None] * {self._operand(v, UNARY)}", TIMES

    def _text_total(self, o: Op) -> tuple[str, int]:
        a = o.args[0]
        return f"{self._operand(a, ATOM)}.sum({'' if o.data is None else f'axis={o.data}'})", ATOM

    def _text_inner(self, o: Op) -> tuple[str, int]:
        a, b = (self._operand(x, 0) for x in o.args)
        if o.data is None and not any(x.kind == "transpose" for x in o.args):
            return f"np.vdot({a}, {b})", ATOM
        return f"np.einsum('ij,ij->{'' if o.data is None else 'ij'[1 - o.data]}', {a}, {b})", ATOM

    def _text_max(self, o: Op) -> tuple[str, int]:
        return f"{self._operand(o.args[0], ATOM)}.{o.kind}({'' if o.data is None else f'axis={o.data}'})", ATOM

    _text_min = _text_max

    def _text_unstack(self, o: Op) -> tuple[str, int]:
        p, q, m, n = o.shape
        return f"{self._operand(o.args[0], ATOM)}.reshape({q}, {p}, {n}, {m}).transpose(1, 0, 3, 2)", ATOM

    def _text_crossed(self, o: Op) -> tuple[str, int]:
        """Two matrices over four axes: each is looked at with its own axes in their order, and None for the others."""
        parts = []
        for a, letters in zip(o.args, o.data, strict=True):
            turned = letters[0] > letters[1]
            text = self._operand(a, ATOM) + (".T" if turned else "")
            places = ["None" if c not in letters else ":" for c in "ijkl"]
            while places and places[0] == "None":
                places.pop(0)
            parts.append(f"{text}[{', '.join(places)}]" if "None" in places else text)
        return " * ".join(parts), TIMES

    def _text_ranked(self, o: Op) -> tuple[str, int]:
        u, v, a = (self._operand(x, ATOM) for x in o.args)
        return f"{u}[:, None, None, None] * ({v}[:, None] * {a}[:, None])", TIMES

    def _text_float(self, o: Op) -> tuple[str, int]:
        return f"float({self.text(o.args[0])})", ATOM

    def _text_stacked(self, o: Op) -> tuple[str, int]:
        return f"{self._operand(o.args[0], ATOM)}.T.ravel()", ATOM

    def _text_kron(self, o: Op) -> tuple[str, int]:
        return f"np.kron({self._operand(o.args[0], 0)}, {self._operand(o.args[1], 0)})", ATOM

    def _text_matrix_power(self, o: Op) -> tuple[str, int]:
        return f"np.linalg.matrix_power({self._operand(o.args[0], 0)}, {o.data})", ATOM

    def _helper(self, name: str, *args: str) -> tuple[str, int]:
        self.helpers.add(name)
        return f"{name}({', '.join(args)})", ATOM

    def _factored(self, o: Op) -> str | None:
        """The Cholesky factor that o shares with others, made where it is first needed."""
        a = o.args[0]
        if a not in self.factors or not o.data:
            return None
        key = self.graph.op("cholesky", (a,), a.shape)
        if key not in self.variables:
            text = self._helper("cholesky_factor", self._operand(a, 0))[0]
            self.lines.append(f"{self._fresh(key)} = {text}")
        return self.variables[key]

    def _text_inverse(self, o: Op) -> tuple[str, int]:
        factor = self._factored(o)
        if factor:
            return self._helper("inverse_of_factored", factor)
        a = self._operand(o.args[0], 0)
        if o.data:
            self.helpers.add("cholesky_factor")
            return self._helper("inverse_of_factored", f"cholesky_factor({a})")
        return self._helper("inverse", a)

    def _text_solve(self, o: Op) -> tuple[str, int]:
        factor = self._factored(o)
        a, b = (self._operand(x, 0) for x in o.args)
        if factor:
            return self._helper("solution_of_factored", factor, b)
        return self._helper("solution_spd" if o.data else "solution", a, b)

    def _text_log_determinant(self, o: Op) -> tuple[str, int]:
        factor = self._factored(o)
        if factor:
            return self._helper("log_determinant_of_factored", factor)
        return f"np.linalg.slogdet({self._operand(o.args[0], 0)})[1]", ATOM

    def _text_weighted_gram(self, o: Op) -> tuple[str, int]:
        return self._helper("weighted_gram", *(self._operand(a, 0) for a in o.args))

    def _text_call(self, o: Op) -> tuple[str, int]:
        value, axis = o.data
        args = [self._operand(a, 0) for a in o.args]
        self.helpers.add(value)
        extra = [] if axis is None else [f"axis={axis}"]
        text = f"{value.replace('numpy.', 'np.', 1)}({', '.join([*args, *extra])})"
        return (text, ATOM) if value.startswith("numpy.") else self._helper("last", text)


def _is_filled(o: Op) -> bool:
    """Is most of it zero?"""
    return o.kind == "spread entries" or (o.kind == "crossed" and any(a.kind == "eye" for a in o.args))


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
