"""MathML for web pages, from the LaTeX that matcalc prints, so that both show the same."""

from __future__ import annotations

import re
from html import escape

from ..names import GREEK
from .names import LETTER

SIGNS = {r"\odot": "⊙", r"\oslash": "⊘", r"\otimes": "⊗", r"\cdot": "⋅", r"\times": "×", "-": "−"} | {s: s for s in "+=,:/"}
BOLD = {"0": "𝟎", "1": "𝟏"}
LETTERS = {r"\top": "⊤", r"\infty": "∞", r"\partial": "∂"} | {f"\\{word}": LETTER[word] for word in GREEK.values()}
FUNCTIONS = frozenset(r"\log \exp \sin \cos \tan \arcsin \arccos \arctan \sinh \cosh \tanh \det \max \min".split())
OPENING = {"(": "(", r"\lVert": "‖", r"\lvert": "|", "[": "["}
CLOSING = {")": ")", r"\rVert": "‖", r"\rvert": "|", "]": "]"}
ACCENTS = {r"\hat": "^", r"\bar": "‾", r"\tilde": "~", r"\dot": "˙"}
COMMANDS = {r"\frac": 2, r"\sqrt": 1} | dict.fromkeys(ACCENTS, 1)
WORDS = re.compile(r"\\(operatorname|mathrm|mathit|mathbf|text)\{((?:[^{}\\]|\\_)*)\}")
TOKEN = re.compile(WORDS.pattern + r"|\\(?:begin|end)\{aligned\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
SPACES = {r"\quad": "1em", r"\,": "0.1667em"}
APPLY, TIMES = "<mo>&#x2061;</mo>", "<mo>&#x2062;</mo>"


class _Row:
    """What stands between two brackets: units [kind, base, below, above], and commands that wait for their arguments."""

    def __init__(self, opened: str) -> None:
        self.opened = opened
        self.units: list[list[str]] = []
        self.waiting: list[tuple[str, list[str]]] = []
        self.script = ""

    def put(self, kind: str, xml: str) -> None:
        if self.waiting:
            command, args = self.waiting[-1]
            args.append(xml)
            if len(args) == COMMANDS[command]:
                self.waiting.pop()
                self.put("letter", _command(command, args))
        elif self.script:
            self.units[-1][2 if self.script == "_" else 3] = xml
            self.script = ""
        else:
            self.units.append([kind, xml, "", ""])

    def xml(self) -> str:
        out: list[str] = []
        before = ""
        for kind, base, below, above in self.units:
            if before and "operator" not in (kind, before):
                out.append(APPLY if before == "head" else TIMES)
            out.append(_scripted(base, below, above))
            before = kind
        return out[0] if len(out) == 1 else f"<mrow>{''.join(out)}</mrow>"


def _scripted(base: str, below: str, above: str) -> str:
    if below and above:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    return f"<msub>{base}{below}</msub>" if below else f"<msup>{base}{above}</msup>" if above else base


def _command(name: str, args: list[str]) -> str:
    if name == r"\frac":
        return f"<mfrac>{args[0]}{args[1]}</mfrac>"
    if name == r"\sqrt":
        return f"<msqrt>{args[0]}</msqrt>"
    return f'<mover accent="true">{args[0]}<mo>{ACCENTS[name]}</mo></mover>'


def from_latex(latex: str) -> str:
    """The same formula in MathML.

    >>> from_latex("X^{-1}")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><msup><mi>X</mi><mrow><mo>−</mo><mn>1</mn></mrow></msup></math>'
    """
    rows = [_Row("")]
    lines: list[list[str]] = [[]]
    for match in TOKEN.finditer(latex):
        token = match[0]
        top = rows[-1]
        if match[1]:
            top.put(*_word(match[1], match[2].replace(r"\_", "_")))
        elif token in ("^", "_"):
            top.script = token
        elif token == "{" or token in OPENING:
            rows.append(_Row(token))
        elif token == "}" or token in CLOSING:
            rows.pop()
            inner = top.xml()
            if token != "}":
                inner = f"<mrow><mo>{OPENING[top.opened]}</mo>{inner}<mo>{CLOSING[token]}</mo></mrow>"
            rows[-1].put("letter", inner)
        elif token in ("&", r"\\") or token.startswith((r"\begin", r"\end")):
            lines[-1].append(rows[0].xml())
            rows[0] = _Row("")
            if token == r"\\":
                lines.append([])
        elif token in COMMANDS:
            top.waiting.append((token, []))
        elif token not in (r"\left", r"\right"):
            top.put(*_sign(token))
    body = _table(lines) if r"\begin" in latex else rows[0].xml()
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">{body}</math>'


def _table(lines: list[list[str]]) -> str:
    lines[0] = lines[0][1:]  # before \begin
    cells = [(f'<mtd style="text-align: right">{left}</mtd>', f'<mtd style="text-align: left">{right}</mtd>') for left, right, *_ in lines]
    return f"<mtable>{''.join(f'<mtr>{left}{right}</mtr>' for left, right in cells)}</mtable>"


def _word(command: str, word: str) -> tuple[str, str]:
    text = escape(word)
    if command == "operatorname":
        return "head", f"<mi>{text}</mi>"
    if command == "text":
        return "operator", f"<mtext>{text}</mtext>"
    if command == "mathbf":
        return "letter", f"<mn>{BOLD[word]}</mn>"
    if command == "mathrm":
        return "operator" if word == "d" else "letter", f'<mi mathvariant="normal">{text}</mi>'
    return "letter", f"<mi>{text}</mi>"


def _sign(token: str) -> tuple[str, str]:
    if token[0].isdigit():
        return "letter", f"<mn>{token}</mn>"
    if token in SIGNS:
        return "operator", f"<mo>{SIGNS[token]}</mo>"
    if token in FUNCTIONS:
        return "head", f"<mi>{token[1:]}</mi>"
    if token in SPACES:
        return "operator", f'<mspace width="{SPACES[token]}"/>'
    return "letter", f"<mi>{escape(LETTERS.get(token, token.lstrip(chr(92))))}</mi>"
