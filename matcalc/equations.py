"""The check of every equation of a derivation: both sides evaluated, with the change of the variable as a variable.

What is checked is the text that is shown. In it each d(part) that is still to be taken is read as a name, whose value is what it becomes
on the next line; and that is checked to be the differential of the part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .checker import Evidence, verify, verify_equal
from .errors import MatcalcError
from .knowledge import known
from .limits import PRINTED
from .parser import read
from .syntax import Reading, Symbol
from .written import Waiting, Written


class Equations:
    """The equations of a derivation as the checker reads them. `answer`: the evidence for the answer itself; `structure`: its
    convention, which is that of a change that has properties."""

    def __init__(self, reading: Reading, symbols: Mapping[str, Symbol], answer: Evidence, texts: Written, structure: str) -> None:
        self.reading, self.symbols, self.answer, self.texts, self.structure = reading, symbols, answer, texts, structure
        self.defined = {b.left: b.rows[0].text for b in texts.blocks if b.kind == "named"}
        taken = {*symbols, *reading.dims, *self.defined, *known().functions}
        self.names: dict[tuple[int, str], str] = {}
        for i, key in enumerate(texts.waiting, 1):
            name = f"d_{i}"
            while name in taken:
                name += "_"
            self.names[key] = name
        for key, waiting in texts.waiting.items():
            if waiting.layer:
                self.defined[self.names[key]] = self._opened(waiting.layer, key[0])

    def evidence(self) -> list[Evidence]:
        """One for every step; that of an equation with d(part) in it is also that of the differential of the part."""
        found = [self._differential(self.names[key], waiting, key[0]) for key, waiting in self.texts.waiting.items() if waiting.layer]
        first = next((b for b in self.texts.blocks if b.kind == "value"), None)
        found += [self._equal(self.reading, first.rows[0].text)] if first else []
        behind = combined(found)
        steps: list[Evidence] = []
        before = ""
        for block in self.texts.blocks:
            for i, row in enumerate(block.rows):
                waiting = self.texts.waiting.get((block.pending, before))
                if i and waiting and not waiting.layer:
                    steps.append(self._differential(row.text, waiting, block.pending))
                elif i:
                    steps.append(combined([self._equal(before, row.text, block.pending), behind]))
                elif block.kind in ("within", "indexed"):  # what the convention is, and what an entry is, is judged with the answer
                    self.defined |= {block.link: before} if block.link else {}
                    steps.append(self.answer)
                elif block.kind == "read off":
                    steps.append(self._equal(before, block.link.format(row.text), block.pending))
                elif block.kind in ("stacked", "transposed"):
                    steps.append(self._equal(block.link.format(before), row.text, block.pending))
                elif block.kind == "named":
                    steps.append(combined([]))
                    continue
                before = row.text
        return steps

    def _opened(self, text: str, pending: int) -> str:
        """The text with a name for each d(part)."""
        for _, shown in sorted([key for key in self.names if key[0] == pending], key=lambda key: len(key[1]), reverse=True):
            text = re.sub(rf"(?<![\w.]){re.escape(shown)}", self.names[pending, shown], text)
        return text

    def _differential(self, claimed: str, of: Waiting, pending: int) -> Evidence:
        try:
            part, claim = self._read(of.part, pending), self._read(claimed, pending)
        except MatcalcError as error:
            return unread(error)
        structure = self.structure if self.symbols[of.change].properties else "free"
        values = known().added_values(part.text, claim.text)
        return verify(part, of.wrt, claim, op="differential", structure=structure, tangent=of.change, values=values)

    def _equal(self, left: str | Reading, right: str, pending: int = 0) -> Evidence:
        try:
            one, other = left if isinstance(left, Reading) else self._read(left, pending), self._read(right, pending)
        except MatcalcError as error:
            return unread(error)
        return verify_equal(one, other, values=known().added_values(one.text, other.text))

    def _read(self, text: str, pending: int) -> Reading:
        """A text with the values of the names in it."""
        text = self._opened(text, pending)
        needed: dict[str, str] = {}
        waiting = [text]
        while waiting:
            for name in re.findall(r"[^\W\d]\w*", waiting.pop()):
                if name in self.defined and name not in needed:
                    needed[name] = self.defined[name]
                    waiting.append(needed[name])
        where = "; ".join(f"{name} = {value}" for name, value in needed.items())
        text = f"{text} where {where}" if where else text
        return read(text, known().language(), known=self.symbols, dims=self.reading.dims, limits=PRINTED)


def unread(error: MatcalcError) -> Evidence:
    return Evidence("exact", False, reason=f"a line cannot be read again: {error.message}")


def combined(found: list[Evidence]) -> Evidence:
    """Of several findings that are needed together, the weakest."""
    order = {False: 0, None: 1, True: 2}
    return min(found, key=lambda e: (order[e.verdict], e.kind == "exact"), default=Evidence("exact", True, 0))
