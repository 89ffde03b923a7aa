"""Which memory of the new side is which of the old: pure, and the same for carrying and for comparing.

Memories with equal fields may stand for each other, so what the new side holds is the truth and the noted uids are
only its index: a batch whose answer was lost is found here again, not sent twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from memdeploy.memmachine.records import EPOCH, Episode

FIELDS = ("created_at", "content", "producer", "role", "produced_for", "type", "metadata")
Marks = tuple[int, ...]


def marks(episode: Episode) -> Marks:
    """One number for each of FIELDS, equal when they are; no content, so that many fit into memory."""
    metadata = json.dumps(dict(episode.metadata), sort_keys=True)
    texts = (episode.content, episode.producer, episode.role, episode.produced_for, episode.type, metadata)
    return (microseconds(episode), *(_digest(text) for text in texts))


def microseconds(episode: Episode) -> int:
    passed = episode.created_at - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Held:
    """A memory of the new side. `rank`: its place in the list there."""

    uid: str
    marks: Marks
    rank: int


def held(episodes: Iterable[Episode]) -> dict[str, Held]:
    """By uid. A page that moved while it was read may bring one twice."""
    found: dict[str, Held] = {}
    for episode in episodes:
        found.setdefault(episode.uid, Held(episode.uid, marks(episode), len(found)))
    return found


@dataclass(frozen=True)
class Verdict:
    """`kind`: `same`, `differs` (in `fields`), `unnoted` (it is there, nobody noted it), `missing`."""

    kind: str
    episode: Episode
    uid: str = ""
    fields: tuple[str, ...] = ()


@dataclass
class Pairing:
    """Iterate it once; what follows from the whole is known afterwards.

    `extra`: uids of the new side that no old memory has. `gone`: noted old uids that the old side no longer has.
    `reordered`: memories that come earlier on the new side than one that they followed on the old.
    """

    old: Iterable[Episode]
    new: Mapping[str, Held]
    noted: Mapping[str, str]
    extra: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    count: int = 0
    reordered: int = 0

    def __iter__(self) -> Iterator[Verdict]:
        seen: set[str] = set()
        used: set[str] = set()
        unnoted = self._unnoted()
        last = -1
        for episode in self.old:
            if episode.uid in seen:
                continue
            seen.add(episode.uid)
            self.count += 1
            verdict = self._verdict(episode, unnoted)
            if verdict.uid:
                used.add(verdict.uid)
                rank = self.new[verdict.uid].rank
                self.reordered += rank < last
                last = max(last, rank)
            yield verdict
        self.extra = [uid for uid in self.new if uid not in used]
        self.gone = [old for old in self.noted if old not in seen]

    def _unnoted(self) -> dict[Marks, deque[str]]:
        known = set(self.noted.values())
        free: dict[Marks, deque[str]] = defaultdict(deque)
        for uid, one in self.new.items():
            if uid not in known:
                free[one.marks].append(uid)
        return free

    def _verdict(self, episode: Episode, unnoted: Mapping[Marks, deque[str]]) -> Verdict:
        have = marks(episode)
        one = self.new.get(self.noted.get(episode.uid, ""))
        if one is not None:
            fields = tuple(name for name, a, b in zip(FIELDS, have, one.marks, strict=True) if a != b)
            return Verdict("differs" if fields else "same", episode, one.uid, fields)
        free = unnoted.get(have)
        return Verdict("unnoted", episode, free.popleft()) if free else Verdict("missing", episode)


def batches(episodes: Iterable[Episode], size: int = 50) -> Iterator[list[Episode]]:
    """At least `size` each but the last. Memories of the same instant stay together, however many they are: their
    order is the order of their uids, and MemMachine 0.4.0 draws uids that keep the order within one request only."""
    batch: list[Episode] = []
    for episode in episodes:
        if len(batch) >= size and episode.created_at != batch[-1].created_at:
            yield batch
            batch = []
        batch.append(episode)
    if batch:
        yield batch
