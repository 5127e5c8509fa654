"""Random texts for the parser, well-formed and broken, and what must be true of whatever it makes of them."""

from __future__ import annotations

import random
import re
import signal
import time
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matcalc as mc
from matcalc.errors import carets, width

from . import grammar

SECONDS = 1.0  # of processor time: no text takes longer
HANGS = 20  # seconds after which a text is given up
HOSTILE = list("\0\a\b\t\n\r\x1b\x7f"
               "\x85\u00a0\u00ad\u0301\u0302\u0345\u200b\u200d\u202e\u2066\u2069\u2028\ue000\ufeff\ufffd\uffff\ud800\udfff"
               "()[]{}|‖'\"`´’.,;:=^*/\\@#$%&!?<>~_−⁻¹²ᵀ⁺₁∞⊤·×⊙⊗∑∂∇√ßıİſΣςσ𝐱𝔸ｘＡ１٣४אب🤯")
HOSTILE += ["where", "axis=", "**", "||", "^T", "e9", "0x", "1e", "T"]
RANGES = [(0, 0x20), (0x7F, 0xA0), (0x300, 0x370), (0x370, 0x400), (0x590, 0x700), (0x2000, 0x2070), (0x2070, 0x20A0), (0x2190, 0x2300),
          (0xD800, 0xE000), (0xFF00, 0xFFF0), (0x1D400, 0x1D800), (0x1F600, 0x1F650), (0x20, 0x7F), (0, 0x110000)]
CODE = ["__import__", "__class__", "__builtins__", "__globals__", "os", "sys", "exec", "eval", "lambda", "import", "print", "self", "open",
        "{0.__class__}", "{x!r}", "%s", "%n", "${IFS}", "`id`", "$(id)", "f'{x}'", "../../etc/passwd", "; DROP TABLE",
        "<script>", "\\input"]


# ---------------------------------------------------------------- texts
def texts(seed: int) -> Iterator[tuple[str, str]]:
    """(how it was made, text), without end."""
    rng = random.Random(seed)
    recent = ["x.T A x", "norm2sq(A @ x - b)", "tr(A @ X) where A = B"]
    makers: list[tuple[str, int, Callable[[], str]]] = [
        ("generated", 40, lambda: grammar.generated(rng, rng.randint(12, 40), rng.randint(2, 16))),
        ("mutated", 35, lambda: mutated(rng, recent)),
        ("bytes", 8, lambda: rng.randbytes(rng.randint(1, 40)).decode(*rng.choice([("latin-1",), ("utf-8", "replace")]))),
        ("Unicode", 10, lambda: "".join(odd(rng) for _ in range(rng.randint(1, 20)))),
        ("code", 7, lambda: code(rng)),
    ]
    weights = [weight for _, weight, _ in makers]
    while True:
        how, _, make = rng.choices(makers, weights)[0]
        text = make()
        if how == "generated":
            recent = [*recent[-30:], text]
        yield how, text


def mutated(rng: random.Random, recent: list[str]) -> str:
    """A text of the grammar with one to four faults in it, by characters or by words."""
    text = rng.choice(recent)
    for _ in range(rng.randint(1, 4)):
        parts = list(text) if rng.random() < 0.5 else [m[0] for m in grammar.WORD.finditer(text)]
        if not parts:
            return text
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(6):
            case 0:
                del parts[i]
            case 1:
                parts.insert(i, parts[i])
            case 2:
                parts[i], parts[j] = parts[j], parts[i]
            case 3:
                parts[i] = odd(rng)
            case 4:
                parts.insert(i, odd(rng))
            case 5:
                other = rng.choice(recent)
                parts = [*parts[:i], other[rng.randint(0, len(other)) :]]
        text = "".join(parts)
    return text


def odd(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(HOSTILE)
    return chr(rng.randrange(*rng.choice(RANGES)))


def code(rng: random.Random) -> str:
    """Names and chains that a program would run, within a formula."""
    chain = ".".join(rng.choice(CODE) for _ in range(rng.randint(1, 4))) + rng.choice(["", "()", "('true')", "[0]"])
    return rng.choice(["{}", "x + {}", "{} @ x", "sum({})", "x[{}]", "eye({})", "x where {} = 1", "np.{}(x)", "A.{}",
                       "{}(x)"]).replace("{}", chain)


# ---------------------------------------------------------------- texts in LaTeX
LATEX_WORD = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
FOLDER = Path(__file__).parent / "readings"


def latex_texts(seed: int) -> Iterator[str]:
    """Formulas of papers with one to four faults in them, without end."""
    rng = random.Random(seed)
    formulas = [entry["text"] for entry in tomllib.loads((FOLDER / "latex.toml").read_text("utf-8"))["snippet"]]
    formulas += [entry["text"] for entry in tomllib.loads((FOLDER / "refused.toml").read_text("utf-8"))["refused"] if "syntax" not in entry]
    words = [word for formula in formulas for word in LATEX_WORD.findall(formula)]
    while True:
        text = rng.choice(formulas)
        for _ in range(rng.randint(1, 4)):
            text = spoiled(rng, LATEX_WORD.findall(text) if rng.random() < 0.8 else list(text), formulas, words)
        yield text


def spoiled(rng: random.Random, parts: list[str], formulas: list[str], words: list[str]) -> str:
    """A formula with one of its words left out, doubled, exchanged or replaced, or with the end of another."""
    if not parts:
        return rng.choice(words)
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(6):
        case 0:
            del parts[i]
        case 1:
            parts.insert(i, parts[j])
        case 2:
            parts[i], parts[j] = parts[j], parts[i]
        case 3:
            parts[i] = rng.choice(words)
        case 4:
            parts.insert(i, rng.choice(words) if rng.random() < 0.8 else odd(rng))
        case 5:
            other = rng.choice(formulas)
            parts = [*parts[:i], other[rng.randint(0, len(other)) :]]
    return "".join(parts)


def run_latex(count: int, seed: int, say: Callable[[str], None] = print) -> Counter[str]:
    """So many formulas; each fault is told as it is found. Counts of outcomes, and of `faults`."""
    counts: Counter[str] = Counter()
    for text, _ in zip(latex_texts(seed), range(count), strict=False):
        begin = time.process_time()
        try:
            with given_up():
                kind, fault = asked(text, "latex")
        except Exception as escaped:
            kind, fault = "escaped", f"{type(escaped).__name__}: {escaped}"
        if time.process_time() - begin > SECONDS:
            fault = fault or "too slow"
        counts[kind] += 1
        if fault:
            counts["faults"] += 1
            say(f"[LaTeX] {text!r}\n    {fault}")
    return counts


# ---------------------------------------------------------------- what must be true
class Outcome(NamedTuple):
    kind: str  # "read", or the class of the error
    compared: bool  # whether the structure was compared with that of grammar.lark
    fault: str = ""


@contextmanager
def given_up(seconds: int = HANGS) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise AssertionError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judged(text: str, well_formed: bool) -> Outcome:
    """What matcalc makes of a text, and what is wrong with that."""
    begin = time.process_time()
    try:
        with given_up():
            kind, fault = asked(text)
    except Exception as escaped:
        return Outcome("escaped", False, f"{type(escaped).__name__}: {escaped}")
    seconds = time.process_time() - begin
    if seconds > SECONDS:
        fault = fault or f"{seconds:.1f} s"
    try:
        theirs = grammar.theirs(text)
    except mc.MatcalcError:
        return Outcome(kind, False, fault)
    ours = grammar.ours(text)
    if ours is None:
        return Outcome(kind, False, fault or (f"read as {theirs}, and not by grammar.lark" if well_formed else ""))
    return Outcome(kind, True, fault or (f"read as {theirs}, by grammar.lark as {ours}" if ours != theirs else ""))


def asked(text: str, syntax: str = "auto") -> tuple[str, str]:
    """The kind of what comes out of mc.parse, and what is wrong with an error."""
    try:
        mc.parse(text, syntax=syntax)
    except mc.MatcalcError as error:
        return type(error).__name__, wrong_with(error, text)
    return "read", ""


def wrong_with(error: mc.MatcalcError, text: str) -> str:
    """What is wrong with an error: a span outside of its text, a caret that is not under it, a character that steers a terminal."""
    shown = str(error)
    whole = text if error.text is None else error.text
    if any(not 0 <= start <= end <= len(whole) for start, end in error.spans):
        return f"spans {error.spans} in {len(whole)} characters"
    if error.spans:
        line, marks = carets(whole, error.spans)
        if "^" not in marks or set(marks) - set(" ^") or width(marks) > width(line) + 1:
            return f"the carets {marks!r} under {line!r}"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n" for c in shown):
        return f"not to be shown: {shown!r}"
    return "" if error.message and "\n" not in error.message else f"the message {error.message!r}"


def run(count: int, seed: int, say: Callable[[str], None] = print) -> Counter[str]:
    """So many texts; each fault is told as it is found. Counts of outcomes, and of `faults`, `compared`."""
    counts: Counter[str] = Counter()
    for (how, text), _ in zip(texts(seed), range(count), strict=False):
        outcome = judged(text, how == "generated")
        counts.update([how, outcome.kind])
        counts["compared"] += outcome.compared
        if outcome.fault:
            counts["faults"] += 1
            say(f"[{how}] {text!r}\n    {outcome.fault}")
    return counts
