"""What is declared and defined in a session, and what a text means with it: which definitions and declarations it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from ..asking import asked, understand
from ..calls import Calls
from ..declarations import KINDS, PROPERTIES, declare
from ..dims import names
from ..errors import DomainError, Fix, MatcalcError, ParseError, Request, nearest
from ..knowledge import known
from ..names import canonical
from ..syntax import Reading
from ..tokens import renamed
from .lines import DEFINITION, NAME, names_in, numbers, parts, tokens_of


class Scope:
    """Declarations, definitions and numbers, by the names that they are known by.

    >>> scope = Scope()
    >>> scope.let("A symmetric")
    ['A: symmetric']
    >>> _ = scope.define("f", "x.T A x")
    >>> scope.composed("2f"), scope.let_for("A x")
    ('2f\\nwhere f = x.T A x', ('A: symmetric',))
    """

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self.defined: dict[str, tuple[str, str]] = {}  # name: as it was spelled, and its expression
        self.values: dict[str, str] = {}  # name: numbers, as JSON

    def let(self, text: str) -> list[str]:
        """Declare one name, or several; the value says what is declared now."""
        definition = DEFINITION.fullmatch(text)
        if definition and not set(names_in(definition[2])) & {*KINDS, *PROPERTIES}:
            raise DomainError("let declares what a name is; a definition stands without it", fixes=[Fix(say=text)])
        several = re.fullmatch(rf"({NAME}(?:\s*,\s*{NAME})+)\s*:(.*)", text, re.DOTALL)
        if several:  # A, B: symmetric
            texts = [f"{name.strip()}:{several[2]}" for name in several[1].split(",")]
        else:  # A: spd, x: vector(n)
            text = re.sub(rf"^({NAME})(?:\s+(?:is|be)|\s*:)?(?:\s+an?\b)?\s+(?=\w)", r"\1: ", text)  # A is a symmetric matrix
            texts = re.split(rf",\s*(?={NAME}\s*:)", text)
        before = self.declared
        said: list[str] = []
        for one in texts:
            try:
                said += self._declared_one(one.strip())
            except MatcalcError:
                self.declared = before
                raise
        return said

    def _declared_one(self, text: str) -> list[str]:
        name = canonical((re.match(NAME, text) or [""])[0])
        before, words_ = self.declared.get(name), text.partition(":")[2]
        if before is not None and words_.strip() and not set(names_in(words_)) & set(KINDS):
            added = [word for word in re.split(r"[\s,]+", words_.strip()) if word not in before.partition(":")[2].split()]
            text = " ".join([before, *added])  # properties are added to what is known
        kept = {n: d for n, d in self.declared.items() if n != name}
        let = (*kept.values(), text)
        try:
            declare(let)
            clash = next((dim for dim in sorted(sizes_of([text])) if dim in self.defined), None)
            if clash:
                raise DomainError(f"{clash} is defined, and cannot be a dimension too", detail=" = ".join(self.defined[clash]),
                                  fixes=[Fix(say=f":del {clash}; let {text}")])
        except MatcalcError as error:
            raise error.at(Request("let", text, (), let, write=self._let_again)) from None
        taken = self.defined.pop(name, None)
        self.declared = {**kept, name: text}
        return [text, *([f"note: {taken[0]} is no longer {taken[1]}"] if taken else [])]

    def _let_again(self, request: Request) -> str:
        """How declarations are mended here; `:let` shows them where the mended one is no more."""
        return self.changes(request.let, self.declared).removesuffix("; ") or ":let"

    def changes(self, let: Sequence[str], among: Iterable[str]) -> str:
        """`:del b; let b: scalar; `: what makes these the declarations, as far as they are about the names among which they are."""
        said = {_name_of(declaration) for declaration in let}
        gone = [name for name in among if name in self.declared and name not in said]
        return "".join([*(f":del {name}; " for name in gone), *(f"let {d}; " for d in let if d not in self.declared.values())])

    def forget(self, names: Sequence[str]) -> None:
        """Take back what was said of these names."""
        every = {*self.declared, *self.defined, *self.values}
        for name in names:
            if canonical(name) not in every:
                meant = nearest(canonical(name), every)
                raise DomainError(f"{name} is neither declared nor defined", fixes=[Fix(say=f":del {meant}" if meant else ":let")])
        for name in map(canonical, names):
            self.declared.pop(name, None)
            self.defined.pop(name, None)
            self.values.pop(name, None)

    def listed(self) -> list[str]:
        """Everything that was said, as it may be typed."""
        return [*(f"let {declaration}" for declaration in self.declared.values()),
                *(f"{spelled} = {text}" for spelled, text in self.defined.values()),
                *(f"{name} = {value}" for name, value in self.values.items())]

    # ------------------------------------------------------------ definitions
    def define(self, spelled: str, text: str) -> Reading:
        """Keep a definition with those inside it, f = r.T r where r = A x - b; the value is its reading."""
        body, inner = parts(text)
        new = {canonical(name): (name, said) for name, said in [(spelled, body), *inner]}
        clash = next((name for name, _ in inner if self.defined.get(canonical(name), new[canonical(name)]) != new[canonical(name)]), None)
        if clash:
            other = f"{spelled} = {renamed(text, tokens_of(text), canonical(clash), self.free(clash))}"
            raise DomainError(f"{clash} is defined already: {clash} = {self.defined[canonical(clash)][1]}", fixes=[Fix(say=other)])
        self._refuse_dimensions(spelled, text, new)
        before, self.defined = self.defined, {**self.defined, **new}
        whole = self.composed(spelled)
        let = self.let_for(whole)
        try:
            reading = self._read(whole, [d for d in let if _name_of(d) not in new])
        except MatcalcError as error:
            self.defined = before
            raise self._in_definition(error, spelled, body, whole, let) from None
        for name in new:
            self.declared.pop(name, None)
            self.values.pop(name, None)
        return reading

    def _refuse_dimensions(self, spelled: str, text: str, new: Iterable[str]) -> None:
        """A name that is a dimension of something declared has no other value."""
        for d in declare([*self.declared.values()]).values():
            clash = next((name for name in new if d.name not in new and any(name in names(dim) for dim in d.dims or ())), None)
            if clash:
                other = f"{spelled} = {text}" if clash != canonical(spelled) else f"{self.free(clash)} = {text}"
                other = other if clash == canonical(spelled) else renamed(other, tokens_of(other), clash, self.free(clash))
                raise DomainError(f"{clash} is a dimension of {d.spelled}, and cannot be defined", detail=f"declared: {d.text}",
                                  fixes=[Fix(say=other)])

    def _in_definition(self, error: MatcalcError, spelled: str, body: str, whole: str, let: Sequence[str]) -> MatcalcError:
        """The error of `f where f = BODY`, as one of the line `f = BODY`."""
        at = whole.find(f"{spelled} = {body}") + len(f"{spelled} = ")
        if error.text == whole and all(at <= a <= b <= at + len(body) for a, b in error.spans):
            error.spans, error.text = tuple((a - at, b - at) for a, b in error.spans), body

        def written(request: Request) -> str:
            mended = parts(request.text)[1]
            name, text = next(((n, t) for n, t in mended if n == spelled), mended[0] if mended else (spelled, body))
            return self.changes(request.let, names_in(whole)) + f"{name} = {text}"

        error.request = Request("simplify", whole, (), tuple(let), write=written)
        return error

    def give(self, spelled: str, text: str) -> str:
        """Keep numbers under a name; the value is their shape."""
        from ..cli_values import read_number

        text = numbers(text)
        try:
            array = read_number(spelled, text)
        except MatcalcError as error:
            error.fixes = (Fix(say=f"{spelled} = {'[[1, 2], [3, 4]]' if spelled[0].isupper() else '[1, 2]'}"),)
            raise
        if array.ndim not in (1, 2):
            fix = Fix(say=f"{spelled} = [[1, 2], [3, 4]]")
            raise DomainError(f"{spelled} has {array.ndim} axes; a matrix is a list of rows", fixes=[fix])
        self.values[canonical(spelled)] = json.dumps(json.loads(text))
        self.defined.pop(canonical(spelled), None)
        shape = f"vector({len(array)})" if array.ndim == 1 else f"matrix({array.shape[0]}, {array.shape[1]})"
        return shape

    def sizes(self) -> set[str]:
        """The names of dimensions in declarations."""
        return sizes_of(self.declared.values())

    def settings(self) -> set[tuple[str, str]]:
        """The numbers as options of a command."""
        return {(option, f"{name}={value}") for name, value in self.values.items() for option in ("set", "start")}

    def free(self, name: str, *texts: str) -> str:
        """A name like this one that means nothing yet, and does not stand in these texts."""
        taken = {*self.defined, *self.declared, *self.values, *self.sizes(), *known().functions}
        taken |= {other for text in texts for other in names_in(text)}
        return next(f"{name}_{i}" for i in range(1, len(taken) + 2) if f"{name}_{i}" not in taken)

    # ------------------------------------------------------------ what a text means in this session
    def users_of(self, name: str) -> list[str]:
        """The definitions that use a name."""
        return [spelled for other, (spelled, body) in self.defined.items() if other != name and name in self._reached(body)]

    def _reached(self, text: str) -> set[str]:
        return {*self.mentioned(text), *(n for _, body in self._definitions(text).values() for n in self.mentioned(body))}

    def means(self, name: str) -> bool:
        return canonical(name) in self.declared or canonical(name) in self.defined

    def mentioned(self, text: str) -> Iterator[str]:
        """The names of a text, and the letters of those that may be products, such as `Ax`."""
        functions = Calls(known().language(), frozenset())
        for name in names_in(text):
            yield name
            if 2 <= len(name) <= 3 and name.isalpha() and not name.islower() and not self.means(name) and not functions.is_function(name):
                yield from map(canonical, name)

    def _definitions(self, text: str) -> dict[str, tuple[str, str]]:
        """The definitions that a text needs, but for those that it has itself."""
        own = {canonical(name) for name, _ in parts(text)[1]}
        needed: dict[str, tuple[str, str]] = {}
        waiting = [text]
        while waiting:
            for name in self.mentioned(waiting.pop()):
                if name in self.defined and name not in needed and name not in own:
                    needed[name] = self.defined[name]
                    waiting.append(self.defined[name][1])
        return needed

    def composed(self, text: str) -> str:
        """The text with the definitions that it needs behind it."""
        joined = "; ".join(f"{spelled} = {body}" for spelled, body in self._definitions(text).values())
        return text + (("\n; " if parts(text)[1] else "\nwhere ") + joined if joined else "")  # an error shows the line that it is in

    def let_for(self, *texts: str) -> tuple[str, ...]:
        """The declarations of the names of these texts: no answer speaks of others."""
        used = {name for text in texts for name in self.mentioned(text)}
        return tuple(declaration for name, declaration in self.declared.items() if name in used)

    def reading(self, text: str, syntax: str = "auto") -> Reading:
        """The reading of a text in this session."""
        self.refuse_unreadable(text, syntax)
        whole = self.composed(text)
        return self._read(whole, self.let_for(whole), syntax)

    def refuse_unreadable(self, text: str, syntax: str = "auto") -> None:
        """The error of a text that cannot be read, before there are definitions behind it."""
        if self._definitions(text):
            try:
                self._read(text, self.let_for(text), syntax)
            except ParseError:
                raise
            except MatcalcError:
                return  # what is defined has another shape than its name alone

    def _read(self, whole: str, let: Sequence[str], syntax: str = "auto") -> Reading:
        with asked(Request("simplify", whole, (), tuple(let))):
            return understand(whole, let, syntax, (), (), None)


def sizes_of(declarations: Iterable[str]) -> set[str]:
    """The names of the dimensions in declarations."""
    return {name for d in declare([*declarations]).values() for dim in d.dims or () for name in names(dim)}


def _name_of(declaration: str) -> str:
    return canonical(declaration.partition(":")[0].strip())
