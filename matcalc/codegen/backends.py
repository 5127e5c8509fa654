"""Compiled functions on the arrays of other libraries: JAX, PyTorch, and every library that follows the array API standard.

Arrays go in and come out in the user's own library, on their device and of their kind. The plan is the one that is exported as code,
with sizes put in; JAX compiles it. What a plan has no words for is computed with NumPy, where numbers can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ..compiler import arranged, axes
from ..declared import refuse_others
from ..dims import SCALAR
from ..errors import DomainError, Fix, NotSupported
from ..expr import Expr, symbol
from .compiled import MOST_PLANS, UNUSUAL, Compiled, made
from .lowering import CannotLower, Lowering
from .python_text import ArrayText, JaxText, PythonText, TorchText
from .writer import NotWritten

Array = Any
EXTRAS = {"jax": "jax", "torch": "torch"}


class Library:
    """What is asked of a library besides its functions."""

    name = "array"
    writer: type[PythonText] = ArrayText

    def __init__(self, namespace: Any) -> None:
        self.xp = namespace

    def scope(self) -> dict[str, Any]:
        """The names in a plan."""
        return {"xp": self.xp}

    def owns(self, value: Any) -> bool:
        return hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.ndarray | np.generic)

    def array(self, value: Any, like: Array | None) -> Array:
        """An array of this library, of the kind of another."""
        if like is None:
            return self.xp.asarray(value)
        return self.xp.asarray(value, dtype=like.dtype, device=like.device)

    def is_real(self, a: Array) -> bool:
        return bool(self.xp.isdtype(a.dtype, "real floating"))

    def common(self, arrays: Sequence[Array]) -> Any:
        """The kind of numbers to which all can be turned."""
        return self.xp.result_type(*arrays)

    def turned(self, a: Array, kind: Any) -> Array:
        return a if a.dtype == kind else self.xp.astype(a, kind)

    def usual(self, a: Array) -> Array:
        """Whole numbers as the library's own fractions."""
        return self.xp.astype(a, self.xp.asarray(1.0).dtype)

    def reshaped(self, a: Array, shape: tuple[int, ...]) -> Array:
        return self.xp.reshape(a, shape)

    def numbers(self, a: Array) -> Any:
        """As NumPy's; None where there are none yet, because the function is being traced."""
        try:
            return np.asarray(a)
        except Exception:
            return None

    def ready(self, run: Callable[..., Any]) -> Callable[..., Any]:
        return run

    def key(self, a: Array) -> Any:
        """What a plan depends on: the shape, the kind of numbers, the device; of a plain number nothing."""
        return float if a.__class__ is float else (a.shape, a.dtype, a.device)


class Numpy(Library):
    """NumPy under its array API, for a user who passes the module itself."""

    def owns(self, value: Any) -> bool:
        return isinstance(value, np.ndarray | np.generic)


class Jax(Library):
    name, writer = "jax", JaxText

    def __init__(self) -> None:
        super().__init__(import_module("jax.numpy"))

    def scope(self) -> dict[str, Any]:
        for module in ("jax.nn", "jax.scipy.linalg", "jax.scipy.special"):
            import_module(module)
        return {"jnp": self.xp, "jax": import_module("jax")}

    def array(self, value: Any, like: Array | None) -> Array:
        return self.xp.asarray(value, dtype=None if like is None else like.dtype)

    def is_real(self, a: Array) -> bool:
        return bool(self.xp.issubdtype(a.dtype, self.xp.floating))

    def turned(self, a: Array, kind: Any) -> Array:
        return a if a.dtype == kind else a.astype(kind)

    def usual(self, a: Array) -> Array:
        return a.astype(float)

    def ready(self, run: Callable[..., Any]) -> Callable[..., Any]:
        return import_module("jax").jit(run)  # type: ignore[no-any-return]

    def key(self, a: Array) -> Any:
        return float if a.__class__ is float else (a.shape, a.dtype)  # jit looks after the device


class Torch(Library):
    name, writer = "torch", TorchText

    def __init__(self) -> None:
        super().__init__(import_module("torch"))

    def scope(self) -> dict[str, Any]:
        return {"torch": self.xp}

    def array(self, value: Any, like: Array | None) -> Array:
        if like is None:
            return self.xp.as_tensor(value, dtype=None if self.owns(value) else self.xp.float64)
        return self.xp.as_tensor(value, dtype=like.dtype, device=like.device)

    def owns(self, value: Any) -> bool:
        return isinstance(value, self.xp.Tensor)

    def is_real(self, a: Array) -> bool:
        return bool(a.dtype.is_floating_point)

    def common(self, arrays: Sequence[Array]) -> Any:
        kind = arrays[0].dtype
        for a in arrays[1:]:
            kind = self.xp.promote_types(kind, a.dtype)
        return kind

    def turned(self, a: Array, kind: Any) -> Array:
        return a if a.dtype == kind else a.to(kind)

    def usual(self, a: Array) -> Array:
        return a.to(self.xp.get_default_dtype())

    def numbers(self, a: Array) -> Any:
        try:
            return a.detach().cpu().numpy()
        except Exception:
            return None


def library(backend: Any) -> Library:
    """What `backend=` names: "jax", "torch", the name of an array library, or its namespace."""
    if isinstance(backend, ModuleType | type) or (not isinstance(backend, str) and hasattr(backend, "asarray")):
        name = getattr(backend, "__name__", "")
        if name in ("jax.numpy", "jax"):
            return Jax()
        if name == "torch":
            return Torch()
        return Numpy(backend) if name == "numpy" else Library(backend)
    if backend not in EXTRAS:
        raise NotSupported(f"there is no backend {backend!r}", detail="numpy, jax, torch, or the namespace of an array library",
                           fixes=[Fix(say='d.compile(backend="numpy")')])
    try:
        return Jax() if backend == "jax" else Torch()
    except ImportError:
        raise NotSupported(f"the backend {backend} is not installed", detail=f"pip install {EXTRAS[backend]}",
                           fixes=[Fix(say='d.compile(backend="numpy")')]) from None


class Elsewhere(Compiled):
    """A function of named arrays of another library."""

    def __init__(self, library: Library, *args: Any) -> None:
        super().__init__(*args)
        self.library = library
        self.calls: dict[Any, Callable[[Mapping[str, Array]], Any]] = {}  # by shapes, kinds and devices of all that is given
        self.quick: dict[Any, Callable[[Sequence[Array]], Any]] = {}  # the same, of arrays that can be passed on as they are
        self.bare = {n: e if e.op != "sym" else symbol(n, e.shape) for n, e in self.wanted.items()}  # for shapes only

    def function(self) -> Callable[..., Any]:
        names, quick, key_of = list(self.wanted), self.quick, self.library.key

        def compiled(values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
            if values is None and len(arrays) == len(names) and not more:
                try:
                    given = [arrays[n] for n in names]
                    run = quick.get(tuple([key_of(a) for a in given]))
                except (KeyError, AttributeError, TypeError):
                    run = None
                if run is not None:
                    return run(given)
            return self.slowly(values, *more, **arrays)

        return compiled

    def slowly(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """Judge the arguments, and run the plan for their shapes, kinds and devices."""
        given = self.named(values, more, arrays)
        dimensions = {n: v for n, v in given.items() if n in self.dimensions and n not in self.wanted}
        own = self._own({n: v for n, v in given.items() if n not in dimensions})
        key = (*((n, self.library.key(a)) for n, a in own.items()), *dimensions.items())
        try:
            found = self.calls.get(key)
        except TypeError:  # a dimension that is no number
            found, key = None, ()
        if found is None:
            found = self._planned(own, dimensions, key)
            self._remember(given, own, found)
        return found(own)

    def _remember(self, given: Mapping[str, Any], own: Mapping[str, Array], run: Callable[[Mapping[str, Array]], Any]) -> None:
        """Arguments that need no turning take the quick way from now on."""
        as_they_are = [n for n in self.wanted if given.get(n) is own.get(n)]
        numbers = [n for n in self.wanted if n not in as_they_are]
        if set(given) != set(self.wanted) or any(given[n].__class__ is not float for n in numbers):
            return
        like = next((own[n] for n in as_they_are), None)
        array, names = self.library.array, list(self.wanted)
        key = tuple(self.library.key(given[n]) for n in names)
        if len(self.quick) >= MOST_PLANS:
            self.quick.clear()
        if like is None and numbers:
            return
        self.quick[key] = lambda values: run({n: array(v, like) if v.__class__ is float else v for n, v in zip(names, values, strict=True)})

    def _own(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Arrays of the library, all of one kind; numbers and lists become what the others are."""
        library = self.library
        others = [v for v in given.values() if library.owns(v)]
        reals = [v for v in others if library.is_real(v)]
        kind = library.common(reals) if len(reals) > 1 else None
        own: dict[str, Array] = {}
        for name, value in given.items():
            try:
                a = value if library.owns(value) else library.array(value, reals[0] if reals else None)
                if not library.is_real(a):
                    a = library.usual(a) if np.isrealobj(np.empty(0, self._kind(a))) else a
            except (TypeError, ValueError, RuntimeError, OverflowError):
                arranged({n: e for n, e in self.bare.items() if n == name}, {name: value})  # says what is wrong with it
                raise DomainError(f"{name} cannot be an array of {library.xp.__name__}") from None
            own[name] = a if kind is None or not library.is_real(a) else library.turned(a, kind)
        wrong = [n for n, a in own.items() if not library.is_real(a)]
        if wrong:
            raise DomainError(f"{wrong[0]} must be real numbers; it holds {self._kind(own[wrong[0]])}")
        return own

    def _kind(self, a: Array) -> str:
        return "complex128" if "complex" in str(a.dtype) else "float64"

    def _planned(self, own: Mapping[str, Array], dimensions: Mapping[str, Any], key: Any) -> Callable[[Mapping[str, Array]], Any]:
        """Judge shapes and numbers, and make the plan."""
        shapes = {n: np.broadcast_to(np.float64(0), tuple(a.shape)) for n, a in own.items()}
        used = {n: e for n, e in self.bare.items() if n in shapes or n in self.needed}
        found, sizes = arranged(used, {**shapes, **dimensions}, self.dimensions)
        forms = {n: () if e.shape == SCALAR else (-1,) if e.is_row else axes(e.shape, sizes) for n, e in self.bare.items() if n in found}
        self._judge_numbers(own)
        try:
            run = self._written(sizes)
        except (CannotLower, NotWritten, KeyError, RecursionError):
            return lambda arrays: self._with_numpy(arrays, dimensions)
        reshaped = self.library.reshaped

        def call(arrays: Mapping[str, Array]) -> Any:
            return run(*[reshaped(arrays[n], forms[n]) if arrays[n].shape != forms[n] else arrays[n] for n in self.needed])

        if len(self.calls) >= MOST_PLANS:
            self.calls.clear()
        if key:
            self.calls[key] = call
        return call

    def _judge_numbers(self, own: Mapping[str, Array]) -> None:
        """What was declared of a variable must hold of its numbers, where there are any."""
        for name, a in own.items():
            e: Expr | None = self.wanted.get(name)
            if e is not None and e.op == "sym" and e.data.properties and (numbers := self.library.numbers(a)) is not None:
                refuse_others(name, e.data.properties, numbers.reshape(arranged({name: self.bare[name]}, {name: numbers})[0][name].shape))

    def _written(self, sizes: Mapping[str, int]) -> Callable[..., Any]:
        library = self.library
        lowering = Lowering(sizes, [r for p in self.parts for r in p.roots], target=library.name, knows=library.writer.knows)
        ops = [p.operation(lowering) for p in self.parts]
        names = {name: f"a{i}" for i, name in enumerate(self.needed)}
        given = next((names[n] for n, e in self.needed.items() if e.shape != SCALAR), next(iter(names.values()), ""))
        writer = library.writer(lowering.graph, ops, names, width=None, given=given)
        body = writer.write()
        source = f"def run({', '.join(names.values())}):\n" + "\n".join("    " + line for line in body) + "\n"
        return library.ready(made(source, "run", library.scope()))

    def _with_numpy(self, own: Mapping[str, Array], dimensions: Mapping[str, Any]) -> Any:
        library = self.library
        numbers = {n: library.numbers(a) for n, a in own.items()}
        if any(v is None for v in numbers.values()):
            raise NotSupported("this form has no code for the library, and numbers are not there while a function is traced")
        found = super().slowly({**numbers, **dimensions})
        like = next(iter(own.values()), None)
        try:
            return tuple(library.array(v, like) for v in found) if isinstance(found, tuple) else library.array(found, like)
        except UNUSUAL as error:
            raise DomainError(f"the value cannot be an array of {library.xp.__name__}: {error}") from None
