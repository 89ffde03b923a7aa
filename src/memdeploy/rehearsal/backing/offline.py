"""The offline model: a small server of ours at http://offline-model:9000/v1 in a subnet, so that nothing is spent."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdeploy.rehearsal.backing import images
from memdeploy.rehearsal.backing.engine import Engine, remove
from memdeploy.rehearsal.backing.folders import Folders

KIND = "model"
ALIAS = "offline-model"
PORT = 9000
REJECTED = "/tmp/rejected"  # noqa: S108 - inside the container
"Keys written there, one a line, are refused from the next request on: a provider that withdrew a key."


def program() -> Path:
    """memdeploy's own, found without importing the room it is in: here it is data for a container."""
    found = importlib.util.find_spec("memdeploy.memmachine")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("memdeploy's offline model is not installed")
    return Path(found.submodule_search_locations[0]) / "offline_model.py"


class OfflineModel:
    def __init__(self, engine: Engine, folders: Folders, program: Path) -> None:
        self._engine = engine
        self._folders = folders
        self._program = program

    def wanted(self, env: Mapping[str, str]) -> bool:
        return any(f"//{ALIAS}:" in value for value in env.values())

    def ensure(self, network: Any) -> None:
        """Runs, and is known by its alias in this network."""
        with self._engine.lock(KIND):
            found = self._engine.finished(KIND, KIND) or self._create(network.name)
            if found.status != "running":
                found.start()
            found.reload()
            if network.name not in found.attrs["NetworkSettings"]["Networks"]:
                network.connect(found, aliases=[ALIAS])

    def release(self) -> None:
        """Gone with the last network that it was in."""
        with self._engine.lock(KIND):
            found = self._engine.container(KIND, KIND)
            if found is not None and not found.attrs["NetworkSettings"]["Networks"]:
                remove(found)

    def _create(self, network: str) -> Any:
        client = self._engine.client
        # A copy that the container's user may read, however memdeploy was installed.
        copy = self._folders.write(KIND, "offline_model.py", self._program.read_text(), mode=0o644)
        return client.containers.create(
            images.PYTHON,
            ["python3", "/offline_model.py", str(PORT)],
            name=self._engine.name(KIND, KIND),
            labels=self._engine.labels(KIND, KIND),
            volumes={str(copy): {"bind": "/offline_model.py", "mode": "ro"}},
            network=network,
            networking_config={network: client.api.create_endpoint_config(aliases=[ALIAS])},
            user="65534:65534",
            read_only=True,
            tmpfs={"/tmp": "mode=1777,size=1m"},  # noqa: S108 - inside the container
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            environment={"PYTHONUNBUFFERED": "1", "OFFLINE_MODEL_REJECT_FILE": REJECTED},
            restart_policy={"Name": "on-failure"},
        )
