"""The command `matcalc rules`: what is known, listed, shown, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cli_errors import UsageError, shell_line
from .cli_run import missing_rules
from .display import Shown
from .errors import Fix, UnknownName, nearest


def known_rules(words: Sequence[str], files: Sequence[str], seed: int) -> Shown:
    """All that is known, what is known under a name, or whether it holds."""
    import matcalc as mc

    missing = missing_rules(files)
    if missing:
        raise missing
    if words[:1] == ("check",) and len(words) <= 2:
        return check_rules(words[1:], files, seed)
    if len(words) > 1:
        raise UsageError("one name at a time", fixes=[Fix(say=shell_line(["rules", words[0]]))])
    entries = mc.rules(rules=files)
    return Shown(list_rules(entries) if not words else show_rule(entries, words[0]), [])


def list_rules(entries: Sequence[Any]) -> list[str]:
    """Every function and identity on a line of its own, the kinds apart."""
    wide = max((len(entry.name) for entry in entries), default=0)
    kinds = list(dict.fromkeys(entry.kind for entry in entries))
    return [line for kind in kinds for line in (f"# {kind}", *(f"{e.name:{wide}}  {e.text}" for e in entries if e.kind == kind))]


def show_rule(entries: Sequence[Any], name: str) -> list[str]:
    """Everything that is known under one name."""
    lines = []
    for entry in named(entries, name):
        lines += [f"{entry.name}  ({entry.kind}, {entry.where})", *(f"  {line}" for line in entry.text.splitlines())]
        lines += [f"  source: {entry.source}"] if entry.source else []
    return lines


def named(entries: Sequence[Any], name: str) -> list[Any]:
    found = [entry for entry in entries if entry.name == name]
    if not found:
        meant = nearest(name, {entry.name for entry in entries})
        raise UnknownName(f"there is no function or identity {name}" + (f"; did you mean {meant}?" if meant else ""),
                          fixes=[Fix(say=shell_line(["rules", meant] if meant else ["rules"]))])
    return found


def check_rules(names: Sequence[str], files: Sequence[str], seed: int) -> Shown:
    """Test all rules, or those of one name, and say which fail and where."""
    import matcalc as mc

    from .rulecheck import check_all

    if names:
        named(mc.rules(rules=files), names[0])
    results = list(check_all(names[0] if names else None, seed=seed, rules=files))
    failed = [result for result in results if not result.ok]
    held = f"{len(results) - len(failed)} of {len(results)} rules hold (seed {seed})"
    return Shown([held], [line for result in failed for line in failure(result, seed)], 2 if failed else 0)


def failure(result: Any, seed: int) -> list[str]:
    """A rule that does not hold, with the point that shows it."""
    entry, evidence = result.entry, result.evidence
    what = "does not hold" if evidence.verdict is False else f"could not be checked: {evidence.reason}"
    lines = [f"error: {entry.where}: {entry.name} {what}", f"  {entry.text}"]
    if evidence.counterexample:
        lines.append("  " + ", ".join(f"{k} {v}" for k, v in evidence.counterexample.items() if k in ("sizes", "entry", "got", "wanted")))
    return [*lines, f"fix: {shell_line(['rules', 'check', entry.name, '--seed', str(seed)])}    shows the point again"]
