"""The table of MemMachine releases: all that depends on a version stands here and nowhere else.

From 0.2.6 on releases share one configuration and one API; earlier ones come with entries of their own.
Digests are never written down here: they are resolved when a deployment is made and journalled then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memdeploy.errors import UsageError


@dataclass(frozen=True)
class Release:
    """`schema_head`: alembic's revision of the release's tables; two releases with the same head share a database.

    `upstream_tag` follows upstream's own pattern `v<version>-cpu`; whether it exists is found out at `up`.
    `python_base` carries the Python whose wheels `docker/requirements/memmachine-<version>.txt` locks.
    """

    version: str
    schema_head: str
    python_base: str = "python:3.12-slim-trixie"
    upstream_repository: str = "memmachine/memmachine"
    health_path: str = "/api/v2/health"
    oldest_neo4j: str = "5.18"  # vector.similarity.cosine

    @property
    def upstream_tag(self) -> str:
        return f"v{self.version}-cpu"

    @property
    def upstream_image(self) -> str:
        return f"{self.upstream_repository}:{self.upstream_tag}"

    @property
    def requirements(self) -> str:
        """The hash lock, as a path in the folder `docker/`."""
        return f"requirements/memmachine-{self.version}.txt"


RELEASES: Mapping[str, Release] = {release.version: release for release in (Release("0.4.0", "e8d4a37b69f2"),)}
DEFAULT = "0.4.0"


def find(version: str) -> Release:
    """The release of that version; `UsageError` names the nearest one there is."""
    wanted = version.strip().removeprefix("v").removesuffix("-cpu")
    if wanted in RELEASES:
        return RELEASES[wanted]
    raise UsageError(
        f"MemMachine {version} is not supported in this version of memdeploy",
        code="unknown-release",
        where="release",
        suggestion=f"The nearest supported release is {nearest(wanted)}; supported: {', '.join(sorted(RELEASES))}.",
    )


def nearest(version: str) -> str:
    """The supported release that is fewest steps away; of two as near, the newer."""
    wanted = numbers(version)

    def distance(candidate: str) -> tuple[list[int], list[int]]:
        have = numbers(candidate)
        return [abs(a - b) for a, b in zip(wanted, have, strict=True)], [-n for n in have]

    return min(RELEASES, key=distance)


def numbers(version: str) -> tuple[int, int, int]:
    """`0.3.9` -> (0, 3, 9); what is not a number counts as 0."""
    parts = [*version.split("."), "0", "0", "0"][:3]
    first, second, third = (int("".join(c for c in part if c.isdecimal() and c.isascii()) or 0) for part in parts)
    return first, second, third
