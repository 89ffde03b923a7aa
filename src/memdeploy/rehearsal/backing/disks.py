"""Persistent disks as volumes: they outlive every machine that had them attached."""

from __future__ import annotations

from memdeploy.rehearsal.backing.engine import Engine

KIND = "disk"


class Disks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ensure(self, key: str) -> None:
        self._engine.volume(KIND, key)

    def remove(self, key: str) -> None:
        self._engine.volume_remove(KIND, key)
