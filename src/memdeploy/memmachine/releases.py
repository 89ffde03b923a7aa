"""The table of MemMachine releases: all that depends on a version stands here, and what its container has to know of
it in `docker/releases/<version>.json`. Which of them stored memories can move between: `upgrades.py`.

From 0.2.6 on releases share one API and, but for a few settings, one configuration; what came before has neither.
Digests are never written down here: they are resolved when a deployment is made and journalled then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from memdeploy.errors import Refused, UsageError
from memdeploy.memmachine.files import docker_files


class Uid(StrEnum):
    """What names an episode."""

    INTEGER = "integer"  # a number, as text
    UUID = "uuid"


@dataclass(frozen=True)
class Release:
    """Read in the sources of that version; `tested`: also run here with real servers.

    - `schema_head`: alembic's revision of the release's tables; two releases with the same head share a database.
      None before there were migrations.
    - `api`: the family of paths, `v2` (`/api/v2/…`) or `v1` (`/v1/…`), and with it `health_path`.
    - `drivers`: Python's database drivers. `prepares`: what has to be made before the first server starts.
    - `without_neo4j`: it can keep memories in a vector store on disk (`long_term_memory.backend: event`).
    - `undeployable`: why `up` does not deploy it, or None.
    - `recipe`: the Dockerfile, in the folder `docker/`.
    - `python_base` carries the Python whose wheels `docker/requirements/memmachine-<version>.txt` locks.
    """

    version: str
    schema_head: str | None
    uid: Uid = Uid.INTEGER
    api: str = "v2"
    health_path: str = "/api/v2/health"
    drivers: tuple[str, ...] = ("asyncpg", "neo4j")
    prepares: tuple[str, ...] = ("extension vector", "tables", "migrations")
    without_neo4j: bool = False
    tested: bool = True
    undeployable: str | None = None
    recipe: str = "Dockerfile"
    python_base: str = "python:3.12-slim-trixie"
    upstream_repository: str = "memmachine/memmachine"
    oldest_neo4j: str = "5.23"  # vector.quantization.enabled

    @property
    def upstream_tag(self) -> str:
        """Upstream's own pattern, since 0.1.2; whether it exists is found out at `up`."""
        return f"v{self.version}-cpu"

    @property
    def upstream_image(self) -> str:
        return f"{self.upstream_repository}:{self.upstream_tag}"

    @property
    def requirements(self) -> str:
        """The hash lock, as a path in the folder `docker/`."""
        return f"requirements/memmachine-{self.version}.txt"

    @property
    def facts(self) -> str:
        """What the container knows of its release, as a path in the folder `docker/` (see `docker/release.py`)."""
        return f"releases/{self.version}.json"

    @property
    def module(self) -> str:
        """The server's Python package."""
        return str(self._inside()["module"])

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions pinned to this version. memmachine-server does not pin memmachine-common, and a newer one
        breaks it (ImportError, seen with 0.3.0 and 0.3.9). None: its server is in no package registry."""
        return tuple(self._inside()["packages"])

    @property
    def lacks(self) -> tuple[str, ...]:
        """Settings of ours that it does not know, by path in its configuration."""
        return tuple(self._inside()["lacks"])

    def _inside(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads((docker_files() / self.facts).read_text())
        return found


_GUIDE = (
    "its server is in no package registry, and its configuration and API (/v1) are those of an era that no server here "
    "could be tested against"
)

RELEASES: Mapping[str, Release] = {
    release.version: release
    for release in (
        Release("0.4.0", "e8d4a37b69f2", uid=Uid.UUID, without_neo4j=True),
        Release("0.3.9", "c7a2f8e31b90", without_neo4j=True),
        Release("0.2.6", "62dff1150a46"),
        Release(
            "0.1.10", None, api="v1", health_path="/health", drivers=("asyncpg", "psycopg2", "neo4j"),
            prepares=("extension vector", "profile schema (memmachine-sync-profile-schema)"),
            tested=False, undeployable=_GUIDE, recipe="guide.Dockerfile",
        ),
    )
}  # fmt: skip
"""The newest first."""
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
        suggestion=f"The nearest supported release is {nearest(wanted)}; supported: {', '.join(deployable())}.",
    )


def to_deploy(version: str) -> Release:
    """The same for what shall be deployed; `Refused` for one that is listed only."""
    found = find(version)
    if found.undeployable is None:
        return found
    raise Refused(
        f"MemMachine {found.version} cannot be deployed: {found.undeployable}",
        code="release-not-deployable",
        where="release",
        suggestion=f"Use release {nearest(found.version)}, the nearest that is tested; supported: "
        f"{', '.join(deployable())}.",
    )


def deployable() -> list[str]:
    return [release.version for release in RELEASES.values() if release.undeployable is None]


def nearest(version: str) -> str:
    """The deployable release that is fewest steps away, large steps first; of two as near, the newer."""
    wanted = _place(version)
    return min(deployable(), key=lambda candidate: (abs(_place(candidate) - wanted), -_place(candidate)))


def _place(version: str) -> int:
    first, second, third = numbers(version)
    return (first * 1000 + second) * 1000 + third


def numbers(version: str) -> tuple[int, int, int]:
    """`0.3.9` -> (0, 3, 9); what is not a number counts as 0."""
    parts = [*version.split("."), "0", "0", "0"][:3]
    first, second, third = (int("".join(c for c in part if c.isdecimal() and c.isascii()) or 0) for part in parts)
    return first, second, third
