"""Before a copy and after it: the service at rest or not, its databases awake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memdeploy.engine.step import Step
from memdeploy.providers.local.containers import pausing
from memdeploy.providers.local.containers.environment import NEO4J, POSTGRES
from memdeploy.providers.local.containers.found import Found
from memdeploy.providers.local.containers.once import ROLE
from tests.unit.engine.toys import Lab
from tests.unit.providers.local.containers.made import scope

SERVICE = "service"


class Engine:
    """By role: `running` or `exited`; the copy's container is removed when it is no more."""

    def __init__(self, **status: str) -> None:
        self.status = status

    def of_role(self, _: Any, role: str) -> tuple[Found, ...]:
        if role not in self.status:
            return ()
        attrs = {"Id": role, "Name": f"/{role}", "State": {"Status": self.status[role]}, "Config": {"Labels": {}}}
        return (Found(attrs, answers=self.status[role] == "running"),)

    def wake(self, _run: Any, _scope: Any, one: Found) -> None:
        assert one.id not in (POSTGRES, NEO4J) or ROLE not in self.status, "a copy still reads its volume"
        self.status[one.id] = "running"

    def stop(self, _run: Any, _scope: Any, one: Found) -> None:
        self.status[one.id] = "exited"

    def remove(self, _run: Any, _scope: Any, one: Found) -> None:
        del self.status[one.id]


@pytest.mark.parametrize(("kind", "end"), [(pausing.Stop, "exited"), (pausing.Start, "running")])
@pytest.mark.parametrize("left", [(), (NEO4J,), (POSTGRES, NEO4J)], ids=["none", "one", "both"])
def test_a_database_that_an_unfinished_copy_left_at_rest_answers_again(
    kind: type[pausing.Stop | pausing.Start],
    end: str,
    left: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = {ROLE: "running"} if left else {}
    databases = {role: "exited" if role in left else "running" for role in (POSTGRES, NEO4J)}
    engine = Engine(**{SERVICE: "running" if end == "exited" else "exited"}, **databases, **copy)
    monkeypatch.setattr(pausing.looking, "of_role", engine.of_role)
    for verb in ("wake", "stop", "remove"):
        monkeypatch.setattr(pausing.verbs, verb, getattr(engine, verb))
    step = Step("pausing", kind(scope(tmp_path), SERVICE, (POSTGRES, NEO4J)))
    assert Lab(step).runner.ensure().ok
    assert engine.status == {SERVICE: end, POSTGRES: "running", NEO4J: "running"}
