"""Many deployments, one after another, on one served rehearsal: `python -m benchmarks.soak [--deployments N]`.

Each is interrupted in its first `up` (SIGTERM), brought up, changed, and destroyed with its data; eight processes do so
side by side, each for as long as the whole takes. What nobody cleans up shows: memory of the rehearsal and of memdeploy
when all are done against a tenth of them, writes of a journal for each step, seconds for each deployment in the last
tenth against the second (the first makes what is shared), and what is left in the inventory. Exits 1 when a target is
missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import median, table
from benchmarks.served import PROJECT, UP, Served, busy, served

DEPLOYMENTS, AT_ONCE = 1000, 8
SCALE = 0.0002
MEMORY, TIME, WRITES = 1.1, 1.25, 1.05
#: Of a whole run of memdeploy, before the signal: somewhere in its first `up`.
INTERRUPTED = (0.1, 0.9)
HISTORY = ("Build",)
"""What a cloud keeps of every project, whatever becomes of its deployments."""
PATIENCE = 120.0
ARENAS = "MALLOC_ARENA_MAX", "2"
"""For memdeploy's processes (mallopt(3)). By default the C library keeps what was freed for each of many threads, up to
eight times the processors: of a process that runs a hundred commands one sees that, and not what memdeploy holds."""
DESTROY = ("destroy", "--yes", "--delete-data", "--no-final-backup")


@dataclass(frozen=True)
class Life:
    """Of one deployment. `processor`: seconds that memdeploy computed. `writes` and `transitions` are its journal's,
    `steps` how many steps that holds."""

    number: int
    seconds: float
    processor: float
    writes: int
    transitions: int
    steps: int
    interrupted: bool


def writes_per_step(life: Life) -> float:
    return life.writes / life.steps


@dataclass(frozen=True)
class Memory:
    """In bytes: of the rehearsal, and of the largest of memdeploy's processes."""

    rehearsal: int
    memdeploy: int


@dataclass(frozen=True)
class Soak:
    lives: Sequence[Life]
    early: Memory
    late: Memory
    spent: Sequence[float]
    "Processor seconds of the rehearsal until the start, and until the end of each tenth."
    left: Sequence[str]

    def tenth(self, number: int) -> Sequence[Life]:
        """The lives of the first, second, … tenth, by when they ended."""
        size = max(1, len(self.lives) // 10)
        return self.lives[(number - 1) * size : number * size]

    def ratio(self, figure: Callable[[Life], float]) -> float:
        """The median of the last tenth against that of the second."""
        return median([figure(life) for life in self.tenth(10)]) / median([figure(life) for life in self.tenth(2)])

    def processor(self, number: int) -> float:
        """Seconds a deployment of that tenth, on both sides of the wire: what else the machine does is not in them."""
        lives = self.tenth(number)
        return (sum(life.processor for life in lives) + self.spent[number] - self.spent[number - 1]) / len(lives)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--deployments", type=int, default=DEPLOYMENTS, metavar="N")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    given = parser.parse_args()
    with served(SCALE) as place:
        found = soaked(place, max(20, given.deployments))
    print(json.dumps({**asdict(found), "missed": misses(found)}, indent=1) if given.json else text(found))
    for miss in misses(found):
        print(f"missed: {miss}", file=sys.stderr)
    return 1 if misses(found) else 0


def soaked(place: Served, deployments: int) -> Soak:
    context = multiprocessing.get_context("spawn")
    lives: list[Life] = []
    spent = [processor(place.cloud.process.pid)]
    early: Memory | None = None
    environment = place.memdeploy.environ()
    given = (environment, str(place.memdeploy.state))
    os.environ.setdefault(*ARENAS)  # read at a process' start; the rehearsal stands already, and has the defaults
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, initializer=prepared, initargs=given) as pool:
        for life in in_turn(pool, deployments):
            lives.append(life)
            if len(lives) % (deployments // 10) == 0:
                spent.append(processor(place.cloud.process.pid))
                print(f"{len(lives)} of {deployments}, the last in {life.seconds:.1f} s", file=sys.stderr)
            if len(lives) == deployments // 10:
                early = memory(place, pool)
        late = memory(place, pool)
    place.memdeploy("destroy", "--shared", "--yes", "--provider", "gcp", "--project", PROJECT)
    left = [f"{thing['type']} {thing['name']}" for thing in place.cloud.inventory() if thing["type"] not in HISTORY]
    assert early is not None
    return Soak(lives, early, late, spent, left)


def in_turn(pool: ProcessPoolExecutor, deployments: int) -> Iterator[Life]:
    """As they end; never more under way than there are processes."""
    numbers = iter(range(deployments))
    running = {pool.submit(lived, number) for number in itertools.islice(numbers, AT_ONCE)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
            number = next(numbers, None)
            if number is not None:
                running.add(pool.submit(lived, number))


# -- in one of memdeploy's processes -----------------------------------------------------------------------------------


def prepared(environment: Mapping[str, str], state: str) -> None:
    os.environ.clear()
    os.environ.update(environment, MEMDEPLOY_STATE=state)


def lived(number: int) -> Life:
    name = f"soak-{number:05}"
    started, computed = time.monotonic(), time.process_time()
    usual = random.Random(number).uniform(*INTERRUPTED)
    up = (*UP, "--name", name)
    interrupted = run(*up, after=usual) == 128 + signal.SIGTERM
    run(*up, expect=(0,))
    run(*up, "--max-instances", "3", expect=(0,))
    code = run(*DESTROY, "--name", name, expect=(0, 11))
    while code == 11 and time.monotonic() < started + PATIENCE:
        time.sleep(0.2)  # the cloud holds a subnet for what are hours there
        code = run("destroy", "--finish", "--name", name, expect=(0, 11))
    if code:
        raise RuntimeError(f"{name}: the cloud still holds something after {PATIENCE:.0f} s")
    journal = newest(Path(os.environ["MEMDEPLOY_STATE"]) / name)
    steps = len(journal["steps"])
    seconds, spent = time.monotonic() - started, time.process_time() - computed
    return Life(number, seconds, spent, journal["serial"], journal["transitions"], steps, interrupted)


def run(*line: str, after: float | None = None, expect: Sequence[int] = (0, 1, 128 + signal.SIGTERM)) -> int:
    """The command in this process; `after` so many seconds it is told to stop."""
    from memdeploy.cli.entry import main as command

    out = io.StringIO()
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what comes too late is for nobody
    timer = threading.Timer(after or 0.0, os.kill, (os.getpid(), signal.SIGTERM))
    try:
        if after is not None:
            timer.start()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = int(command([*line, "--json"]))
    finally:
        timer.cancel()
        signal.signal(signal.SIGTERM, before)
    if code not in expect:
        raise RuntimeError(f"{' '.join(line)}: exit {code}\n{out.getvalue()[-2000:]}")
    return code


def newest(place: Path) -> dict[str, Any]:
    """The journal that counts: the highest epoch's."""
    found = max(place.glob("journal.*.json"), key=lambda path: int(path.name.split(".")[1]))
    return dict(json.loads(found.read_text()))


# -- figures -----------------------------------------------------------------------------------------------------------


def memory(place: Served, pool: ProcessPoolExecutor) -> Memory:
    return Memory(resident(place.cloud.process.pid), max(resident(pid) for pid in pool._processes))


def resident(pid: int) -> int:
    """Bytes of a process in memory (proc_pid_status(5), VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def processor(pid: int) -> float:
    """Seconds that a process has computed (proc_pid_stat(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def figures(found: Soak) -> dict[str, tuple[float, float]]:
    """What is measured -> (found, at most)."""
    return {
        "memory of the rehearsal, all against a tenth": (found.late.rehearsal / found.early.rehearsal, MEMORY),
        "memory of memdeploy's largest process, all against a tenth": (
            found.late.memdeploy / found.early.memdeploy, MEMORY,
        ),
        "writes of a journal a step, last tenth against second": (found.ratio(writes_per_step), WRITES),
        "seconds a deployment, last tenth against second": (found.ratio(lambda life: life.seconds), TIME),
        "processor seconds a deployment, both sides, last tenth against second": (
            found.processor(10) / found.processor(2), TIME,
        ),
    }  # fmt: skip


def misses(found: Soak) -> list[str]:
    missed = [f"{what}: {value:.2f}, not {most}" for what, (value, most) in figures(found).items() if value > most]
    return [*missed, *(f"left: {thing}" for thing in found.left)]


def text(found: Soak) -> str:
    lives = found.lives
    rows = [[what, f"{value:.2f}", f"at most {most}"] for what, (value, most) in figures(found).items()]
    interrupted = sum(life.interrupted for life in lives)
    plain = [
        ["deployments up, changed and destroyed", str(len(lives)), ""],
        ["of which interrupted in the first `up`", str(interrupted), ""],
        ["left in the inventory", str(len(found.left)), "0"],
        ["rehearsal, MiB at a tenth / at all", mib(found.early.rehearsal, found.late.rehearsal), ""],
        ["memdeploy, MiB at a tenth / at all", mib(found.early.memdeploy, found.late.memdeploy), ""],
        ["writes of a journal a step, median", f"{median([writes_per_step(life) for life in lives]):.2f}", ""],
        ["seconds a deployment, median", f"{median([life.seconds for life in lives]):.1f}", ""],
        [
            "processor seconds a deployment, second tenth / last",
            f"{found.processor(2):.2f} / {found.processor(10):.2f}",
            "",
        ],
    ]
    return f"{table(['what', 'found', 'target'], [*plain, *rows])}\n{busy()}"


def mib(*sizes: int) -> str:
    return " / ".join(f"{size / 2**20:.0f}" for size in sizes)


if __name__ == "__main__":
    sys.exit(main())
