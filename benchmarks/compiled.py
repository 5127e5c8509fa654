"""Compiled derivatives beside the NumPy that an expert writes for the case, JAX and PyTorch; with --write, writes docs/benchmarks.md.

    python benchmarks/compiled.py [--only grad|hess|value] [--problems ridge,logdet] [--peers matcalc,jax,torch] [--rounds 7] [--write]
    python benchmarks/compiled.py --verify        # the expert of benchmarks/problems.py against central differences

Each peer has its own process, with one thread, pinned to the same core where the system can do that. Every round times every peer in
turn, and a ratio is the median over rounds of the ratio to the expert in the same round. What is wrong is reported, and never timed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import geometric_mean, median
from textwrap import shorten
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.problems import PROBLEMS, Problem, Sizes, error, jax_functions, torch_functions, verify

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
TITLES = {"grad": "Gradients", "hess": "Hessians", "value": "Value and gradient"}
ONE = {"grad": "gradient", "hess": "Hessian", "value": "value and gradient"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
              "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
LIBRARIES = {"matcalc": None, "jax": "jax", "torch": "torch"}  # the peers, and what has to be installed for each
WRONG = 1e-7  # a relative error above that is no rounding
BATCH = 0.02  # seconds: short calls are repeated until they fill that
PREPARE, RUN, BUDGET = 120, 60, 30  # seconds: for the first call, for a batch, and for the rounds of a row, if they are more than three
SLOW = 1.15  # what counts as slower than the expert
Run = Callable[[], Any]
Said = dict[str, Any]


# ---------------------------------------------------------------- in the process of a peer
def expert(problem: Problem, kind: str, arrays: dict[str, Any]) -> Run:
    f = {"grad": problem.gradient, "hess": problem.hessian, "value": problem.both}[kind]
    return lambda: f(**arrays)


@cache
def derived(name: str, kind: str) -> tuple[Run, float, float]:
    """The compiled function, and the seconds that deriving with its check took, and `compile`."""
    import matcalc as mc

    mc.grad("x.T A x", "x").compile()(A=np.eye(2), x=np.ones(2))  # what is imported late is not the problem's time
    p, begin = PROBLEMS[name], time.perf_counter()
    verb = {"grad": mc.grad, "hess": mc.hessian, "value": mc.value_and_grad}[kind]
    answer = verb(p.text, wrt=p.wrt, let=list(p.let))
    for d in answer if isinstance(answer, list) else [answer]:
        _ = d.evidence
    answered = time.perf_counter()
    function = answer.compile() if kind == "value" else answer.compile(tensor=True)
    return function, answered - begin, time.perf_counter() - answered


def with_matcalc(problem: Problem, kind: str, arrays: dict[str, Any]) -> Run:
    function = derived(problem.name, kind)[0]
    return lambda: function(**arrays)


def with_jax(problem: Problem, kind: str, arrays: dict[str, Any]) -> Run:
    import jax

    jax.config.update("jax_enable_x64", True)
    f, others = jax_functions(), {name: jax.numpy.asarray(array) for name, array in arrays.items()}
    x = others.pop(problem.wrt)
    verb = {"grad": jax.grad, "hess": jax.hessian, "value": jax.value_and_grad}[kind]
    function = jax.jit(verb(lambda x, others: problem.value(f, **{problem.wrt: x}, **others)))
    return lambda: jax.block_until_ready(function(x, others))


def with_torch(problem: Problem, kind: str, arrays: dict[str, Any]) -> Run:
    import torch

    torch.set_num_threads(1)
    f, others = torch_functions(), {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    x = others.pop(problem.wrt)

    def value(x: Any) -> Any:
        return problem.value(f, **{problem.wrt: x}, **others)

    def both() -> Any:
        found = value(x)
        return found.detach(), torch.autograd.grad(found, x)[0]

    if kind == "hess":
        function = torch.func.hessian(value)
        return lambda: function(x)
    x.requires_grad_()
    return both if kind == "value" else lambda: torch.autograd.grad(value(x), x)[0]


MAKERS = {"expert": expert, "matcalc": with_matcalc, "jax": with_jax, "torch": with_torch}


class Prepared:
    """What a peer's process is about to time: the function, and for `value` the gradient alone beside it."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.runs: dict[str, tuple[Run, int]] = {}

    def prepare(self, name: str, kind: str, sizes: Sizes) -> Said:
        problem = PROBLEMS[name]
        arrays = problem.draw(np.random.default_rng(1), **sizes)
        self.runs.clear()
        said = self._added(kind, problem, arrays)
        if kind == "value":
            self._added("grad", problem, arrays)
        if self.peer == "matcalc":
            _, said["derive"], said["compile"] = derived(name, kind)
        return said

    def _added(self, kind: str, problem: Problem, arrays: dict[str, Any]) -> Said:
        run = MAKERS[self.peer](problem, kind, arrays)
        begin = time.perf_counter()
        found = run()
        first = time.perf_counter() - begin
        wrong = 0.0 if self.peer == "expert" else worst_error(found, expert(problem, kind, arrays)())
        if wrong > WRONG:
            raise ArithmeticError(f"wrong: relative error {wrong:.1e}")
        warm = min(timed(run, 1) for _ in range(2))
        self.runs[kind] = run, max(1, min(20_000, int(BATCH / max(warm, 1e-7))))
        return {"first": first, "warm": warm}

    def seconds(self) -> dict[str, float]:
        """A warm call of each function, the mean over a batch."""
        return {kind: timed(run, count) for kind, (run, count) in self.runs.items()}


def worst_error(found: Any, expected: Any) -> float:
    """Over value and gradient, or the one array."""
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    return max(error(a.detach() if hasattr(a, "detach") else a, b) for a, b in pairs)


def timed(run: Run, count: int) -> float:
    if count > 1:
        run()  # the peer before has filled the caches with its own
    gc.disable()
    begin = time.perf_counter()
    for _ in range(count):
        run()
    taken = time.perf_counter() - begin
    gc.enable()
    return taken / count


def limit_memory() -> None:
    """To half of the machine's: what needs more fails with a reason, and takes nobody's memory away."""
    if platform.system() == "Linux":
        import resource

        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_AS, (half, half))


def pin() -> None:
    """To the last core that this process may use; the first is the one that systems use themselves."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def serve(peer: str) -> None:
    """Answer each line of standard input, a request in JSON, with one line."""
    pin()
    limit_memory()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    prepared = Prepared(peer)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = prepared.prepare(**request) if request else prepared.seconds()
        except Exception as e:
            said = {"failed": shorten(f"{type(e).__name__}: {e}".splitlines()[0], 120, placeholder=" ...")}
        print(json.dumps(said), file=answers, flush=True)


# ---------------------------------------------------------------- in the process that asks
class Peer:
    """A process that prepares and times one peer; started again if it dies or takes too long."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, "--serve", self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env={**os.environ, **ONE_THREAD})

    def ask(self, seconds: int, **request: Any) -> Said:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            in_time = bool(select.select([self.process.stdout], [], [], seconds)[0])
            line = self.process.stdout.readline() if in_time else ""
        except OSError:
            in_time, line = True, ""
        if line:
            return json.loads(line)  # type: ignore[no-any-return]
        self.stop()
        self.start()
        return {"failed": "its process died" if in_time else f"no answer in {seconds} s"}

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


class Row(NamedTuple):
    """One problem at one size: what each peer said of its first call, and seconds a call, peer by peer, round by round."""

    problem: str
    kind: str
    sizes: Sizes
    said: dict[str, Said]
    times: dict[str, list[float]]
    alone: dict[str, list[float]]  # of the gradient without the value

    @property
    def where(self) -> str:
        return f"{self.problem}, {shown(self.sizes)}"

    def ratio(self, peer: str, to: str = "expert") -> float | None:
        if peer not in self.times or to not in self.times:
            return None
        return median(a / b for a, b in zip(self.times[peer], self.times[to], strict=True))

    def beyond_gradient(self, peer: str) -> float | None:
        """Value and gradient, in times of the gradient alone."""
        if peer not in self.times:
            return None
        return median(a / b for a, b in zip(self.times[peer], self.alone[peer], strict=True))

    def planning(self, peer: str) -> float | None:
        """The first call less a warm one."""
        said = self.said.get(peer, {})
        return said["first"] - said["warm"] if "first" in said else None


def measured(peers: Sequence[Peer], problem: Problem, kind: str, sizes: Sizes, rounds: int) -> Row:
    row = Row(problem.name, kind, sizes, {}, {}, {})
    for peer in peers:
        row.said[peer.name] = peer.ask(PREPARE, name=problem.name, kind=kind, sizes=sizes)
    left = [peer for peer in peers if "failed" not in row.said[peer.name]]
    begin = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - begin > BUDGET:
            break
        for peer in list(left):
            seconds = peer.ask(RUN)
            if "failed" in seconds:
                left.remove(peer)
                row.said[peer.name] = seconds
                row.times.pop(peer.name, None)
                continue
            row.times.setdefault(peer.name, []).append(seconds[kind])
            row.alone.setdefault(peer.name, []).append(seconds.get("grad", seconds[kind]))
    return row


# ---------------------------------------------------------------- what is said of the rows
def shown(sizes: Sizes) -> str:
    return ", ".join(f"{name}={n}" for name, n in sizes.items())


def number(x: float | None, factor: float = 1.0) -> str:
    return "" if x is None else f"{x * factor:.2f}" if x * factor < 100 else f"{x * factor:.0f}"


def printed(row: Row) -> str:
    """One line for the terminal."""
    micro = f"{median(row.times['expert']) * 1e6:10.1f} us" if "expert" in row.times else " " * 13
    others = {peer: said for peer, said in row.said.items() if peer != "expert"}
    cells = [f"{peer} {said['failed'] if 'failed' in said else number(row.ratio(peer)):>6}" for peer, said in others.items()]
    if row.kind == "value":
        beyond = [f"{peer} {number(row.beyond_gradient(peer))}" for peer in ("matcalc", "expert") if peer in row.times]
        cells.append(f"of the gradient: {', '.join(beyond)}")
    return f"{row.kind:5} {row.where:62} expert {micro}   " + "   ".join(cells)


def ours(rows: Iterable[Row]) -> list[tuple[float, Row]]:
    """Matcalc's ratios to the expert, the worst first."""
    found = [(ratio, row) for row in rows if (ratio := row.ratio("matcalc")) is not None]
    return sorted(found, key=lambda pair: -pair[0])


def not_slower(row: Row) -> bool:
    """Than any peer that answered."""
    ratios = [row.ratio("matcalc", to=peer) for peer in row.times if peer not in ("matcalc", "expert")]
    return all(ratio is not None and ratio <= 1 for ratio in ratios)


def with_peers(rows: Iterable[Row]) -> list[Row]:
    """The rows which matcalc and another peer answered."""
    return [row for row in rows if "matcalc" in row.times and len(row.times) > 2]


def failures(rows: Iterable[Row]) -> list[str]:
    return [f"{row.kind}, {row.where}: {peer}: {said['failed']}" for row in rows for peer, said in row.said.items() if "failed" in said]


def summary(rows: Sequence[Row]) -> list[str]:
    """A table of the kinds of derivatives, and of all together."""
    lines = [f"| | rows | matcalc / expert, geometric mean | above {SLOW} | worst | failed | not slower than the best peer |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    parts = {title: [row for row in rows if row.kind == kind] for kind, title in TITLES.items()}
    for title, part in {**parts, "all": list(rows)}.items():
        if ratios := [ratio for ratio, _ in ours(part)]:
            compared = with_peers(part)
            failed = sum("failed" in row.said.get("matcalc", {}) for row in part)
            lines.append(f"| {title} | {len(part)} | {geometric_mean(ratios):.2f} | {sum(r > SLOW for r in ratios)} | {ratios[0]:.2f} | "
                         f"{failed} | {sum(map(not_slower, compared))} of {len(compared)} |")
    return lines


def report(rows: Sequence[Row]) -> str:
    """The summary for the terminal."""
    lines = ["", *summary(rows)]
    for kind, title in TITLES.items():
        found = ours(row for row in rows if row.kind == kind)
        lines += ["", f"{title}, the worst rows:"] * bool(found) + [f"  {ratio:6.2f}  {row.where}" for ratio, row in found[:8]]
    failed = failures(rows)
    return "\n".join(lines + ["", "Failed:"] * bool(failed) + failed)


# ---------------------------------------------------------------- the page
HEAD = """# How fast compiled derivatives are

`d.compile()` gives a function of arrays ([from Python](python.md)). This page compares `mc.grad(...).compile(tensor=True)`,
`mc.hessian(...).compile(tensor=True)` and `mc.value_and_grad(...).compile()` with the NumPy that an expert writes by hand for the case,
and with {peers}.
It is written by `python benchmarks/compiled.py --write`. The problems and the expert's code are in `benchmarks/problems.py`, and
`tests/test_benchmarks.py` compares the expert with central differences, and matcalc with the expert.

## How it was measured

- On {machine}; {versions}.
  Everything is in double precision.
- Each peer in its own process, on one thread{pinned}. The arrays are of the peer's own type; only warm calls are timed, after
  planning and tracing. A short call is repeated for {batch:.0f} ms, and the mean is taken.
- {rounds} rounds, each of which times every peer in turn. A ratio is the median over rounds of the peer's time to the expert's in the same
  round: below 1 is faster than the expert. A time is the expert's median.
- Before it is timed, a result is compared with the expert's: a relative error above {wrong:g} is a failure.{missing}
"""
NARROW = """, though the processor has
  AVX-512, as JAX's kernels use. So products of matrices, and all networks, are about twice as fast in JAX, whoever calls NumPy;
  with `OPENBLAS_CORETYPE=SkylakeX` in the environment most of that difference goes, for the expert and matcalc alike"""
PEERS = {"jax": "JAX (`jit` of `grad`, `hessian`, `value_and_grad`)", "torch": "PyTorch (`autograd.grad`, `func.hessian`)"}
PLANNING = """## Before the first result

Milliseconds. *derive*: from the text to the checked closed form, once for a problem. *compile*: `compile()`, once. *plan*: the first call
less a warm one, once for each set of shapes, at the sizes of the tables above. Beside it JAX's tracing and compiling, measured alike.
"""


def page(rows: Sequence[Row], peers: Sequence[str], missing: Sequence[str], rounds: int) -> str:
    head = HEAD.format(
        peers=" and ".join(PEERS[p] for p in peers if p in PEERS) or "no other library", machine=machine(), versions=versions(peers),
        pinned=", pinned to one core" if hasattr(os, "sched_setaffinity") else "", batch=BATCH * 1e3, rounds=rounds, wrong=WRONG,
        missing=f"\n- Not installed, and left out: {', '.join(missing)}." if missing else "")
    lines = [*head.splitlines(), "", "## In short", "", *summary(rows), ""]
    for kind, title in TITLES.items():
        part = [row for row in rows if row.kind == kind]
        lines += [f"## {title}", "", *table(part, peers), ""] if part else []
    lines += [*PLANNING.splitlines(), "", *planning(rows, "jax" in peers), ""]
    if failed := failures(rows):
        lines += ["## Failed", "", *(f"- {line}" for line in failed), ""]
    return "\n".join([*lines, "## The problems", "", *stated(dict.fromkeys(row.problem for row in rows))]) + "\n"


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def versions(peers: Sequence[str]) -> str:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload,index]
    names = {"NumPy": "numpy", "SciPy": "scipy", **{"JAX" if p == "jax" else "PyTorch": p for p in peers if p in PEERS}}
    said = ", ".join(f"{says} {version(name)}" for says, name in names.items())
    return f"{said}, NumPy with {blas['name']} {blas['version']}{kernels()}"


def kernels() -> str:
    """For which processor NumPy's products of matrices were written: a library of products may take one too old for the machine."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ""
    taken = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    wide = "avx512f" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False
    slow = wide and not taken & {"SkylakeX", "Cooperlake", "SapphireRapids"}
    return (f", which takes its kernels for {', '.join(sorted(taken))} here" + NARROW * slow) if taken else ""


def table(rows: Sequence[Row], peers: Sequence[str]) -> list[str]:
    """The expert's time and the ratios; of value and gradient also how much they take beyond the gradient."""
    beyond = rows[0].kind == "value"
    heads = ["expert, us", *(f"{p} / expert" for p in peers), *(["matcalc / its gradient", "expert / its gradient"] if beyond else [])]
    lines = ["| problem | sizes | " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * len(heads)]
    for row in rows:
        cells = [number(median(row.times["expert"]) if "expert" in row.times else None, 1e6)]
        cells += [number(row.ratio(p)) or "failed" for p in peers]
        cells += [number(row.beyond_gradient(p)) for p in ("matcalc", "expert")] if beyond else []
        lines.append(f"| {row.problem} | {shown(row.sizes)} | " + " | ".join(cells) + " |")
    return lines


def planning(rows: Sequence[Row], jax: bool) -> list[str]:
    """One line a problem and kind."""
    lines = ["| problem | | derive | compile | plan |" + " jax |" * jax, "| --- | --- | ---: | ---: | ---: |" + " ---: |" * jax]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.problem, row.kind), []).append(row)
    for (problem, kind), part in groups.items():
        said = next((row.said["matcalc"] for row in part if "derive" in row.said.get("matcalc", {})), None)
        if said is not None:
            plans = " | ".join(plans_of(part, peer) for peer in ("matcalc", *["jax"] * jax))
            lines.append(f"| {problem} | {ONE[kind]} | {1e3 * said['derive']:.0f} | {1e3 * said['compile']:.1f} | {plans} |")
    return lines


def plans_of(rows: Iterable[Row], peer: str) -> str:
    """`2.1, 2.4`: milliseconds, size by size."""
    return ", ".join("failed" if (taken := row.planning(peer)) is None else f"{1e3 * taken:.1f}" for row in rows)


def stated(names: Iterable[str]) -> list[str]:
    lines = ["| problem | expression | by | declared |", "| --- | --- | --- | --- |"]
    for name in names:
        p = PROBLEMS[name]
        let = list(p.let) if len(p.let) < 9 else [*p.let[:3], "...", p.let[-1]]
        lines.append(f"| {name} | `{p.text}` | `{p.wrt}` | {', '.join(f'`{d}`' if d != '...' else d for d in let)} |")
    return lines


# ---------------------------------------------------------------- the command
def verified() -> bool:
    """Every expert against central differences, line by line."""
    fine = True
    for problem in PROBLEMS.values():
        errors = verify(problem)
        right = max(errors.values()) < 1e-6
        fine = fine and right
        print(f"{problem.name:45} {'  '.join(f'{what} {e:.0e}' for what, e in errors.items())}  {'right' if right else 'WRONG'}")
    return fine


def all_measured(problems: Sequence[Problem], kinds: Sequence[str], peers: Sequence[str], rounds: int) -> list[Row]:
    rows, processes = [], [Peer(name) for name in ("expert", *peers)]
    try:
        for kind in kinds:
            for problem in problems:
                for sizes in problem.hessian_sizes if kind == "hess" else problem.sizes:
                    rows.append(measured(processes, problem, kind, sizes, rounds))
                    print(printed(rows[-1]), flush=True)
    finally:
        for process in processes:
            process.stop()
    return rows


def main() -> None:
    options = arguments()
    if options.serve:
        serve(options.serve)
    elif options.verify:
        raise SystemExit(0 if verified() else 1)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    peers = [p for p in options.peers if LIBRARIES[p] is None or find_spec(LIBRARIES[p])]
    missing = [p for p in options.peers if p not in peers]
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}")
    kinds = [options.only] if options.only else list(TITLES)
    rows = all_measured([PROBLEMS[name] for name in options.problems], kinds, peers, options.rounds)
    print(report(rows))
    if options.write:
        PAGE.write_text(page(rows, peers, missing, options.rounds), encoding="utf-8")


def names_from(known: Iterable[str]) -> Callable[[str], list[str]]:
    """The type of an option: names of `known` with commas between, or `all`."""
    known = list(known)

    def names(text: str) -> list[str]:
        found = known if text == "all" else [name.strip() for name in text.split(",")]
        if unknown := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return found

    return names


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TITLES, help="gradients, Hessians, or value and gradient")
    parser.add_argument("--problems", type=names_from(PROBLEMS), default=list(PROBLEMS), help="names with commas between; all if left out")
    parser.add_argument("--peers", type=names_from(LIBRARIES), default=list(LIBRARIES), help="beside the expert; all if left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md; of all problems and kinds only")
    parser.add_argument("--verify", action="store_true", help="compare the expert with central differences, and measure nothing")
    parser.add_argument("--serve", choices=MAKERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write and (options.only or options.problems != list(PROBLEMS)):
        parser.error("--write goes with all problems and kinds")
    return options


if __name__ == "__main__":
    main()
