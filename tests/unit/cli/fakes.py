"""A lifecycle that does nothing but remember what it was asked, and the application on top of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from memdeploy.cli.app import build
from memdeploy.cli.seams import Seams
from memdeploy.engine.events import Sink
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result as Outcome

Act = Callable[[Request, Sink], Outcome]


def done(request: Request, sink: Sink) -> Outcome:
    return Outcome(request.command, "success", data={"deployment": request.name})


@dataclass
class Lifecycle:
    """`act` is what every command does; `asked` holds the requests."""

    folder: Path
    act: Act = done
    asked: list[Request] = field(default_factory=list)

    def command(self, name: str) -> Act:
        def run(request: Request, sink: Sink) -> Outcome:
            assert request.command == name
            self.asked.append(request)
            return self.act(request, sink)

        return run

    def run(
        self, line: str, *, env: Mapping[str, str] | None = None, terminal: bool = False, answers: str = ""
    ) -> Result:
        environ = dict(env or {})
        seams = Seams(
            environ=environ, folder=self.folder, command=self.command, now=lambda: 1e9, terminal=lambda: terminal
        )
        clean: dict[str, Any] = {"MEMDEPLOY_STATE": None, "MEMDEPLOY_JSON": None, "CI": None}
        return CliRunner().invoke(build(), line.split(), obj=seams, env={**clean, **environ}, input=answers)
