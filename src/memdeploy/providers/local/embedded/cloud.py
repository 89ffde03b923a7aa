"""`providers.base.Cloud` for this machine without an engine: MemMachine as a process, memories in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Step
from memdeploy.errors import MemdeployError
from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.providers.local import vault
from memdeploy.providers.local.embedded import graph
from memdeploy.providers.local.place import LocalCloud


class Embedded(LocalCloud):
    def graph(self) -> Graph:
        return graph.deployment(self.scope)

    def doctor(self, *, check_model: bool) -> Step:
        from memdeploy.providers.local.embedded.preflight import Doctor

        return Step("doctor", Doctor(self.scope, check_model=check_model), title="Doctor", transient=True)

    @property
    def components(self) -> tuple[str, ...]:
        from memdeploy.providers.local.embedded import logs

        return logs.components(self.scope)

    @property
    def absent_components(self) -> Mapping[str, str]:
        from memdeploy.providers.local.embedded import logs

        return logs.absent(self.scope)

    def logs(self, query: LogQuery) -> Sequence[LogLine]:
        from memdeploy.providers.local.embedded import logs

        return self.told(logs.read(self.scope, query))

    def dumping(self, folder: Path) -> Graph:
        from memdeploy.providers.local.embedded import beside

        return beside.dumping(self.scope, folder)

    def loading(self, folder: Path) -> Graph:
        from memdeploy.providers.local.embedded import beside

        return beside.loading(self.scope, folder)

    def tool(self, word: str, arguments: Sequence[str] = ()) -> Step:
        from memdeploy.providers.local.embedded import beside

        return beside.tool(self.scope, word, arguments)

    def why(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> MemdeployError | None:
        from memdeploy.providers.local.embedded.model import OfflineModel
        from memdeploy.providers.local.embedded.service import Service

        vault.hold(self.scope)
        daemons = {daemon.component: daemon for daemon in (Service, OfflineModel)}
        return daemons[step](self.scope).why() if step in daemons else None
