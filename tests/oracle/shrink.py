"""The smallest problem that fails in the same way: parts are replaced by smaller ones of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .random_expressions import SCALAR, Problem, Term, ones


def shrink(problem: Problem, fails: Callable[[Problem], bool], attempts: int = 400) -> Problem:
    """Greedy: the first smaller problem that still fails, again and again."""
    best = problem
    left = attempts
    while True:
        for smaller in candidates(best):
            left -= 1
            if left < 0:
                return best
            if fails(smaller):
                best = smaller
                break
        else:
            return best


def candidates(problem: Problem) -> Iterator[Problem]:
    """Smaller problems: without definitions, with a part in place of the whole, with a leaf in place of a part."""
    for i in range(len(problem.defined)):
        yield replace(problem, defined=problem.defined[:i] + problem.defined[i + 1:])
    for v in problem.variables:
        if v.word:
            yield from _changed(problem, replaced(problem.root, {t: replace(t, variable=replace(v, word="")) for t in problem.root.walk()
                                                                  if t.variable == v}))
    for term in problem.root.walk():
        if not term.parts:
            continue
        smaller = [t for t in term.walk() if t is not term and t.shape == term.shape]
        if term is problem.root:
            smaller += [Term("sum({})", SCALAR, (t,), (1,)) for t in term.walk() if t.shape != SCALAR]
        leaves = [t for t in problem.root.walk() if not t.parts and t.shape == term.shape]
        simple = " " not in "".join(term.shape) and "2" not in term.shape
        for other in [*smaller, *leaves, *([ones(term.shape)] if simple else [])]:
            yield from _changed(problem, replaced(problem.root, {term: other}))


def _changed(problem: Problem, root: Term) -> Iterator[Problem]:
    """The problem with another root, if the variable is still in it and it is smaller or plainer."""
    found = replace(problem, root=root, defined=tuple((n, t) for n, t in problem.defined if t in set(root.walk())))
    names = [v.name for v in found.variables]
    if found.wrt in names and len(found.text) + len("".join(found.let)) < len(problem.text) + len("".join(problem.let)):
        yield found


def replaced(root: Term, by: dict[Term, Term]) -> Term:
    """The term with parts exchanged; shared parts stay shared."""
    done: dict[Term, Term] = dict(by)

    def visit(term: Term) -> Term:
        if term not in done:
            parts = tuple(visit(p) for p in term.parts)
            done[term] = term if all(a is b for a, b in zip(parts, term.parts, strict=True)) else replace(term, parts=parts)
        return done[term]

    return visit(root)
