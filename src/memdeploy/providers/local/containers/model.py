"""The offline model as a server beside MemMachine, in MemMachine's own image, which has a Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memdeploy.engine.step import Run
from memdeploy.memmachine import offline_model
from memdeploy.providers.local import sizes
from memdeploy.providers.local.containers.container import Server
from memdeploy.providers.local.containers.spec import TEMPORARY, Spec

_CONNECT = f"import socket; socket.create_connection(('127.0.0.1', {offline_model.PORT}), 5)"


class ModelServer(Server):
    """Inputs: `image`, `network`, `network_id`. The program is a variable: no file of this machine has to be one of the
    engine's too."""

    kind = "local.modelServer"
    role = "model"
    title = "the offline model"

    def specs(self, run: Run) -> Sequence[Spec]:
        deployment = self.scope.deployment
        return [
            Spec(
                name=self.name,
                role=self.role,
                image=run.inputs["image"],
                size=sizes.of(deployment.profile, deployment.service).model,
                environment={"MEMDEPLOY_PROGRAM": Path(offline_model.__file__).read_text()},
                entrypoint=("python3", "-c", "import os; exec(os.environ['MEMDEPLOY_PROGRAM'])"),
                network=run.inputs["network"],
                network_id=run.inputs["network_id"],
                aliases=(offline_model.ALIAS,),
                tmpfs={TEMPORARY: "mode=1777,size=1m"},
                ready=("python3", "-c", _CONNECT),
                stop_signal="SIGKILL",  # it holds nothing
            )
        ]
