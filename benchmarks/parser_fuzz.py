"""Random texts, well-formed and broken, through the parser: what was read and in which structure, what was refused, what went wrong.

    python benchmarks/parser_fuzz.py [--count 200000] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.parser_fuzz import run, run_latex

MADE = ("generated", "mutated", "bytes", "Unicode", "code")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin = time.perf_counter()
    counts = run(options.count, options.seed)
    seconds = time.perf_counter() - begin
    print(f"{options.count:,} texts in {seconds:.0f} s, seed {options.seed}: " + ", ".join(f"{counts[how]:,} {how}" for how in MADE))
    kinds = {kind: n for kind, n in counts.most_common() if kind not in (*MADE, "compared", "faults")}
    print(", ".join(f"{n:,} {kind}" for kind, n in kinds.items()) + f"; {counts['compared']:,} structures compared with grammar.lark")
    latex = run_latex(options.count, options.seed)
    print(f"{options.count:,} texts in LaTeX: " + ", ".join(f"{n:,} {kind}" for kind, n in latex.most_common() if kind != "faults"))
    print(f"faults: {counts['faults'] + latex['faults']}")
    return 1 if counts["faults"] + latex["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
