"""An `up` with nothing to do, on a served rehearsal: `python -m benchmarks.nothing`.

What it asks is counted by the rehearsal, how much of it at once by memdeploy's own wire log. Exits 1 when a resource is
read twice, anything is written, or the reads are made one after the other.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.served import PROJECT, UP, busy, served

SCALE = 0.01
TOGETHER = 4
"""Of the 8 steps that are looked at at once (`RunOptions.max_parallel`): a rehearsal may answer too soon for more."""
#: Of the project and of whoever calls, and of no resource: preflight asks it anew each time.
PREFLIGHT = re.compile(
    rf"/(cloudresourcemanager|cloudbilling|serviceusage|oauth2|iamcredentials)/|/compute/v1/projects/{PROJECT}$"
)
VERIFICATION = ("_service", "front")
Requests = Sequence[Mapping[str, Any]]


def main() -> int:
    with served(SCALE) as place:
        place.memdeploy(*UP)
        since = place.cloud.last_request()
        started = time.monotonic()
        _, exchanges = place.watched("up", "--yes")
        seconds = time.monotonic() - started
        asked = [r for r in place.cloud.requests(since) if r["service"] not in VERIFICATION]
    return show(asked, together(exchanges), seconds)


def show(asked: Requests, at_once: int, seconds: float) -> int:
    resources = Counter(f"{r['method']} {address(r)}" for r in asked if not PREFLIGHT.search(address(r)))
    twice = sorted(name for name, times in resources.items() if times > 1)
    written = sorted(address(r) for r in asked if r["mutates"] and r["service"] != "iamcredentials")
    print("| what | found | target |\n|---|---|---|")
    print(f"| requests, preflight's included | {len(asked)} | |")
    print(f"| resources read | {len(resources)} | |")
    print(f"| resources read more than once | {len(twice)} | 0 |")
    print(f"| changes | {len(written)} | 0 |")
    print(f"| most requests under way at once | {at_once} | at least {TOGETHER} |")
    print(f"| seconds, the whole process | {seconds:.1f} | |")
    print(busy())
    for name in (*twice, *written):
        print(f"missed: {name}", file=sys.stderr)
    return 1 if twice or written or not resources or at_once < TOGETHER else 0


def address(request: Mapping[str, Any]) -> str:
    return f"/{request['service']}{request['path']}"


def together(exchanges: Requests) -> int:
    """The largest number of exchanges of which none had ended before another began."""
    moments = [(e["at"], 1) for e in exchanges] + [(e["at"] + e["seconds"], -1) for e in exchanges]
    under_way = most = 0
    for _, change in sorted(moments):
        under_way += change
        most = max(most, under_way)
    return most


if __name__ == "__main__":
    sys.exit(main())
