"""Searching and storing, ours against upstream's: `python -m benchmarks.search [--sizes 1000,4000,9000] [--json]`.

Two MemMachines beside each other on the same PostgreSQL, Neo4j and model: ours with its image and its configuration,
upstream's with its own (no bytecode, no `neo4j-rust-ext`, default thresholds). Both store the same memories in the same
batches, turn by turn, and are asked the same questions, turn by turn. At each size the sides are compared: how long a
search takes for one client and for CLIENTS at once, how fast they store, and what they find. A question is the text of
a stored memory; `own` counts those that were found, `same` is the share of upstream's memories that ours found, too.

Exits 1 when at 9,000 memories ours is less than TARGET times faster, when it is slower at any size, or when a memory is
not found by its own text.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from docker.models.containers import Container

from benchmarks.figures import parser, percentile, shared, show, table
from benchmarks.served import busy
from benchmarks.servers import SIDES, Api, Servers, ready, servers

TARGET, AT = 5.0, 9000
SIZES = "1000,4000,9000,10000"
BATCH, CHARACTERS, WORDS = 50, 200, 4000
QUESTIONS, CLIENTS, TOP = 40, 4, 10
FIRST = 1_700_000_000
Found = list[list[str]]


@dataclass(frozen=True)
class Side:
    """At one size: memories stored a second since the size before, milliseconds of searches, what they found."""

    fill: float
    one: list[float]
    four: list[float]
    found: Found


@dataclass(frozen=True)
class Row:
    """One size; `own` of each side out of the questions."""

    size: int
    questions: int
    own: dict[str, int]
    same: float
    fill: dict[str, float]
    p50: dict[str, float]
    p95: dict[str, float]
    four_p50: dict[str, float]
    four_p95: dict[str, float]

    @property
    def faster(self) -> float:
        return self.p50["upstream"] / self.p50["ours"]

    @property
    def faster_four(self) -> float:
        return self.four_p50["upstream"] / self.four_p50["ours"]


def main() -> int:
    given = parser(__doc__)
    given.add_argument("--sizes", default=SIZES, help="numbers of memories, ascending")
    given.add_argument("--questions", type=int, default=QUESTIONS)
    options = given.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with servers({"ours": options.ours, "upstream": options.upstream}) as place, both(place) as containers:
        rows = list(measure(place, containers, sizes, options.questions))
    result = {"rows": [asdict(row) | {"faster": row.faster} for row in rows], "target": TARGET, "machine": busy()}
    missed = misses(rows)
    show({**result, "missed": missed}, text(rows), as_json=options.json)
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


@contextlib.contextmanager
def both(place: Servers) -> Iterator[dict[str, Container]]:
    """One MemMachine of each side; the stack removes them."""
    containers = {side: place.begin(side) for side in SIDES}
    for container in containers.values():
        ready(container)
    yield containers


def measure(place: Servers, containers: Mapping[str, Container], sizes: Sequence[int], questions: int) -> Iterator[Row]:
    apis = {side: [Api.of(container, side) for _ in range(CLIENTS)] for side, container in containers.items()}
    stored = 0
    for size in sizes:
        fill = filled({side: clients[0] for side, clients in apis.items()}, stored, size)
        stored = size
        place.cypher("CALL db.awaitIndexes(300)")
        asked = random.Random(size).sample(range(size), min(questions, size))
        texts = [memory(number) for number in asked]
        yield row(size, texts, searched(apis, texts, fill))


def filled(apis: Mapping[str, Api], start: int, end: int) -> dict[str, float]:
    """Memories a second of each side."""
    seconds = dict.fromkeys(apis, 0.0)
    for turn, first in enumerate(range(start, end, BATCH)):
        batch = [message(number) for number in range(first, min(first + BATCH, end))]
        for side in in_turn(turn):
            began = time.monotonic()
            apis[side].add(batch)
            seconds[side] += time.monotonic() - began
    return {side: (end - start) / taken for side, taken in seconds.items()}


def searched(apis: Mapping[str, Sequence[Api]], texts: Sequence[str], fill: Mapping[str, float]) -> dict[str, Side]:
    sides = {side: Side(fill[side], [], [], []) for side in apis}
    for client in (client for clients in apis.values() for client in clients):
        timed(client, texts[0])  # the first ones pay for what was not looked at before
    for turn, query in enumerate(texts):
        for side in in_turn(turn):
            taken, found = timed(apis[side][0], query)
            sides[side].one.append(taken)
            sides[side].found.append(found)
    for turn, at in enumerate(range(0, len(texts), 2 * CLIENTS)):
        for side in in_turn(turn):
            sides[side].four.extend(at_once(apis[side], texts[at : at + 2 * CLIENTS]))
    return sides


def in_turn(turn: int) -> Sequence[str]:
    return SIDES if turn % 2 else SIDES[::-1]


def at_once(clients: Sequence[Api], texts: Sequence[str]) -> list[float]:
    """The texts dealt out to the clients, who ask at the same time."""
    shares = [texts[number :: len(clients)] for number in range(len(clients))]
    with ThreadPoolExecutor(len(clients)) as pool:
        each = pool.map(lambda pair: [timed(pair[0], text)[0] for text in pair[1]], zip(clients, shares, strict=True))
        return [taken for some in each for taken in some]


def timed(api: Api, query: str) -> tuple[float, list[str]]:
    """Milliseconds, and the texts of the long-term memories that were found."""
    began = time.monotonic()
    content = api.search(query, TOP)
    taken = (time.monotonic() - began) * 1000
    return taken, [episode["content"] for episode in content["episodic_memory"]["long_term_memory"]["episodes"]]


def row(size: int, texts: Sequence[str], sides: Mapping[str, Side]) -> Row:
    def of(samples: str, share: float) -> dict[str, float]:
        return {side: round(percentile(getattr(one, samples), share), 1) for side, one in sides.items()}

    return Row(
        size, len(texts),
        {side: sum(text in found for text, found in zip(texts, one.found, strict=True)) for side, one in sides.items()},
        round(shared(sides["upstream"].found, sides["ours"].found), 4),
        {side: round(one.fill, 1) for side, one in sides.items()},
        of("one", 0.5), of("one", 0.95), of("four", 0.5), of("four", 0.95),
    )  # fmt: skip


def misses(rows: Sequence[Row]) -> list[str]:
    said = [
        f"at {row.size}: {row.faster:.2f} times, not {TARGET:g}"
        for row in rows
        if row.size == AT and row.faster < TARGET
    ]
    said += [f"at {row.size}: slower" for row in rows if min(row.faster, row.faster_four) < 1.0]
    return said + [
        f"at {row.size}: own text {row.own} of {row.questions}"
        for row in rows
        if set(row.own.values()) != {row.questions}
    ]


def message(number: int) -> dict[str, str]:
    """A minute apart, so that both sides order them alike."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(FIRST + 60 * number))
    return {"content": memory(number), "producer": "benchmark", "timestamp": moment}


def memory(number: int) -> str:
    """Always the same CHARACTERS: invented words, common ones more often, as in a language."""
    source = random.Random(number)
    text = f"{number}:"
    while len(text) < CHARACTERS:
        text += " " + word(min(int(source.paretovariate(0.6)), WORDS))
    return text[:CHARACTERS]


def word(rank: int) -> str:
    source = random.Random(-rank)
    return "".join(source.choice("bdfgklmnprstvz") + source.choice("aeiou") for _ in range(source.randint(1, 4)))


def text(rows: Sequence[Row]) -> str:
    heads = [
        "memories", "ours: search p50 / p95", "upstream", "times faster", "four clients, ours", "upstream",
        "times faster", "stored a second, ours", "upstream", "own text found", "same found",
    ]  # fmt: skip

    def cells(row: Row) -> list[str]:
        one = [f"{row.p50[side]:.0f} / {row.p95[side]:.0f} ms" for side in SIDES]
        four = [f"{row.four_p50[side]:.0f} / {row.four_p95[side]:.0f} ms" for side in SIDES]
        fill = [f"{row.fill[side]:.0f}" for side in SIDES]
        own = ", ".join(f"{row.own[side]}" for side in SIDES) + f" of {row.questions}"
        return [
            f"{row.size:,}",
            *one,
            f"{row.faster:.1f}",
            *four,
            f"{row.faster_four:.1f}",
            *fill,
            own,
            f"{row.same:.1%}",
        ]

    return f"{table(heads, [cells(row) for row in rows])}\n{busy()}"


if __name__ == "__main__":
    sys.exit(main())
