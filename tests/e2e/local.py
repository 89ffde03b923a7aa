"""A local deployment as its user sees it: the command line, and MemMachine's API on loopback by plain HTTP."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.models.containers import Container

from tests.support.cli import Memdeploy

LABEL = "memdeploy"


@dataclass
class Local:
    memdeploy: Memdeploy
    engine: docker.DockerClient
    name: str = "memmachine"

    @property
    def journal(self) -> Mapping[str, Any]:
        return self.memdeploy.journal(self.name)

    @property
    def url(self) -> str:
        return str(self.journal["steps"]["service"]["outputs"]["uri"])

    @property
    def id(self) -> str:
        return str(self.journal["id"])

    # -- memories ----------------------------------------------------------------------------------------------------

    def post(self, path: str, expect: int = 200, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/api/v2/{path}", json=body, timeout=120)
        assert answer.status_code == expect, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.ok and answer.text else None

    def store(self, project: str, texts: list[str], expect: int = 200) -> Any:
        messages = [{"content": text, "producer": "anna", "role": "user"} for text in texts]
        return self.post("memories", expect, org_id="org", project_id=project, types=["episodic"], messages=messages)

    def search(self, project: str, text: str, top_k: int = 5) -> set[str]:
        """What long-term and short-term memory find."""
        found = self.post(
            "memories/search", org_id="org", project_id=project, query=text, top_k=top_k, types=["episodic"]
        )
        episodic = found["content"]["episodic_memory"] or {}
        parts = [episodic.get(part) or {} for part in ("long_term_memory", "short_term_memory")]
        return {one["content"] for part in parts for one in part.get("episodes") or []}

    def listed(self, project: str) -> list[str]:
        found: list[str] = []
        for page in range(1000):
            answer = self.post(
                "memories/list", org_id="org", project_id=project, type="episodic", page_size=100, page_num=page
            )
            some = answer["content"]["episodic_memory"] or []
            found += [one["content"] for one in some]
            if len(some) < 100:
                break
        return found

    # -- the engine --------------------------------------------------------------------------------------------------

    def containers(self) -> list[Container]:
        return list(self.engine.containers.list(all=True, filters={"label": f"{LABEL}={self.id}"}))

    def container(self, role: str) -> Container:
        """`pg`, `neo`, `api`: the role at the end of its name."""
        found = [one for one in self.containers() if str(one.name).rpartition("-")[2] == role]
        assert len(found) == 1, [one.name for one in self.containers()]
        return found[0]

    def sql(self, statement: str) -> str:
        done = self.container("pg").exec_run(["psql", "-U", "memmachine", "memmachine", "-tAc", statement])
        assert done.exit_code == 0, done.output
        return str(done.output.decode().strip())


def texts(count: int, start: int = 0) -> list[str]:
    """Each of words that no other has, so that the offline model tells them apart."""
    return [f"Keeper k{n}x guards lighthouse l{n}y near harbour h{n}z." for n in range(start, start + count)]


def remove_all(engine: docker.DockerClient, *journals: Mapping[str, Any]) -> None:
    """Whatever a test left of the deployments of these journals."""
    for journal in journals:
        label = {"label": f"{LABEL}={journal['id']}"}
        for container in engine.containers.list(all=True, filters=label):
            container.remove(force=True, v=True)
        for network in engine.networks.list(filters=label):
            network.remove()
        for volume in engine.volumes.list(filters=label):
            volume.remove(force=True)
        own = f"memdeploy/{journal['name']}-{journal['suffix']}"
        for tag in [tag for image in engine.images.list(name=own) for tag in image.tags if tag.startswith(f"{own}:")]:
            engine.images.remove(tag)


def any_port() -> str:
    """One that no other test is likely to be given at the same time, as `up`'s own choice may be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
