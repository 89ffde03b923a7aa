"""The virtual machine that runs Neo4j: Container-Optimized OS, no external address, nothing on it that must be kept.

The boot script (`neo4j_boot.sh`) takes its parameters from the machine's metadata and reports by guest attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.config.model import Protection
from memdeploy.config.profiles import sizes
from memdeploy.engine.converge import Condition
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, unknowns
from memdeploy.errors import StepFailed
from memdeploy.providers.gcp.names import last, relative
from memdeploy.providers.gcp.neo4j_body import (
    METADATA_KEYS,
    changed_metadata,
    digest,
    instance_body,
    machine_type,
    metadata,
)
from memdeploy.providers.gcp.neo4j_compute import ComputeThing, Thing
from memdeploy.providers.gcp.neo4j_settled import settle
from memdeploy.providers.gcp.neo4j_storage import Neo4jDisk, set_labels

BOOT_SECONDS = 1200.0  # most of it only while fresh grants spread
LOOK_SECONDS = 10.0  # https://cloud.google.com/compute/docs/metadata/manage-guest-attributes: 10 queries a minute
_PENDING = frozenset({"PROVISIONING", "STAGING", "STOPPING", "SUSPENDING", "REPAIRING", "PENDING"})
_FAILURES = "Look at the machine's serial port or logs, put the cause right and run `memdeploy up` again."


class Neo4jVm(ComputeThing):
    """Inputs: `disk` (link), `disk_id`, `disk_gb`, `fresh` (of the disk), `address`, `subnet` (link), `cidr` (of the
    subnet), `account` (email), `password` and `tls` (SecretRef JSON), `image` (by digest). Outputs: `name`, `address`,
    `machine` (its type).

    Notes: `ready` is the generation that was seen ready, `attempt` counts boots that failed.
    """

    kind = "compute.vm"
    collection, argument, place, noun = "instances", "instance", "zone", "virtual machine"
    effects: ClassVar[Mapping[str, Effect]] = {
        "neo4j.machine": Effect.RESTART,
        "metadata": Effect.RESTART,
        "networkIP": Effect.REPLACE,
        "subnetwork": Effect.REPLACE,
        "disk": Effect.REPLACE,
        "serviceAccount": Effect.REPLACE,
        "shieldedInstanceConfig.enableSecureBoot": Effect.REPLACE,
    }

    def desired(self, run: Run) -> Mapping[str, Any]:
        found = run.inputs
        return {
            "neo4j.machine": sizes(self.scope.deployment).neo4j_machine,
            "neo4j.deletion_protection": self._protected(),
            "labels": self.scope.marker.labels,
            "networkIP": found["address"],
            "subnetwork": relative(found["subnet"]) if isinstance(found["subnet"], str) else found["subnet"],
            "disk": f"neo4j-{found['disk_id']}" if isinstance(found["disk_id"], str) else found["disk_id"],
            "serviceAccount": found["account"],
            "shieldedInstanceConfig.enableSecureBoot": True,
            "metadata": next(iter(unknowns(found)), None) or digest(metadata(self.scope, found, self._attempt(run))),
        }

    def view(self, live: Thing) -> Mapping[str, Any]:
        interface: Thing = next(iter(live.get("networkInterfaces", [])), {})
        data: Thing = next((d for d in live.get("disks", []) if not d.get("boot")), {})
        account: Thing = next(iter(live.get("serviceAccounts", [])), {})
        items = {i["key"]: i.get("value", "") for i in live.get("metadata", {}).get("items", [])}
        return {
            "neo4j.machine": last(live.get("machineType", "")),
            "neo4j.deletion_protection": bool(live.get("deletionProtection")),
            "labels": self.scope.marker.same_labels(live.get("labels")),
            "networkIP": interface.get("networkIP"),
            "subnetwork": relative(interface.get("subnetwork", "")),
            "disk": data.get("deviceName"),
            "serviceAccount": account.get("email"),
            "shieldedInstanceConfig.enableSecureBoot": bool(
                live.get("shieldedInstanceConfig", {}).get("enableSecureBoot")
            ),
            "metadata": digest({k: items[k] for k in METADATA_KEYS if k in items}),
        }

    def condition(self, live: Thing) -> Condition:
        status = live.get("status", "RUNNING")
        if status in _PENDING:
            return Condition(State.PENDING, reason=status)
        return Condition() if status == "RUNNING" else Condition(State.BROKEN, reason=f"the machine is {status}")

    def outputs(self, run: Run, live: Thing) -> Outputs:
        address = live["networkInterfaces"][0]["networkIP"]
        return {"name": self.name, "address": address, "machine": last(live.get("machineType", ""))}

    # -- what the runner calls ---------------------------------------------------------------------------------------

    def probe(self, run: Run) -> Observed:
        seen = super().probe(run)
        if seen.state is State.PRESENT and not seen.unknown and run.notes.get("ready") != self._generation(run):
            return Observed(State.PENDING, reason="Neo4j has not been seen ready yet", outputs=seen.outputs)
        return seen

    def ensure(self, run: Run) -> Outputs:
        """A boot that failed is not looked at again: the machine is started anew, with another generation."""
        if run.notes.get("failed") == self._generation(run):
            run.note(attempt=self._attempt(run) + 1, failed=None)
        outputs = super().ensure(run)
        wanted = self._generation(run)
        if run.notes.get("ready") != wanted:
            run.until(lambda: self._ready(run, wanted), what="Neo4j to start", every=LOOK_SECONDS, timeout=BOOT_SECONDS)
            settle(run, Neo4jDisk(self.scope, name=last(run.inputs["disk"])), self)
            run.note(ready=wanted)
        return outputs

    def create(self, run: Run) -> None:
        run.note(protected=self._protected())  # should this run end before the step is done: it was us
        self.things.insert(run, instance_body(self.scope, self.name, run.inputs, self._attempt(run)))
        run.note(ready=None)

    def update(self, run: Run, live: Thing, differences: tuple[Difference, ...]) -> None:
        """What needs a restart is done while the machine is stopped, in an order that a crash cannot cut short
        unnoticed: a stopped machine is seen as such."""
        wanted = {d.field: d.want for d in differences}
        if "labels" in wanted:
            set_labels(run, self, live, wanted["labels"])
        if "neo4j.deletion_protection" in wanted:
            self._protect(run, on=wanted["neo4j.deletion_protection"])
        stopped = live.get("status") in ("TERMINATED", "STOPPED")
        if stopped or {"neo4j.machine", "metadata"} & set(wanted):
            run.note(ready=None)
            self._restart(run, live, wanted, stopped=stopped)

    def protection(self, run: Run) -> str | None:
        if self.scope.deployment.neo4j.deletion_protection is Protection.LOCKED:
            return "neo4j.deletion_protection is locked"
        live = self.read(run)
        if live is None or not live.get("deletionProtection"):
            return None
        ours = (run.applied or {}).get("neo4j.deletion_protection") or run.notes.get("protected")
        return None if ours else f"{self.describe()} was protected against deletion by somebody else"

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """A protection that the configuration asks for was ours. Whether it is ready, it still tells."""
        told, wanted = run.find(self._told) or {}, self._generation(run)
        ready = told.get("phase") == "ready" and told.get("generation", wanted) == wanted
        protected = self.scope.deployment.neo4j.deletion_protection is Protection.ON
        return {"protected": protected, **({"ready": wanted} if ready else {})}

    def delete(self, run: Run, live: Thing) -> None:
        if live.get("deletionProtection"):
            self._protect(run, on=False)
        super().delete(run, live)

    # -- parts of the above ------------------------------------------------------------------------------------------

    def _protected(self) -> bool:
        return self.scope.deployment.neo4j.deletion_protection is not Protection.OFF

    def _protect(self, run: Run, *, on: bool) -> None:
        verb = "protect" if on else "unprotect"
        self.change(run, "setDeletionProtection", verb=verb, resource=self.name, deletionProtection=on)

    def _restart(self, run: Run, live: Thing, wanted: Mapping[str, Any], *, stopped: bool) -> None:
        if not stopped:
            self.change(run, "stop")
        if "neo4j.machine" in wanted:
            body = {"machineType": machine_type(self.scope, wanted["neo4j.machine"])}
            self.change(run, "setMachineType", body=body)
        if "metadata" in wanted:
            again = run.read(self.get)
            items = metadata(self.scope, run.inputs, self._attempt(run))
            self.change(run, "setMetadata", body=changed_metadata(again, items))
        self.change(run, "start")

    def _attempt(self, run: Run) -> int:
        return int(run.notes.get("attempt", 0))

    def _generation(self, run: Run) -> str:
        if unknowns(run.inputs):
            return ""
        return metadata(self.scope, run.inputs, self._attempt(run))["memdeploy-generation"]

    def _ready(self, run: Run, generation: str) -> bool | None:
        """One look at the guest attributes; None while it boots. Raises what the boot script says went wrong."""
        told = self._told()
        if (
            told.get("generation", generation) != generation
        ):  # the script's first word: an earlier boot's is still there
            return None
        phase = told.get("phase")
        if phase == "failed":
            run.note(failed=generation)
            raise StepFailed(
                f"Neo4j did not start: {told.get('error', 'no reason was reported')}",
                code="neo4j-boot",
                where=run.step,
                suggestion=_FAILURES,
            )
        run.progress(f"boot: {phase}")
        return True if phase == "ready" else None

    def _told(self) -> dict[str, str]:
        """Guest attributes. Raises NOT_FOUND before the first write, which `until` takes as not yet."""
        answer = self.things.call("getGuestAttributes", instance=self.name, queryPath="memdeploy/")
        items = answer.get("queryValue", {}).get("items", [])
        return {item["key"]: item.get("value", "") for item in items}
