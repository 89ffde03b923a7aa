"""What is done once `prepare` has succeeded: the disk is never again formatted, whatever a journal says.

The disk gets a label, for machines made later, and the machine loses the metadata that allowed to format. The label
comes first: with it, no new machine can get the metadata again.
"""

from __future__ import annotations

from memdeploy.engine.step import Run
from memdeploy.providers.gcp.neo4j_body import FORMAT, without_format
from memdeploy.providers.gcp.neo4j_storage import PREPARED, Neo4jDisk, set_labels
from memdeploy.providers.gcp.neo4j_vm import Neo4jVm
from memdeploy.providers.gcp.scope import Scope


def settle(run: Run, scope: Scope, *, disk: str, vm: str) -> None:
    """Safe to repeat; reads both, writes only what is missing."""
    _mark(run, Neo4jDisk(scope, name=disk))
    _clear(run, Neo4jVm(scope, name=vm))


def _mark(run: Run, disk: Neo4jDisk) -> None:
    live = disk.read(run)
    if live is not None and PREPARED not in live.get("labels", {}):
        set_labels(run, disk, live, {PREPARED: "true"})


def _clear(run: Run, vm: Neo4jVm) -> None:
    live = vm.read(run)
    if live is None or all(item["key"] != FORMAT for item in live.get("metadata", {}).get("items", [])):
        return
    vm.change(run, "setMetadata", body=without_format(live))
