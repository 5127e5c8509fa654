"""Laws that relate the answers to different questions: the rules of calculus, other names and orders, properties, what is printed.

    python benchmarks/laws.py [--law NAME ...] --count 1000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.laws import LAWS, judge


def main() -> int:
    options = arguments()
    broken = 0
    for name in options.law or LAWS:
        begin, kinds = time.perf_counter(), Counter[str]()
        for i in range(options.count):
            found = judge(name, f"{options.seed}:{i}")
            kinds[found.verdict] += 1
            if found.verdict == "broken":
                print(f"[{name}] {options.seed}:{i}  {found.detail}", file=sys.stderr, flush=True)
        broken += kinds["broken"]
        print(f"{name:14s} {kinds['holds']:7,d} hold {kinds['nothing']:6,d} nothing to say {kinds['broken']:4d} broken"
              f"  {time.perf_counter() - begin:6.1f} s", flush=True)
    print(f"{options.count:,} problems for each law: " + (f"{broken} BROKEN" if broken else "every law holds"))
    return 1 if broken else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--law", choices=list(LAWS), action="append")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", default="0")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
