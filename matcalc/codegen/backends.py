"""Compiled functions on the arrays of other libraries: JAX, PyTorch, and every library that follows the array API standard.

Arrays go in and come out in the user's own library, on their device and of their kind. The plan is the one that is exported as code,
with sizes put in; JAX compiles it. What a plan has no words for is computed with NumPy, where numbers can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from .. import dims
from ..compiler import arranged, axes
from ..compiler import array_of as judged
from ..declared import refuse_others
from ..dims import SCALAR
from ..errors import DomainError, Fix, MatcalcError, NotSupported, nearest
from ..expr import symbol
from .compiled import MOST_PLANS, UNUSUAL, Compiled, made
from .graph import Graph, Op
from .lowering import CannotLower, Lowering
from .python_text import ArrayText, JaxText, PythonText, StrictText, TorchText
from .trials import ROUNDING, SHORT, agree, work
from .writer import NotWritten

Array = Any
EXTRAS = {"jax": "jax", "torch": "torch"}
LOOKED_AT = frozenset({"stacked", "reshape", "slice", "diagonal", "unstack", "transpose", "placed", "float"})  # the memory of another array
SPREAD = frozenset({"repeat", "spread", "widened", "arranged"})  # perhaps several places of one entry
FAILED = (*UNUSUAL, RuntimeError)


class OwnText:
    """Results are arrays of the library, in memory of their own."""

    copied = "{0}"

    def result(self: Any, r: Op) -> str:
        text: str = self.text(r, whole=True)
        if self.is_plain(r) or (r.kind == "float" and self.is_plain(r.args[0])):
            return str(self.new(self.number_to_array, text))
        seen, read_only = r, False
        while seen.kind in LOOKED_AT:
            seen, read_only = seen.args[0], read_only or seen.kind == "diagonal"
        borrowed = read_only or seen.kind == "input" or seen.kind in SPREAD or (len(self.roots) > 1 and self.uses[seen] > 1)
        return str(self.copied.format(text)) if borrowed else text


class OwnArray(OwnText, ArrayText):
    copied = "xp.asarray({0}, copy=True)"


class OwnTorch(OwnText, TorchText):
    copied = "torch.clone({0})"


class OwnJax(OwnText, JaxText):
    """JAX's arrays cannot be written to."""

    number_to_array = "asarray"


class Library:
    """What is asked of a library besides its functions."""

    name = "array"
    writer: type[StrictText] = OwnArray
    of_device = True  # is there another plan on another device?

    def __init__(self, namespace: Any) -> None:
        self.xp = namespace
        self.kind: Any = None  # the class of the arrays

    def knows(self, dotted: str) -> bool:
        """Has it this function?"""
        return self.writer.knows(dotted)

    def scope(self) -> dict[str, Any]:
        """The names in a plan."""
        return {"xp": self.xp}

    def owns(self, value: Any) -> bool:
        if self.kind is None:
            self.kind = type(self.xp.asarray(0.0))
        return isinstance(value, self.kind)

    def array(self, value: Any, like: Array | None) -> Array:
        """An array of this library, of the kind of another, from one of NumPy's."""
        if like is None:
            return self.xp.asarray(value, dtype=getattr(self.xp, value.dtype.name, None))
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

    def written(self, graph: Graph, ops: Sequence[Op], names: dict[str, str], given: str, numbers: frozenset[str]) -> PythonText:
        """The writer of a plan. `numbers`: the variables that are numbers of Python's."""
        return self.writer(graph, ops, names, width=None, given=given, numbers=numbers)

    def is_watched(self, a: Array) -> bool:
        """Is it going to be differentiated?"""
        return False

    def ready(self, run: Callable[..., Any], writer: PythonText) -> Callable[..., Any]:
        """The plan as it is called."""
        return np.errstate(all="ignore")(run)  # the library may compute with NumPy

    def key(self, a: Array) -> Any:
        """What a plan depends on: the shape, the kind of numbers, the device; of a plain number nothing."""
        return float if a.__class__ is float else (a.shape, a.dtype, a.device) if self.of_device else (a.shape, a.dtype)


class Jax(Library):
    name = "jax"
    of_device = False  # jit looks after it

    def __init__(self) -> None:
        super().__init__(import_module("jax.numpy"))
        self.kind = import_module("jax").Array

    def knows(self, dotted: str) -> bool:
        return OwnJax.knows(dotted)

    def written(self, graph: Graph, ops: Sequence[Op], names: dict[str, str], given: str, numbers: frozenset[str]) -> PythonText:
        return OwnJax(graph, ops, names, width=None, given=given)  # jit makes arrays of numbers

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
        return a.astype(self.xp.result_type(float))

    def ready(self, run: Callable[..., Any], writer: PythonText) -> Callable[..., Any]:
        jax = import_module("jax")
        if not (isinstance(writer, JaxText) and writer.decides_ties()):
            return jax.jit(run)  # type: ignore[no-any-return]

        def one_by_one(*arrays: Any) -> Any:
            if any(isinstance(a, jax.core.Tracer) for a in arrays):
                raise NotSupported("the largest of computed entries is not found under jax.jit: XLA computes them in two roundings",
                                   detail="call the compiled function outside of jax.jit, jax.vmap and jax.grad")
            return run(*arrays)

        return one_by_one


class Torch(Library):
    name, writer = "torch", OwnTorch

    def __init__(self) -> None:
        super().__init__(import_module("torch"))
        self.kind = self.xp.Tensor

    def scope(self) -> dict[str, Any]:
        return {"torch": self.xp}

    def array(self, value: Any, like: Array | None) -> Array:
        if like is None:
            return self.xp.as_tensor(value)
        return self.xp.as_tensor(value, dtype=like.dtype, device=like.device)

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

    def is_watched(self, a: Array) -> bool:
        return bool(a.requires_grad and self.xp.is_grad_enabled())

    def ready(self, run: Callable[..., Any], writer: PythonText) -> Callable[..., Any]:
        return run


def is_numpy(backend: Any) -> bool:
    """Does it name NumPy, or is it NumPy's namespace?"""
    return (backend if isinstance(backend, str) else getattr(backend, "__name__", "")) in ("numpy", "array_api_compat.numpy")


def library(backend: Any) -> Library:
    """What `backend=` names: "jax", "torch", or the namespace of an array library."""
    if isinstance(backend, str) and backend in EXTRAS:
        try:
            return Jax() if backend == "jax" else Torch()
        except ImportError:
            raise NotSupported(f"the backend {backend} is not installed", detail=f"pip install {EXTRAS[backend]}",
                               fixes=[Fix(say='d.compile(backend="numpy")')]) from None
    name = getattr(backend, "__name__", "").removeprefix("array_api_compat.")
    if name in ("jax", "jax.numpy"):
        return Jax()
    if name == "torch":
        return Torch()
    if not isinstance(backend, str) and not hasattr(backend, "isdtype"):  # before the standard had it
        backend = _adapted(name) or backend
    if isinstance(backend, str) or not hasattr(backend, "isdtype"):
        raise NotSupported(f"there is no backend {backend!r}"[:200], detail="numpy, jax, torch, or the namespace of an array library",
                           fixes=[Fix(say=f'd.compile(backend="{_meant(backend)}")')])
    return Library(backend)


def _meant(backend: Any) -> str:
    """PyTorch is torch."""
    word = str(backend).lower()
    return nearest(word, {"numpy", *EXTRAS}) or next((name for name in EXTRAS if name in word), "numpy")


def _adapted(name: str) -> Any:
    """The namespace of a library in which array-api-compat adds what the standard has and the library has not."""
    try:
        return import_module(f"array_api_compat.{name}") if name.isidentifier() else None
    except ImportError:
        return None


class Elsewhere(Compiled):
    """A function of named arrays of another library."""

    def __init__(self, library: Library, *args: Any) -> None:
        super().__init__(*args)
        self.library = library
        self.calls: dict[Any, Callable[[Mapping[str, Array]], Any]] = {}  # by shapes, kinds and devices of all that is given
        self.quick: dict[Any, Callable[[Mapping[str, Array]], Any]] = {}  # the same, of arrays that can be passed on as they are
        self.bare = {n: e if e.op != "sym" else symbol(n, e.shape) for n, e in self.wanted.items()}  # for shapes only

    def function(self) -> Callable[..., Any]:
        names, quick, of_device = tuple(self.wanted), self.quick, self.library.of_device

        def compiled(values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
            if values is None and len(arrays) == len(names) and not more:
                try:
                    given = [arrays[n] for n in names]
                    if of_device:  # as Library.key
                        run = quick.get(tuple([float if a.__class__ is float else (a.shape, a.dtype, a.device) for a in given]))
                    else:
                        run = quick.get(tuple([float if a.__class__ is float else (a.shape, a.dtype) for a in given]))
                except (KeyError, AttributeError, TypeError):
                    run = None
                if run is not None:
                    return run(arrays)
            return self.slowly(values, *more, **arrays)

        return compiled

    def slowly(self, values: Mapping[str, Any] | None = None, /, *more: Any, **arrays: Any) -> Any:
        """Judge the arguments, and run the plan for their shapes, kinds and devices."""
        given = {n: v for n, v in self.named(values, more, arrays).items() if v is not None}
        dimensions = {n: v for n, v in given.items() if n in self.dimensions and n not in self.wanted}
        own = self._own({n: v for n, v in given.items() if n in self.wanted})
        key = (*((n, self.library.key(a)) for n, a in own.items()), *dimensions.items())
        try:
            found = self.calls.get(key)
        except TypeError:  # a dimension that is no number
            found, key = None, ()
        if found is None:
            found = self._planned(own, dimensions, key)
        if not dimensions and len(given) == len(self.wanted):
            self._remember(given, own, found)
        return found(own)

    def _remember(self, given: Mapping[str, Any], own: Mapping[str, Array], run: Callable[[Mapping[str, Array]], Any]) -> None:
        """Arguments that need no turning take the quick way from now on."""
        if all(given.get(n) is own.get(n) for n in self.wanted):
            if len(self.quick) >= MOST_PLANS:
                self.quick.clear()
            self.quick[tuple([self.library.key(given[n]) for n in self.wanted])] = run

    # ------------------------------------------------------------ arguments
    def _own(self, given: Mapping[str, Any]) -> dict[str, Array]:
        """Arrays of the library, all of one kind: that of the arrays of the library among them. Numbers are Python's."""
        library = self.library
        theirs = [(n, v) for n, v in given.items() if library.owns(v) and library.is_real(v)]
        arrays = self._leading(theirs)
        own = {n: v if library.owns(v) else self._from_elsewhere(n, v, arrays[0] if arrays else None) for n, v in given.items()}
        for name, a in own.items():
            if library.owns(a) and not library.is_real(a):
                if "complex" in str(a.dtype):
                    raise self._complex(name)
                own[name] = library.usual(a)
        arrays = arrays or self._leading([(n, a) for n, a in own.items() if library.owns(a)])
        kind = library.common(arrays) if arrays else None
        return {n: library.turned(a, kind) if library.owns(a) else a for n, a in own.items()}

    def _leading(self, named: Sequence[tuple[str, Array]]) -> list[Array]:
        """The arrays that say the kind; scalars only where there is nothing else."""
        return [a for n, a in named if self.bare[n].shape != SCALAR] or [a for _, a in named]

    def _from_elsewhere(self, name: str, value: Any, like: Array | None) -> Any:
        """A list, a number, an array of NumPy or of another library."""
        if value.__class__ is float and self.bare[name].shape == SCALAR:
            return value
        try:
            found = judged(name, self.bare[name].shape, value)
        except RuntimeError as error:  # PyTorch, of what it is differentiating
            raise DomainError(f"{name} cannot be an array of {self.library.name}: {error}") from None
        if found.dtype.kind == "c":
            raise self._complex(name)
        if self.bare[name].shape == SCALAR:
            return float(found.item())
        numbers = np.asarray(value)
        kind = numbers.dtype.name if numbers.dtype.name in ("float32", "float64") else "float64"
        try:
            return self.library.array(np.array(numbers, dtype=kind), like)
        except FAILED as error:
            raise DomainError(f"{name} cannot be an array of {self.library.name}: {error}") from None

    def _complex(self, name: str) -> DomainError:
        return DomainError(f"{name} must be {dims.shape_text(self.bare[name].shape)} of real numbers; it is complex")

    def _judge_numbers(self, own: Mapping[str, Array]) -> None:
        """What was declared of a variable must hold of its numbers, where there are any."""
        for name, a in own.items():
            e = self.wanted[name]
            if e.op == "sym" and e.data.properties and (numbers := self._numbers(a)) is not None:
                refuse_others(name, e.data.properties, numbers.reshape(arranged({name: self.bare[name]}, {name: numbers})[0][name].shape))

    def _numbers(self, a: Array) -> Any:
        return np.float64(a) if a.__class__ is float else self.library.numbers(a)

    # ------------------------------------------------------------ plans
    def _planned(self, own: Mapping[str, Array], dimensions: Mapping[str, Any], key: Any) -> Callable[[Mapping[str, Array]], Any]:
        """Judge shapes and numbers, and make the plan."""
        shapes = {n: np.broadcast_to(np.float64(0), () if a.__class__ is float else tuple(a.shape)) for n, a in own.items()}
        used = {n: e for n, e in self.bare.items() if n in shapes or n in self.needed}
        found, sizes = arranged(used, {**shapes, **dimensions}, self.dimensions)
        self._judge_numbers(own)
        numbers = frozenset(n for n, a in own.items() if a.__class__ is float)
        order = self._order(own, numbers)
        try:
            forms = {n: () if e.shape == SCALAR else (-1,) if e.is_row else axes(e.shape, sizes)
                     for n, e in self.bare.items() if n in found}
            run = self._written(sizes, order, numbers)
        except (CannotLower, NotWritten, KeyError, RecursionError):
            return partial(self._with_numpy, dimensions=dimensions)
        turned = [(i, forms[n]) for i, n in enumerate(order) if n not in numbers and tuple(own[n].shape) != forms[n]]
        call = self._call(run, order, turned, dimensions)
        if not self._is_right(call, own, dimensions, sizes):
            call = partial(self._with_numpy, dimensions=dimensions)
        if len(self.calls) >= MOST_PLANS:
            self.calls.clear()
        if key:
            self.calls[key] = call
        return call

    def _is_right(self, call: Callable[[Mapping[str, Array]], Any], own: Mapping[str, Array], dimensions: Mapping[str, Any],
                  sizes: Mapping[str, int]) -> bool:
        """Has a plan the values of node by node? It is asked where there are numbers, in double precision, and not too many."""
        given = {n: self._numbers(a) for n, a in own.items()}
        if any(v is None or v.dtype != np.float64 for v in given.values()) or work(self.programs, sizes) > SHORT:
            return True
        try:
            found = call(own)
            values = [self.library.numbers(v) for v in (found if isinstance(found, tuple) else (found,))]
            return agree(values, self._by_node({**given, **dimensions}), ROUNDING) is not False
        except (MatcalcError, *FAILED):
            return True  # what it is will be said when it is called

    def _order(self, own: Mapping[str, Array], numbers: frozenset[str]) -> list[str]:
        """The arguments of a plan: what is needed, and an array that says of what kind new ones are."""
        arrays = sorted((n for n in own if n not in numbers), key=lambda n: (self.bare[n].shape == SCALAR, n not in self.needed))
        return list(self.needed) if not arrays or arrays[0] in self.needed else [*self.needed, arrays[0]]

    def _call(self, run: Callable[..., Any], order: Sequence[str], turned: Sequence[tuple[int, tuple[int, ...]]],
              dimensions: Mapping[str, Any]) -> Callable[[Mapping[str, Array]], Any]:
        """A plan of named arrays; what it cannot do is said by NumPy."""
        reshaped = self.library.reshaped

        def call(arrays: Mapping[str, Array]) -> Any:
            given = [arrays[n] for n in order]
            for i, form in turned:
                given[i] = reshaped(given[i], form)
            try:
                return run(*given)
            except FAILED as error:
                return self._with_numpy(arrays, dimensions, error)

        return call

    def _written(self, sizes: Mapping[str, int], order: Sequence[str], numbers: frozenset[str]) -> Callable[..., Any]:
        library = self.library
        lowering = Lowering(sizes, [r for p in self.parts for r in p.roots], target=library.name, knows=library.knows)
        ops = [p.operation(lowering) for p in self.parts]
        names = {name: f"a{i}" for i, name in enumerate(order)}
        arrays = sorted((n for n in order if n not in numbers), key=lambda n: self.bare[n].shape == SCALAR)
        given = names[arrays[0]] if arrays else ""
        writer = library.written(lowering.graph, ops, names, given, numbers)
        body = writer.write()
        source = f"def run({', '.join(names.values())}):\n" + "\n".join("    " + line for line in body) + "\n"
        return library.ready(made(source, "run", library.scope()), writer)

    def _with_numpy(self, own: Mapping[str, Array], dimensions: Mapping[str, Any], failed: Exception | None = None) -> Any:
        library = self.library
        numbers = {n: self._numbers(a) for n, a in own.items()}
        if any(v is None for v in numbers.values()) or any(library.owns(a) and library.is_watched(a) for a in own.values()):
            if failed is not None:
                raise failed
            raise NotSupported(f"this form has no code for {library.name}, and while a function is traced or differentiated "
                               "there are no numbers for NumPy")
        found = super().slowly({**numbers, **dimensions})
        like = next(iter(self._leading([(n, a) for n, a in own.items() if library.owns(a)])), None)
        results = [library.array(np.asarray(v, float), like) for v in (found if isinstance(found, tuple) else (found,))]
        return tuple(results) if isinstance(found, tuple) else results[0]
