"""The Matrix Cookbook, equation by equation: every answer is checked, has the value that the book states, and is the one on the page."""

from __future__ import annotations

import pytest

from docs import pages

ANSWERED, EXACT = 102, 95  # of 110; a count may only grow
CASES = pages.cases()  # not answered yet


def name(case: pages.Case) -> str:
    return f"eq. {case.number}{' relaxed' if case.relaxed else ''}: {case.table['expr']}"


def test_every_equation_is_there_in_order() -> None:
    numbers = [e["number"] for e in pages.equations()]
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(pages.FIRST, pages.LAST + 1))


def test_no_count_falls() -> None:
    counts = pages.counts()
    assert counts.answered >= ANSWERED, counts
    assert len(counts.exact) >= EXACT, counts
    assert sorted([*counts.exact, *counts.numeric]) == counts.agreeing
    assert counts.answered + len(counts.out_of_scope) == counts.total


@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_answer_is_checked(case: pages.Case) -> None:
    assert case.checked in ("exact", "numeric"), case.shown


@pytest.mark.parametrize("case", [c for c in CASES if c.stated], ids=name)
def test_the_book_agrees_as_far_as_its_declarations_reach(case: pages.Case) -> None:
    assert case.is_as_stated() is (not case.relaxed), case.shown


@pytest.mark.parametrize("case", [c for c in CASES if "misprint" in c.table], ids=name)
def test_a_misprint_is_one(case: pages.Case) -> None:
    assert case.is_as_printed() is False


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_page_is_what_is_generated(page: str) -> None:
    assert (pages.DOCS / page).read_text(encoding="utf-8") == pages.PAGES[page](), "python docs/pages.py writes the pages"
