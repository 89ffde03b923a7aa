"""What PostgreSQL, Neo4j and our MemMachine keep in memory: `python -m benchmarks.memory [--memories N] [--json]`.

Memory of all processes of a container (what they share counts once), at rest and after N memories were stored and
some of them searched, and the most that any moment needed (the kernel's `memory.peak`, page cache included, where it
tells). Neo4j has a heap of 512 MiB at most. No target: it is what limits are derived from.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

from docker.models.containers import Container

from benchmarks.figures import parser, show, table
from benchmarks.search import BATCH, TOP, memory, message
from benchmarks.served import busy
from benchmarks.servers import Api, Servers, ready, servers

MEMORIES, QUESTIONS = 1000, 40
SETTLE = 10.0
Sizes = dict[str, int]


def main() -> int:
    given = parser(__doc__)
    given.add_argument("--memories", type=int, default=MEMORIES)
    options = given.parse_args()
    with servers({"ours": options.ours, "upstream": options.upstream}, sides=("ours",)) as place:
        moments = measure(place, options.memories)
    result = {"bytes": moments, "memories": options.memories, "machine": busy()}
    show(result, text(moments, options.memories), as_json=options.json)
    return 0


def measure(place: Servers, memories: int) -> dict[str, Sizes]:
    """Moment -> component -> bytes."""
    container = place.begin("ours")
    ready(container)
    assert place.postgres is not None
    assert place.neo4j is not None
    parts = {"PostgreSQL": place.postgres, "Neo4j": place.neo4j, "MemMachine": container}
    time.sleep(SETTLE)  # what rest is: nothing tells when a JVM has come to it
    rest = {name: resident(one) for name, one in parts.items()}
    api = Api.of(container, "memory")
    for first in range(0, memories, BATCH):
        api.add([message(number) for number in range(first, min(first + BATCH, memories))])
    for number in range(0, memories, max(1, memories // QUESTIONS)):
        api.search(memory(number), TOP)
    filled = {name: resident(one) for name, one in parts.items()}
    return {"rest": rest, "filled": filled, "peak": {name: peak(one) for name, one in parts.items()}}


def resident(container: Container) -> int:
    """Bytes of all its processes: what each has alone, and of what they may share the largest part once."""
    return kept(container.exec_run(["sh", "-c", "cat /proc/[0-9]*/status"]).output.decode())


def kept(said: str) -> int:
    """The texts of /proc/PID/status, one after the other -> bytes."""

    def each(name: str) -> list[int]:
        return [int(line.split()[1]) for line in said.splitlines() if line.startswith(f"{name}:")]

    return 1024 * (sum(each("RssAnon")) + max(each("RssFile"), default=0) + max(each("RssShmem"), default=0))


def peak(container: Container) -> int:
    """By version 2 or 1 of control groups; 0 where the kernel does not tell."""
    files = "/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
    said = container.exec_run(["sh", "-c", f"cat {files} 2>/dev/null"]).output.decode().split()
    return int(said[0]) if said else 0


def text(moments: Mapping[str, Sizes], memories: int) -> str:
    def cells(name: str) -> Sequence[str]:
        return [f"{moments[moment][name] / 2**20:.0f} MiB" for moment in ("rest", "filled", "peak")]

    heads = ["component", "at rest", f"after {memories:,} memories", "most, page cache included"]
    return f"{table(heads, [[name, *cells(name)] for name in moments['rest']])}\n{busy()}"


if __name__ == "__main__":
    sys.exit(main())
