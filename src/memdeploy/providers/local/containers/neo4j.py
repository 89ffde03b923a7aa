"""Neo4j Community. It takes its password on an empty volume only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from memdeploy.engine.step import Outputs, Run
from memdeploy.providers.local import sizes
from memdeploy.providers.local.containers.container import Server
from memdeploy.providers.local.containers.environment import NEO4J, sealed
from memdeploy.providers.local.containers.spec import TEMPORARY, Spec

DATA = "/data"
USER = "7474:7474"
SETTINGS = {
    "NEO4J_server_bolt_listen__address": "0.0.0.0:7687",
    "NEO4J_server_http_enabled": "false",
    "NEO4J_server_directories_logs": f"{DATA}/logs",
    "NEO4J_dbms_usage__report_enabled": "false",
}


class Neo4j(Server):
    """Inputs: `image`, `network`, `network_id`, `volume`, `password`. Outputs: `name`, `host`."""

    kind = "local.neo4j"
    role = NEO4J
    title = "Neo4j"
    seconds: ClassVar[float] = 300.0

    def specs(self, run: Run) -> Sequence[Spec]:
        deployment = self.scope.deployment
        size = sizes.of(deployment.profile, deployment.service)
        return [
            Spec(
                name=self.name,
                role=self.role,
                image=run.inputs["image"],
                size=size.neo4j,
                environment={
                    **SETTINGS,
                    "NEO4J_server_memory_heap_initial__size": f"{size.heap}m",
                    "NEO4J_server_memory_heap_max__size": f"{size.heap}m",
                    "NEO4J_server_memory_pagecache_size": f"{size.pages}m",
                },
                birth={"NEO4J_AUTH": sealed(run.inputs["password"], "neo4j/")},
                network=run.inputs["network"],
                network_id=run.inputs["network_id"],
                aliases=(NEO4J,),
                volumes={run.inputs["volume"]: DATA},
                # The image declares a volume there, which would be nobody's; logs are beside the data.
                tmpfs={TEMPORARY: "mode=1777,size=64m", "/logs": "mode=1777,size=1m"},
                user=USER,
                read_only=False,  # its entry point writes its configuration beside its program
                ready=("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7687"),
                start_seconds=300,
                stop_seconds=120,
            )
        ]

    def outputs(self, run: Run, live: object) -> Outputs:
        return {"name": self.name, "host": NEO4J}
