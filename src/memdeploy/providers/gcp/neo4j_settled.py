"""What is done once Neo4j was seen on its disk: that is never again formatted, whatever a journal says.

The disk gets a label, for machines made later, and the machine loses the metadata that allowed to format. The label
comes first: with it, no new machine can get the metadata again.
"""

from __future__ import annotations

from memdeploy.engine.step import Run
from memdeploy.providers.gcp.neo4j_body import FORMAT, without_format
from memdeploy.providers.gcp.neo4j_compute import ComputeThing
from memdeploy.providers.gcp.neo4j_storage import PREPARED, Neo4jDisk, set_labels


def settle(run: Run, disk: Neo4jDisk, vm: ComputeThing) -> None:
    """Safe to repeat; reads both, writes only what is missing."""
    _mark(run, disk)
    _clear(run, vm)


def _mark(run: Run, disk: Neo4jDisk) -> None:
    live = disk.read(run)
    if live is not None and PREPARED not in live.get("labels", {}):
        set_labels(run, disk, live, {PREPARED: "true"})


def _clear(run: Run, vm: ComputeThing) -> None:
    live = vm.read(run)
    if live is None or all(item["key"] != FORMAT for item in live.get("metadata", {}).get("items", [])):
        return
    vm.change(run, "setMetadata", body=without_format(live))
