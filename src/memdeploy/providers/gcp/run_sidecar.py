"""Neo4j as a second container of MemMachine's service: throw-away. Pure.

https://cloud.google.com/run/docs/deploying#sidecars: containers of one instance share localhost; one that others depend
on must have a startup probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.providers.gcp import run_container
from memdeploy.providers.gcp.run_container import JSON
from memdeploy.providers.gcp.scope import Scope

NAME = "neo4j"
CPU, MEMORY = "1", "2Gi"
_SETTINGS: Mapping[str, str] = {
    # https://neo4j.com/docs/operations-manual/5/performance/memory-configuration/ for 2 GiB
    "NEO4J_server_memory_heap_initial__size": "768m",
    "NEO4J_server_memory_heap_max__size": "768m",
    "NEO4J_server_memory_pagecache_size": "256m",
    # What it writes is memory, of these 2 GiB: no log of transactions is made in advance (256 MB for each of two
    # databases) or kept. https://neo4j.com/docs/operations-manual/5/configuration/configuration-settings/
    "NEO4J_db_tx__log_preallocate": "false",
    "NEO4J_db_tx__log_rotation_size": "16m",
    "NEO4J_db_tx__log_rotation_retention__policy": "keep_none",
    # Not its localhost alone: probes come from outside of the container. Requests reach the other container only.
    "NEO4J_server_bolt_listen__address": "0.0.0.0:7687",
    "NEO4J_server_http_enabled": "false",
    "NEO4J_dbms_usage__report_enabled": "false",
}
#: The image takes user and password in one variable; a secret of ours holds the password alone. Its `tini` is left out:
#: there is nothing to save at the end.
_START = 'export NEO4J_AUTH="neo4j/$NEO4J_PASSWORD"; unset NEO4J_PASSWORD; exec /startup/docker-entrypoint.sh neo4j'


def container(scope: Scope, inputs: Mapping[str, Any]) -> JSON:
    return {
        "name": NAME,
        "image": inputs["neo4j_image"],
        "command": ["sh", "-c", _START],
        "resources": {"limits": {"cpu": CPU, "memory": MEMORY}, "cpuIdle": False, "startupCpuBoost": True},
        "env": run_container.variables({**_SETTINGS, "NEO4J_PASSWORD": inputs["neo4j_password"]}, scope),
        "startupProbe": {"timeoutSeconds": 2, "periodSeconds": 5, "failureThreshold": 48, "tcpSocket": {"port": 7687}},
    }


def desired(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"sidecar.image": inputs["neo4j_image"], "sidecar.password": run_container.short(inputs["neo4j_password"])}


def view(live: JSON) -> dict[str, Any]:
    values = run_container.found_variables(live.get("env", []))
    return {"sidecar.image": live.get("image"), "sidecar.password": run_container.short(values.get("NEO4J_PASSWORD"))}
