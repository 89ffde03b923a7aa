"""From a container's start to its first stored memory: `python -m benchmarks.container_start [--rounds N] [--json]`.

Ours (`startup.sh serve`) and upstream's image with its own command, in turns, each round with a new container, on
databases that are prepared already. Exits 1 when ours takes more than TARGET of upstream's time, by the medians.
Processor time is the container's own until then: what a machine that is busy with other things does not change.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from docker.models.containers import Container

from benchmarks.figures import median, parser, show, table
from benchmarks.served import busy
from benchmarks.servers import SIDES, Api, Servers, published, servers, until

TARGET, ROUNDS = 0.5, 7
PAUSE = 0.02
TEXT = "The ferry to Vlieland leaves at nine."
Samples = dict[str, list[dict[str, float]]]


def main() -> int:
    given = parser(__doc__)
    given.add_argument("--rounds", type=int, default=ROUNDS)
    options = given.parse_args()
    with servers({"ours": options.ours, "upstream": options.upstream}) as place:
        samples = measure(place, options.rounds)
    ratios = {name: median(ours) / median(theirs) for name, (ours, theirs) in columns(samples).items()}
    result = {"samples": samples, "ratios": ratios, "target": TARGET, "machine": busy()}
    show(result, text(samples, ratios), as_json=options.json)
    return 0 if ratios["seconds"] <= TARGET else 1


def measure(place: Servers, rounds: int) -> Samples:
    """Whoever begins a round changes from one to the next."""
    samples: Samples = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in SIDES if number % 2 else reversed(SIDES):
            samples[side].append(once(place, side))
    return samples


def once(place: Servers, side: str) -> dict[str, float]:
    started = time.monotonic()
    container = place.begin(side)
    try:
        published(container)
        until(lambda: stored(Api.of(container, f"{side}-start")), container, PAUSE)
        return {"seconds": round(time.monotonic() - started, 3), "processor": round(processor(container), 3)}
    finally:
        container.remove(force=True, v=True)


def processor(container: Container) -> float:
    """Seconds of user and system time, of all its processes so far."""
    used = container.client.api.stats(container.id, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]
    return float(used["total_usage"]) / 1e9


def columns(samples: Samples) -> dict[str, tuple[list[float], list[float]]]:
    return {
        name: ([one[name] for one in samples["ours"]], [one[name] for one in samples["upstream"]])
        for name in ("seconds", "processor")
    }


def stored(api: Api) -> bool:
    api.add([{"content": TEXT, "producer": "benchmark"}])
    return True


def text(samples: Samples, ratios: Mapping[str, float]) -> str:
    heads = ["container start to first stored memory", "ours: median (shortest)", "upstream", "ratio", "target"]
    rows = [
        [name, *(f"{median(side):.2f} s ({min(side):.2f})" for side in sides), f"{ratios[name]:.2f}", target]
        for (name, sides), target in zip(columns(samples).items(), (f"{TARGET:g}", ""), strict=True)
    ]
    return f"{table(heads, rows)}\n{len(samples['ours'])} rounds; {busy()}"


if __name__ == "__main__":
    sys.exit(main())
