"""What each server of a local deployment may use, by profile.

Measured (MiB resident): Neo4j 602 with an empty store and 895 with 12,000 memories at a heap of 512, MemMachine 238 to
301, PostgreSQL 141 to 176. So a heap of 512 needs a limit of 1,280, and the smallest profile has nothing to spare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.config.model import Profile, ServiceOptions


@dataclass(frozen=True)
class Size:
    """`memory` in MiB: with more the kernel ends the server. `cpus`: at most, while others want them too or not."""

    memory: int
    cpus: float


@dataclass(frozen=True)
class Sizes:
    """`heap` and `pages` (MiB) are parts of Neo4j's memory."""

    postgres: Size
    neo4j: Size
    heap: int
    pages: int
    service: Size
    once: Size = Size(1024, 2.0)
    model: Size = Size(192, 1.0)

    def total(self, instances: int, *, neo4j: bool, model: bool) -> int:
        """MiB that all may come to together."""
        parts = [self.postgres, *[self.service] * instances, *([self.neo4j] * neo4j), *([self.model] * model)]
        return sum(part.memory for part in parts)


SIZES: Mapping[Profile, Sizes] = {
    Profile.SMALL: Sizes(Size(384, 1.0), Size(1280, 1.0), 512, 192, Size(768, 1.0)),
    Profile.STANDARD: Sizes(Size(768, 2.0), Size(1792, 2.0), 768, 384, Size(1024, 2.0)),
    Profile.PRODUCTION: Sizes(Size(2048, 4.0), Size(4096, 4.0), 2048, 1024, Size(2048, 4.0)),
}


def of(profile: Profile, service: ServiceOptions) -> Sizes:
    """The profile's, with what `service.cpu` and `service.memory` say instead."""
    found = SIZES[profile]
    own = found.service
    wanted = Size(
        mebibytes(service.memory) if service.memory else own.memory, float(service.cpu) if service.cpu else own.cpus
    )
    return Sizes(found.postgres, found.neo4j, found.heap, found.pages, wanted, found.once, found.model)


def mebibytes(text: str) -> int:
    """`512Mi` -> 512, `2Gi` -> 2048."""
    return int(text[:-2]) * (1024 if text.endswith("Gi") else 1)


def words(count: int) -> str:
    """Bytes for people: `61 kB`, `3.4 MB`."""
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
