"""Before a copy: the service at rest, its databases awake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.step import Step
from memdeploy.providers.local.containers import pausing
from memdeploy.providers.local.containers.environment import NEO4J, POSTGRES
from memdeploy.providers.local.containers.found import Found
from tests.unit.engine.toys import Lab
from tests.unit.providers.local.containers.made import scope

SERVICE = "service"


class Engine:
    """By role: `running` or `exited`."""

    def __init__(self, **status: str) -> None:
        self.status = status

    def of_role(self, _: Any, role: str) -> tuple[Found, ...]:
        attrs = {"Id": role, "Name": f"/{role}", "State": {"Status": self.status[role]}, "Config": {"Labels": {}}}
        return (Found(attrs, answers=self.status[role] == "running"),)

    def wake(self, _run: Any, _scope: Any, one: Found) -> None:
        self.status[one.id] = "running"

    def stop(self, _run: Any, _scope: Any, one: Found) -> None:
        self.status[one.id] = "exited"


@pytest.mark.parametrize("left", [(), (NEO4J,), (POSTGRES, NEO4J)], ids=["none", "one", "both"])
def test_a_database_that_a_killed_copy_left_at_rest_answers_again(
    left: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(service="running", **{role: "exited" if role in left else "running" for role in (POSTGRES, NEO4J)})
    monkeypatch.setattr(pausing.looking, "of_role", engine.of_role)
    monkeypatch.setattr(pausing.verbs, "wake", engine.wake)
    monkeypatch.setattr(pausing.verbs, "stop", engine.stop)
    step = Step("stop", pausing.StopForCopies(scope(tmp_path), SERVICE, (POSTGRES, NEO4J)))
    assert Lab(step).runner.ensure().ok
    assert engine.status == {SERVICE: "exited", POSTGRES: "running", NEO4J: "running"}
