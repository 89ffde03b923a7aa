"""What of Neo4j outlives its machine: the static address, the data disk, the disk's snapshot schedule."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.config.model import Protection
from memdeploy.config.profiles import sizes
from memdeploy.engine.converge import Condition
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.providers.gcp import growing
from memdeploy.providers.gcp.names import relative
from memdeploy.providers.gcp.neo4j_compute import ComputeThing, Thing

PREPARED = "memdeploy-prepared"
"""Label of a disk on which `prepare` has succeeded once: it is never formatted again, whatever a journal says."""
SNAPSHOT_DAYS = 7
FAILED = "FAILED"
"""Of a snapshot whose creation failed. https://cloud.google.com/compute/docs/reference/rest/v1/snapshots (status)"""


class Neo4jAddress(ComputeThing):
    """Input: `subnet` (link). Outputs: `name`, `link`, `address`."""

    kind = "compute.address"
    collection, argument, place, noun = "addresses", "address", "region", "internal address"
    effects: ClassVar[Mapping[str, Effect]] = {"subnetwork": Effect.FORBIDDEN}

    def desired(self, run: Run) -> Mapping[str, Any]:
        subnet = run.inputs["subnet"]
        return {"subnetwork": relative(subnet) if isinstance(subnet, str) else subnet}

    def view(self, live: Thing) -> Mapping[str, Any]:
        return {"subnetwork": relative(live.get("subnetwork", ""))}

    def condition(self, live: Thing) -> Condition:
        return Condition(State.PENDING if live.get("status") == "RESERVING" else State.PRESENT)

    def create(self, run: Run) -> None:
        """Addresses take labels only by a second call, so the marker is the description."""
        body = {
            "name": self.name,
            "description": self.scope.marker.description,
            "addressType": "INTERNAL",
            "purpose": "GCE_ENDPOINT",
            "subnetwork": relative(run.inputs["subnet"]),
        }
        self.things.insert(run, body)

    def outputs(self, run: Run, live: Thing) -> Outputs:
        return {**super().outputs(run, live), "address": live["address"]}


class Neo4jSnapshots(ComputeThing):
    """A daily snapshot, kept for a week. Output: `link`, `name`."""

    kind = "compute.snapshots"
    collection, argument, place, noun = "resourcePolicies", "resourcePolicy", "region", "snapshot schedule"
    effects: ClassVar[Mapping[str, Effect]] = {}

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"snapshotSchedulePolicy.retentionPolicy.maxRetentionDays": SNAPSHOT_DAYS}

    def view(self, live: Thing) -> Mapping[str, Any]:
        retention = live.get("snapshotSchedulePolicy", {}).get("retentionPolicy", {})
        return {"snapshotSchedulePolicy.retentionPolicy.maxRetentionDays": retention.get("maxRetentionDays")}

    def create(self, run: Run) -> None:
        self.things.insert(run, self._body())

    def update(self, run: Run, live: Thing, differences: tuple[Difference, ...]) -> None:
        body = {"snapshotSchedulePolicy": self._body()["snapshotSchedulePolicy"]}
        self.change(run, "patch", body=body, updateMask="snapshotSchedulePolicy")

    def _body(self) -> Thing:
        return {
            "name": self.name,
            "description": self.scope.marker.description,
            "snapshotSchedulePolicy": {
                "schedule": {"dailySchedule": {"daysInCycle": 1, "startTime": "04:00"}},
                "retentionPolicy": {
                    "maxRetentionDays": SNAPSHOT_DAYS,
                    "onSourceDiskDelete": "APPLY_RETENTION_POLICY",
                },
                "snapshotProperties": {"labels": self.scope.marker.labels, "guestFlush": False},
            },
        }


class Neo4jDisk(ComputeThing):
    """Input: `snapshots` (link). Outputs: `name`, `link`, `id` (numeric, as text), `disk_gb`, `fresh`.

    `fresh` says that the disk may be formatted if it is empty: this journal made it, and no prepare has succeeded on
    it. It is never true for a disk that was adopted or found by `recover`.
    """

    kind = "compute.disk"
    collection, argument, place, noun = "disks", "disk", "zone", "disk"
    effects: ClassVar[Mapping[str, Effect]] = {}

    def desired(self, run: Run) -> Mapping[str, Any]:
        snapshots = run.inputs["snapshots"]
        return {
            "neo4j.disk_gb": self._size(),
            "labels": self.scope.marker.labels,
            "resourcePolicies": [relative(snapshots) if isinstance(snapshots, str) else snapshots],
        }

    def view(self, live: Thing) -> Mapping[str, Any]:
        return {
            "neo4j.disk_gb": int(live.get("sizeGb", 0)),
            "labels": self.scope.marker.same_labels(live.get("labels")),
            "resourcePolicies": sorted(relative(link) for link in live.get("resourcePolicies", [])),
        }

    def differences(
        self, desired: Mapping[str, Any], found: Mapping[str, Any], applied: Mapping[str, Any] | None = None
    ) -> tuple[Difference, ...]:
        written = self.scope.deployment.neo4j.disk_gb is not None
        return growing.judged(super().differences(desired, found, applied), growing.NEO4J, shrinks=written)

    def probe(self, run: Run) -> Observed:
        return growing.told(super().probe(run), self._size())

    def condition(self, live: Thing) -> Condition:
        status = live.get("status", "READY")
        if status in ("CREATING", "RESTORING"):
            return Condition(State.PENDING, reason=status)
        return Condition(State.BROKEN, reason=status) if status in ("FAILED", "DELETING") else Condition()

    def create(self, run: Run) -> None:
        run.note(made=True)
        zone = f"projects/{self.scope.project}/zones/{self.scope.zone}"
        body = {
            "name": self.name,
            "sizeGb": str(self._size()),
            "type": f"{zone}/diskTypes/pd-balanced",
            "labels": self.scope.marker.labels,
            "resourcePolicies": [relative(run.inputs["snapshots"])],
        }
        self.things.insert(run, body)

    def update(self, run: Run, live: Thing, differences: tuple[Difference, ...]) -> None:
        """A larger file system follows at the machine's next boot (resize2fs), which the size brings about."""
        wanted = {d.field: d.want for d in differences}
        if "neo4j.disk_gb" in wanted:
            self.change(run, "resize", body={"sizeGb": str(wanted["neo4j.disk_gb"])})
        if "labels" in wanted:
            set_labels(run, self, live, wanted["labels"])
        if "resourcePolicies" in wanted:
            body = {"resourcePolicies": wanted["resourcePolicies"]}
            self.change(run, "addResourcePolicies", body=body)

    def outputs(self, run: Run, live: Thing) -> Outputs:
        """`disk_gb`: what it has, or will have once it has grown, so that a plan knows of the restart that follows."""
        prepared = PREPARED in live.get("labels", {})
        return {
            **super().outputs(run, live),
            "id": str(live["id"]),
            "disk_gb": max(int(live.get("sizeGb", 0)), self._size()),
            "fresh": bool(run.notes.get("made")) and not prepared,
        }

    def _size(self) -> int:
        return sizes(self.scope.deployment).neo4j_disk_gb

    # -- ending ------------------------------------------------------------------------------------------------------

    def protection(self, run: Run) -> str | None:
        """Disks have no protection of their own in the API."""
        locked = self.scope.deployment.neo4j.deletion_protection is Protection.LOCKED
        return "neo4j.deletion_protection is locked" if locked else None

    def delete(self, run: Run, live: Thing) -> None:
        if self.scope.context.final_backup:
            self._final_snapshot(run)
        super().delete(run, live)

    def _final_snapshot(self, run: Run) -> None:
        """Stays until it is deleted by hand; snapshots have no expiry."""
        name = run.notes.get("snapshot")
        if not isinstance(name, str) or self._snapshot_failed(run, name):
            now = run.clock.now()
            # The one that failed may be of this very second.
            name = next(made for made in (self._named_at(now), self._named_at(now + 1)) if made != name)
            run.note(
                snapshot=name,
                final={"what": "snapshot of Neo4j's disk", "where": f"snapshot {name}", "expires": None},
            )
        body = {"name": name, "labels": self.scope.marker.labels, "description": "final snapshot by memdeploy destroy"}
        parameters = {"disk": self.name, "body": body}
        try:
            self.things.change(run, "createSnapshot", name, parameters, timeout=7200.0)
        except CloudError as error:
            if error.kind is not ErrorKind.CONFLICT:  # taken by an earlier run of this destroy
                raise
        run.until(lambda: self._snapshot_ready(run, name), what=f"snapshot {name}", every=5.0, timeout=7200.0)

    def _named_at(self, moment: float) -> str:
        return f"{self.name}-{datetime.datetime.fromtimestamp(moment, datetime.UTC):%Y%m%d%H%M%S}"

    def _snapshot_failed(self, run: Run, name: str) -> bool:
        """It stays as it is, and its name with it: the next one has another."""
        found = run.find(lambda: self._snapshot(name))
        return found is not None and found.get("status") == FAILED

    def _snapshot_ready(self, run: Run, name: str) -> bool | None:
        status = self._snapshot(name).get("status")
        if status == FAILED:
            raise StepFailed(
                f"snapshot {name} failed", code="snapshot-failed", where=run.step, retryable=True,
                suggestion="The disk is still there. `destroy` again takes another; --no-final-backup goes without.",
            )  # fmt: skip
        return True if status in ("READY", "UPLOADING") else None

    def _snapshot(self, name: str) -> Thing:
        found: Thing = self.scope.clients.compute("snapshots.get", project=self.scope.project, snapshot=name)
        return found


def set_labels(run: Run, thing: ComputeThing, live: Thing, labels: Mapping[str, str]) -> None:
    """Sets these labels and keeps all others; refused by the cloud when somebody changed them since `live` was read."""
    body = {"labels": {**live.get("labels", {}), **labels}, "labelFingerprint": live["labelFingerprint"]}
    named = {} if thing.argument == "instance" else {"resource": thing.name}  # as the methods' contracts have it
    thing.change(run, "setLabels", **named, body=body)
