"""Lines of the serial console: each is itself again at the next look, however much of it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memdeploy.providers.base import LogQuery
from memdeploy.providers.gcp import logs
from tests.unit.providers.gcp.test_graph import cloud


class Console:
    """The last megabyte of what a machine wrote: `dropped` bytes are gone already."""

    def __init__(self) -> None:
        self.written = ""
        self.dropped = 0

    def compute(self, method: str, **parameters: Any) -> dict[str, Any]:
        assert method == "instances.getSerialPortOutput"
        contents = self.written.encode()[self.dropped :].decode()
        return {"contents": contents, "start": str(self.dropped), "next": str(len(self.written.encode()))}


def test_a_line_of_the_console_keeps_its_id() -> None:
    console = Console()
    scope: Any = replace(cloud().scope, clients=console)  # type: ignore[arg-type]
    console.written = "".join(f"lïne {n}\n\n" for n in range(300))
    first = logs._console(scope, LogQuery("neo4j", limit=100))
    assert [line.text for line in first] == [f"lïne {n}" for n in range(200, 300)]

    console.written += "".join(f"lïne {n}\n" for n in range(300, 800))
    console.dropped = len("lïne 0\n\nlïne 1\n\n".encode())
    seen = {line.id for line in first}
    later = [line.text for line in logs._console(scope, LogQuery("neo4j", limit=1000)) if line.id not in seen]
    assert later == [f"lïne {n}" for n in [*range(2, 200), *range(300, 800)]]
