"""`memdeploy proxy` as a process, and the clients that people use: MemMachine's own and MCP's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

from mcp import Client
from memmachine_client import MemMachineClient

from tests.support.cli import Memdeploy


@dataclass
class Proxied:
    """`said` is what it wrote to stderr, whole once it has ended."""

    url: str
    said: list[str] = field(default_factory=list)


@contextlib.contextmanager
def proxied(memdeploy: Memdeploy) -> Iterator[Proxied]:
    """On any port, until Ctrl-C, which is its usual end."""
    process = memdeploy.start("proxy", "--port", "0", json_output=False)
    served = Proxied("")
    try:
        while not served.url:
            line = process.stderr.readline()
            assert line, (served.said, process.wait())
            served.said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+(?= leads)", line)
            served.url = found[0] if found else ""
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
        served.said.append(rest)
    assert process.returncode == 0, served.said


def by_memmachines_client(url: str, text: str, question: str) -> list[str]:
    """Stores `text`; contents that the question finds."""
    with MemMachineClient(base_url=url, timeout=90, max_retries=0) as client:
        memory = client.get_or_create_project(org_id="clients", project_id="rest").memory()
        assert memory.add(text, producer="ann")[0].uid
        found = memory.search(question, limit=5).content.episodic_memory
    assert found is not None
    return [
        episode.content
        for part in (found.long_term_memory, found.short_term_memory)
        for episode in (part.episodes if part else ())
    ]


def by_mcp(url: str, text: str, question: str) -> str:
    """Stores `text` with one tool; what another one finds, as JSON."""

    async def talk() -> str:
        async with Client(f"{url}/mcp/", read_timeout_seconds=90) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"add_memory", "search_memory"} <= names
            whose = {"org_id": "clients", "proj_id": "mcp", "user_id": "ann"}
            stored = await client.call_tool("add_memory", {**whose, "content": text})
            assert not stored.is_error, stored
            found = await client.call_tool("search_memory", {**whose, "query": question, "top_k": 5})
            assert not found.is_error, found
            return json.dumps(found.structured_content)

    return asyncio.run(talk())
