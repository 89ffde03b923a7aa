"""Options that only local deployments know."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Runtime(StrEnum):
    DOCKER = "docker"  # servers in containers of this machine's engine
    EMBEDDED = "embedded"  # MemMachine alone, as a process, with SQLite and an index on disk


class LocalOptions(BaseModel):
    """What nobody said is decided when the deployment is born, and journalled: a `runtime`, a free `port` of the
    loopback address, the `folder` that holds its secrets and, embedded, its data. `python`: an interpreter that the
    embedded runtime shall use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: Runtime | None = None
    port: int | None = Field(default=None, ge=1024, le=65535)
    folder: str | None = Field(default=None, min_length=1)
    python: str | None = Field(default=None, min_length=1)
