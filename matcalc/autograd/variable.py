"""Variable: a number or an array that remembers how it was computed. Operators record; `backward` walks the record.

A node keeps its operation and its operands, never its results, so a graph without a user is freed at once. A sequence number
orders the nodes, and tells a leaf that was rebound after it was used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DomainError, NotDifferentiable, NotSupported, ShapeError
from .operations import (
    ADD,
    ADD_B,
    ADD_C,
    DIV,
    DIV_C,
    INDEX,
    MATMUL,
    MATMUL_N,
    MEAN,
    MUL,
    MUL_B,
    MUL_C,
    NEG,
    POW,
    POW_C,
    RDIV,
    RESHAPE,
    RPOW,
    SUB,
    SUB_B,
    SUM,
    TRANSPOSE,
    Operation,
)

Value = Any  # a float, or a float64 array with at least one axis
_next = count().__next__
_recording = True  # by everyone; where anyone stands under no_grad it is False, and each thread asks what it was told itself
_silent: ContextVar[bool] = ContextVar("silent", default=False)
_silences = 0
_lock = Lock()
# the Variables that stand for the names of a formula, by id, while it is read off running code (tracing.py)
reading: ContextVar[frozenset[int]] = ContextVar("reading", default=frozenset())


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, nothing is recorded in this thread: results are constants.

    >>> from matcalc.autograd import Variable, no_grad
    >>> w = Variable([1.0, 2.0])
    >>> with no_grad():
    ...     w -= 0.1 * w            # the leaf takes a new value
    >>> w
    Variable([0.9, 1.8])
    """
    before = _silent.get()
    _silence(1)
    _silent.set(True)
    try:
        yield
    finally:
        _silent.set(before)
        _silence(-1)


def _silence(more: int) -> None:
    global _recording, _silences
    with _lock:
        _silences += more
        _recording = not _silences


@contextmanager
def recording() -> Iterator[None]:
    """Inside, everything is recorded, also under `no_grad`: a derivative that is asked for is taken."""
    before = _silent.get()
    _silent.set(False)
    try:
        yield
    finally:
        _silent.set(before)


def plain(x: Any) -> Value:
    """A value as it is kept: a float, or an array of float64."""
    if x.__class__ is float:
        return x
    if isinstance(x, Variable):
        return x._v
    if x.__class__ is np.ndarray and x.dtype == np.float64 and x.ndim:
        return x
    try:
        array = np.asarray(x)
        if array.dtype.kind not in "bifu":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise DomainError(f"a Variable holds real numbers, not {_named(x)}") from None
    return array if array.ndim else float(array)


def _named(x: Any) -> str:
    dtype = getattr(x, "dtype", None)
    return f"an array of {dtype}" if dtype is not None else f"{type(x).__name__} {x!r}"[:60]


class Variable:
    """A real number or array, float64, whose computation is recorded.

    A Variable made by you is a leaf: `y.backward()` adds dy/dleaf to `leaf.grad`, an array like `leaf.value`. Arrays are copied in
    and read-only, so that nothing that a derivative needs can change unseen: a leaf is given a new value (`w.value = ...`, or
    `w -= ...` under `no_grad()`).

    >>> x = Variable([1.0, 2.0])
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    __slots__ = ("_v", "_op", "_a", "_b", "_g", "_seq", "__weakref__")
    __hash__ = object.__hash__
    _v: Value
    _op: Any  # None: a leaf
    _a: Any  # the operands: Variables, or what the operation needs to know
    _b: Any
    _g: Any  # of a leaf the gradient, summed over calls; inside, what has arrived during a walk
    _seq: int

    def __new__(cls, value: Any = 0.0, requires_grad: bool = True) -> Variable:
        self = object.__new__(cls if requires_grad else Constant)
        self._v = _frozen(plain(value))
        self._op = self._a = self._b = self._g = None
        self._seq = _next()
        return self

    # ------------------------------------------------------------ what it is
    @property
    def value(self) -> Value:
        """The number (a float) or the array (read-only). Of a leaf it can be set."""
        if reading.get():
            self._stays("x.value")
        if self._v.__class__ is not float:
            self._v.flags.writeable = False
        return self._v

    @value.setter
    def value(self, new: Any) -> None:
        if self._op is not None:
            raise DomainError("only a leaf can be given a new value; this is the result of a computation",
                              detail="compute it again, or make a leaf of it: Variable(x.value)")
        new = plain(new)
        if np.shape(new) != np.shape(self._v):
            raise ShapeError(f"the new value has shape {np.shape(new)}, the Variable {np.shape(self._v)}",
                             detail="make a new Variable for another shape")
        self._v = _frozen(new)
        self._seq = _next()

    @property
    def grad(self) -> Any:
        """What the calls of `backward` have added up, shaped like the value; None before the first. Leaves only."""
        if self._op is not None:
            raise _no_leaf()
        return self._g

    @grad.setter
    def grad(self, new: Any) -> None:
        if self._op is not None:
            raise _no_leaf()
        if new is not None:
            raise DomainError("a gradient is added up by backward; set it to None to begin anew")
        self._g = None

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def detach(self) -> Variable:
        """The same value as a constant: no gradient flows through it."""
        if reading.get():
            self._stays("x.detach()")
        return constant(self._v)

    @property
    def is_leaf(self) -> bool:
        return self._op is None

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self._v.__class__ is float else self._v.shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return 1 if self._v.__class__ is float else self._v.size

    @property
    def dtype(self) -> Any:
        return np.dtype(np.float64)

    @property
    def T(self) -> Variable:
        return self.transpose()

    def item(self) -> float:
        """The number as a plain float, also of an array of one entry."""
        if reading.get():
            self._stays("x.item()")
        if self.size != 1:
            raise ShapeError(f"an array of shape {self.shape} is not one number", detail="x.value is the array")
        return float(self._v) if self._v.__class__ is float else self._v.item()

    def tolist(self) -> Any:
        """The value as a float, or as nested lists of floats."""
        if reading.get():
            self._stays("x.tolist()")
        return self._v if self._v.__class__ is float else self._v.tolist()

    def __float__(self) -> float:
        from .transforms import depth

        if reading.get():
            self._stays("float(x), as in math.exp(x),")
        if depth.get() and self.__class__ is Variable:  # math.exp(x) would lose the derivative without a word
            raise DomainError("a Variable is made a plain number here, and its derivative would be lost",
                              detail="matcalc.autograd has functions in place of math's (exp, sqrt ...); x.item() says it on purpose")
        return self.item()

    def __int__(self) -> int:
        return int(self.__float__())

    def _stays(self, what: str) -> None:
        """While a formula is read off, a number taken out of its variables would stand in the formula as a constant."""
        if depends(self):
            raise DomainError(f"{what} makes plain numbers of a Variable, which would stand in the formula as constants",
                              detail="matcalc.autograd has functions in place of math's (exp, sqrt ...), and what is a constant is "
                                     "computed outside the function")

    if TYPE_CHECKING:  # the functions of this package as methods (methods.py); a real __getattr__ would slow every look at a slot
        def __getattr__(self, name: str) -> Any: ...

    def __dir__(self) -> list[str]:
        """Its attributes, without those of NumPy's arrays that it has not, and only has words for (methods.py)."""
        from .methods import Method

        return [n for n in object.__dir__(self) if not isinstance(getattr(type(self), n, None), Method) or hasattr(self, n)]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a number has no len()")
        return self.shape[0]

    def __iter__(self) -> Iterator[Variable]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        v = repr(self._v) if self._v.__class__ is float else np.array2string(self._v, separator=", ", prefix=f"{type(self).__name__}(")
        return f"{type(self).__name__}({v})"

    def __format__(self, spec: str) -> str:
        return format(self._v, spec) if self._v.__class__ is float and spec else format(str(self), spec)

    def __bool__(self) -> bool:
        if reading.get() and depends(self):
            from .conditions import branched

            raise branched()
        return bool(self._v)

    def __reduce__(self) -> Any:
        """Copies and pickles: a leaf with its gradient, not the record of a computation."""
        if self._op is not None:
            raise DomainError("only leaves are copied; this is the result of a computation", detail="x.value is its number or its array")
        return _again, (type(self), self._v, self._g)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise DomainError("an array would lose the derivative of a Variable",
                          detail="x.value is its array; stack([...]) and concatenate([...]) make one Variable of several")

    def __abs__(self) -> Variable:
        from .functions import made

        return made("abs")(self)  # type: ignore[no-any-return]

    # ------------------------------------------------------------ operators: the fast roads are written out
    def __add__(self, other: Any) -> Variable:
        a = self._v
        if other.__class__ is Variable and _recording:
            b, op, kept = other._v, ADD, other
        else:
            other = operand(other)
            if other is NotImplemented:
                return NotImplemented
            if other.__class__ is Variable or not _recording:
                return binary(ADD_B, self, other)
            b, op, kept = other, ADD_C, other
        try:
            v = a + b
        except ValueError:
            raise _clash("+", a, b) from None
        if (a.__class__ is not float or b.__class__ is not float) and (
                a.__class__ is float or b.__class__ is float or a.shape != b.shape):
            op = ADD_B
        r = _new(Variable)
        r._v = v
        r._op = op
        r._a = self
        r._b = kept
        r._g = None
        r._seq = _next()
        return r

    def __mul__(self, other: Any) -> Variable:
        a = self._v
        if other.__class__ is Variable and _recording:
            b, op, kept = other._v, MUL, other
        else:
            other = operand(other)
            if other is NotImplemented:
                return NotImplemented
            if other.__class__ is Variable or not _recording:
                return binary(MUL_B, self, other)
            b, op, kept = other, MUL_C, other
        try:
            v = a * b
        except ValueError:
            raise _clash("*", a, b) from None
        if (a.__class__ is not float or b.__class__ is not float) and (
                a.__class__ is float or (b.__class__ is float and op is MUL) or (b.__class__ is not float and a.shape != b.shape)):
            op = MUL_B
        r = _new(Variable)
        r._v = v
        r._op = op
        r._a = self
        r._b = kept
        r._g = None
        r._seq = _next()
        return r

    def __sub__(self, other: Any) -> Variable:
        a = self._v
        if other.__class__ is Variable and _recording:
            b, op, kept = other._v, SUB, other
        else:
            other = operand(other)
            if other is NotImplemented:
                return NotImplemented
            if other.__class__ is Variable or not _recording:
                return binary(SUB_B, self, other)
            b, op, kept = other, ADD_C, other
        try:
            v = a - b
        except ValueError:
            raise _clash("-", a, b) from None
        if (a.__class__ is not float or b.__class__ is not float) and (
                a.__class__ is float or b.__class__ is float or a.shape != b.shape):
            op = SUB_B
        r = _new(Variable)
        r._v = v
        r._op = op
        r._a = self
        r._b = kept
        r._g = None
        r._seq = _next()
        return r

    def __matmul__(self, other: Any) -> Variable:
        other = operand(other)
        if other is NotImplemented:
            return NotImplemented
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else product(other, self)

    def __neg__(self) -> Variable:
        return record(NEG, -self._v, self)

    def __pos__(self) -> Variable:
        return self

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(SUB_B, other, self)

    def __truediv__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(DIV if isinstance(other, Variable) else DIV_C, self, other)

    def __rtruediv__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(RDIV, self, other)

    def __pow__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(POW if isinstance(other, Variable) else POW_C, self, other)

    def __rpow__(self, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(RPOW, self, other)

    def __isub__(self, other: Any) -> Variable:
        return self._updated(self - other)

    def __iadd__(self, other: Any) -> Variable:
        return self._updated(self + other)

    def __imul__(self, other: Any) -> Variable:
        return self._updated(self * other)

    def __itruediv__(self, other: Any) -> Variable:
        return self._updated(self / other)

    def _rounded(self, *_: Any) -> Any:
        raise NotSupported("// % divmod and round have no derivative here", detail="x.value is the plain number, or the array")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __round__ = _rounded

    def _updated(self, new: Variable) -> Variable:
        """Under `no_grad` a leaf takes the new value; elsewhere the name is bound to the result, as for any number."""
        if _recording or not _silent.get() or self._op is not None:
            return new
        self.value = new._v
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        raise DomainError("a Variable is not changed in place, for what was computed from it would no longer be its derivative",
                          detail="where(mask, new, x) and concatenate make a new one; a leaf takes a new value by w.value = ...")

    def __getitem__(self, index: Any) -> Variable:
        index = tuple(_index(i) for i in index) if isinstance(index, tuple) else _index(index)
        if self._v.__class__ is float:
            raise ShapeError("a number has no entries")
        try:
            found = self._v[index]
        except IndexError as error:
            raise ShapeError(f"there is no entry {index} in shape {self.shape}: {error}") from None
        return record(INDEX, found, self, (index, self.shape))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """np.tanh(x), np.add(a, x) and array @ x: the same operations."""
        from .methods import as_numpy

        if "out" in options:
            raise DomainError("an array does not take the result of Variables in place", detail="write a = a + x in place of a += x")
        name = ufunc.__name__
        straight, turned = OPERATORS.get(name, ("", ""))
        if straight and method == "__call__" and not options:
            first, *rest = inputs
            return getattr(first, straight)(*rest) if isinstance(first, Variable) else getattr(rest[0], turned)(first)
        return as_numpy(ufunc, name if method == "__call__" else f"{name}.{method}", inputs, options)

    def __array_function__(self, f: Any, types: Any, args: Any, options: Any) -> Any:
        """np.sum(x), np.concatenate([x, y]), np.linalg.inv(X): the functions of the same name."""
        from .methods import as_numpy

        return as_numpy(f, f.__name__, args, options)

    # comparisons have no derivative: they give plain booleans
    def __gt__(self, other: Any) -> Any:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compared(operator.ge, self, other)

    def __lt__(self, other: Any) -> Any:
        return _compared(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compared(operator.le, self, other)

    def __eq__(self, other: Any) -> Any:
        other = operand(other)
        return NotImplemented if other is NotImplemented else _compared(operator.eq, self, other)

    def __ne__(self, other: Any) -> Any:
        other = operand(other)
        return NotImplemented if other is NotImplemented else _compared(operator.ne, self, other)

    # ------------------------------------------------------------ shapes and sums
    def sum(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The sum of all entries, or along one or several axes."""
        if self._v.__class__ is float:
            return self
        return record(SUM, _reduced(np.sum, self._v, axis, keepdims), self, (axis, keepdims, self.shape))

    def mean(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The mean of all entries, or along one or several axes."""
        if self._v.__class__ is float:
            return self
        return record(MEAN, _reduced(np.mean, self._v, axis, keepdims), self, (axis, keepdims, self.shape))

    def reshape(self, *shape: Any) -> Variable:
        """The entries in another shape, in C order; -1 stands for what is left."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        try:
            return record(RESHAPE, np.reshape(self._v, wanted), self, self.shape)
        except ValueError:
            raise ShapeError(f"{self.size} entries of shape {self.shape} do not fill {tuple(wanted)}") from None

    def ravel(self) -> Variable:
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> Variable:
        """The axes in another order; without one, reversed."""
        wanted = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        if self.ndim < 2 and not wanted:
            return self
        if wanted and sorted(a % max(self.ndim, 1) if -self.ndim <= a < self.ndim else -1 for a in wanted) != list(range(self.ndim)):
            raise ShapeError(f"{tuple(wanted)} is no order of the axes of shape {self.shape}")
        order = tuple(a % self.ndim for a in wanted) or tuple(reversed(range(self.ndim)))
        return record(TRANSPOSE, np.transpose(self._v, order), self, order)

    def swapaxes(self, one: int, other: int) -> Variable:
        order = list(range(self.ndim))
        if not all(-self.ndim <= axis < self.ndim for axis in (one, other)):
            raise ShapeError(f"there are no axes {one} and {other} in shape {self.shape}")
        order[one], order[other] = order[other], order[one]
        return self.transpose(*order)

    # ------------------------------------------------------------ derivatives
    def backward(self, cotangent: Any = None) -> None:
        """Add d<cotangent, self>/dleaf to `leaf.grad`, for every leaf that this was computed from.

        `cotangent`: shaped like self; 1 for a number. Raises ShapeError for an array without one, and NotDifferentiable where
        nothing was recorded.
        """
        from .walk import seed_of, walk_back

        walk_back(self, seed_of(self, cotangent))


class Constant(Variable):
    """A value whose computation was not recorded, or that no derivative is wanted for."""

    __slots__ = ()

    def __add__(self, other: Any) -> Variable:
        return self._with(ADD_B, other)

    def __mul__(self, other: Any) -> Variable:
        return self._with(MUL_B, other)

    def __sub__(self, other: Any) -> Variable:
        return self._with(SUB_B, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def _with(self, op: Operation, other: Any) -> Variable:
        other = operand(other)
        return NotImplemented if other is NotImplemented else binary(op, self._v, other)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._v, dtype=dtype)

    def backward(self, cotangent: Any = None) -> None:
        raise NotDifferentiable("nothing was recorded for this value: no Variable entered it, or it was computed under no_grad()",
                                detail="under no_grad() a leaf takes a new value by w -= ... or w.value = ...; w = w - ... is a constant")


OPERATORS = {  # of a ufunc: the method, and that of the second operand
    "add": ("__add__", "__radd__"), "subtract": ("__sub__", "__rsub__"), "multiply": ("__mul__", "__rmul__"),
    "divide": ("__truediv__", "__rtruediv__"), "true_divide": ("__truediv__", "__rtruediv__"), "power": ("__pow__", "__rpow__"),
    "float_power": ("__pow__", "__rpow__"), "matmul": ("__matmul__", "__rmatmul__"), "negative": ("__neg__", ""),
    "positive": ("__pos__", ""), "greater": ("__gt__", "__lt__"), "greater_equal": ("__ge__", "__le__"), "less": ("__lt__", "__gt__"),
    "less_equal": ("__le__", "__ge__"), "equal": ("__eq__", "__eq__"), "not_equal": ("__ne__", "__ne__"),
}
_new = object.__new__


def _frozen(v: Value) -> Value:
    if v.__class__ is float:
        return v
    v = v.copy()
    v.flags.writeable = False
    return v


def constant(v: Any) -> Variable:
    """A value that nothing is recorded of."""
    r: Variable = _new(Constant)
    r._v = v
    r._op = r._a = r._b = r._g = None
    r._seq = 0
    return r


def operand(x: Any) -> Any:
    """A Variable, or the plain value of anything else that holds numbers; NotImplemented for the rest."""
    if x.__class__ is float or x.__class__ is Variable:
        return x
    if isinstance(x, Constant):
        return x._v
    if isinstance(x, int | float | np.ndarray | np.generic | list | tuple):
        return plain(x)
    return NotImplemented


def _again(kind: type[Variable], value: Value, gradient: Any) -> Variable:
    """A leaf, or a constant, from what was copied."""
    made = kind(value) if kind is not Constant else constant(value)
    made._g = gradient
    return made


def _compared(f: Callable[[Any, Any], Any], a: Variable, b: Any) -> Any:
    if reading.get() and (depends(a) or depends(b)):
        from .conditions import compared

        return compared(f.__name__, a, b)
    try:
        return f(a._v, plain(b))
    except ValueError:
        raise _clash("and", a._v, plain(b)) from None


def _index(i: Any) -> Any:
    return i._v.astype(int) if isinstance(i, Variable) and i.ndim else int(i._v) if isinstance(i, Variable) else i


def _clash(sign: str, a: Any, b: Any) -> ShapeError:
    return ShapeError(f"the shapes of {np.shape(a)} {sign} {np.shape(b)} do not fit together")


def depends(x: Any) -> bool:
    """Was x computed from the variables of the formula that is being read off?"""
    if isinstance(x, tuple | list):
        return any(map(depends, x))
    names = reading.get()
    if not names or x.__class__ is not Variable:
        return False
    from .walk import leaves_of

    return any(id(leaf) in names for leaf in leaves_of(x))


def _no_leaf() -> DomainError:
    return DomainError("only leaves keep a gradient; this is the result of a computation",
                       detail="an update is written under no_grad, where the leaf takes the new value and stays a leaf:\n"
                              "    with no_grad():\n"
                              "        w -= 0.1 * w.grad\n"
                              "elsewhere w -= ... makes a new Variable; grad(f)(x) differentiates by anything, as an argument of f")


def record(op: Operation, v: Any, a: Any, b: Any = None) -> Variable:
    """The result of an operation on Variables, with what its derivative needs."""
    if v.__class__ is not float and (not isinstance(v, np.ndarray) or v.ndim == 0):
        v = float(v)
    if not _recording and _silent.get():
        if depends((a, b)):
            raise NotSupported("what is computed under no_grad() is a constant, and would stand in the formula as one",
                               detail="compute it outside the function, or record it")
        return constant(v)
    if a.__class__ is not Variable and b.__class__ is not Variable and a.__class__ is not tuple:
        return constant(v)
    r: Variable = _new(Variable)
    r._v = v
    r._op = op
    r._a = a
    r._b = b
    r._g = None
    r._seq = _next()
    return r


def binary(op: Operation, a: Any, b: Any) -> Variable:
    """A recorded operation on two operands, one of which may be plain."""
    if a.__class__ is Constant:
        a = a._v
    try:
        assert op.value is not None
        return record(op, op.value(plain(a), plain(b)), a, b)
    except ValueError:
        raise _clash(op.sign, plain(a), plain(b)) from None


def product(a: Any, b: Any) -> Variable:
    """a @ b: vectors, matrices, and stacks of them."""
    if a.__class__ is Constant:
        a = a._v
    x, y = plain(a), plain(b)
    if x.__class__ is float or y.__class__ is float:
        raise ShapeError("@ takes vectors and matrices; a number is multiplied by *")
    try:
        v = x @ y
    except ValueError:
        raise _clash("@", x, y) from None
    return record(MATMUL if x.ndim == 2 == y.ndim else MATMUL_N, v, a, b)


def _reduced(f: Callable[..., Any], v: Any, axis: Any, keepdims: bool) -> Any:
    try:
        return f(v, axis=axis, keepdims=keepdims)
    except (ValueError, TypeError) as error:  # numpy.exceptions.AxisError; an axis that is no whole number
        raise ShapeError(f"there is no axis {axis} in shape {v.shape}") from error
