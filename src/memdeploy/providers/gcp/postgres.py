"""The Cloud SQL instance: PostgreSQL on a private address, encrypted connections only, with backups.

https://cloud.google.com/sql/docs/postgres/admin-api/rest/v1/instances
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.config.model import Protection
from memdeploy.config.profiles import sizes
from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.providers.gcp import growing, operations, postgres_address
from memdeploy.providers.gcp.scope import Scope

Instance = dict[str, Any]
FINAL_BACKUP_DAYS = 30
_PENDING = frozenset({"PENDING_CREATE", "MAINTENANCE", "REPAIRING"})
_USABLE = frozenset({"RUNNABLE", "ONLINE_MAINTENANCE"})
_CREATE_SECONDS = 3000.0


class PostgresInstance(Converging[Instance]):
    """Inputs: `network` (link), `range` (name of the peering range); none with the connector. Outputs: `name`,
    `address` (None with the connector alone), `connection` (PROJECT:REGION:NAME), `created`, `disk_gb`, `running`.

    A stopped instance (`activationPolicy: NEVER`, what `destroy` leaves behind) keeps its state RUNNABLE, and calls on
    its users and databases answer 400; so `running` is an output of its own.
    """

    kind = "sql.instance"
    # tier: "Changing this restarts the instance" (discovery document). Of the standby no page says that it does not.
    effects: ClassVar[Mapping[str, Effect]] = {
        "postgres.version": Effect.FORBIDDEN,
        "postgres.tier": Effect.RESTART,
        "settings.availabilityType": Effect.RESTART,
        "settings.edition": Effect.FORBIDDEN,
        "settings.ipConfiguration.privateNetwork": Effect.FORBIDDEN,
        "settings.ipConfiguration.serverCaMode": Effect.FORBIDDEN,
    }

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.name = name

    def describe(self) -> str:
        return f"Cloud SQL instance {self.name}"

    def read(self, run: Run) -> Instance | None:
        return run.find(lambda: self._call("get"))

    def owned(self, run: Run, live: Instance) -> bool:
        return self.scope.marker.on_labels(live.get("settings", {}).get("userLabels"))

    def condition(self, live: Instance) -> Condition:
        state = live.get("state", "")
        if state in _USABLE:
            return Condition()
        if state in _PENDING:
            return Condition(State.PENDING, reason=f"Cloud SQL: {state}")
        return Condition(State.BROKEN, reason=f"Cloud SQL: {state}")

    def desired(self, run: Run) -> Mapping[str, Any]:
        options, size = self.scope.deployment.postgres, sizes(self.scope.deployment)
        return {
            **postgres_address.desired(self.scope.deployment, run.inputs),
            "postgres.version": options.version,
            "postgres.tier": size.postgres_tier,
            "postgres.disk_gb": size.postgres_disk_gb,
            "postgres.deletion_protection": options.deletion_protection is not Protection.OFF,
            "settings.activationPolicy": "ALWAYS",
            "settings.availabilityType": "REGIONAL" if size.postgres_regional else "ZONAL",
            "settings.edition": "ENTERPRISE",
            "settings.userLabels": self.scope.marker.labels,
            "settings.backupConfiguration.enabled": True,
            "settings.backupConfiguration.pointInTimeRecoveryEnabled": True,
        }

    def view(self, live: Instance) -> Mapping[str, Any]:
        settings = live.get("settings", {})
        backup = settings.get("backupConfiguration", {})
        return {
            "postgres.version": int(str(live.get("databaseVersion", "POSTGRES_0")).removeprefix("POSTGRES_")),
            "postgres.tier": settings.get("tier"),
            "postgres.disk_gb": int(settings.get("dataDiskSizeGb", 0)),
            "postgres.deletion_protection": bool(settings.get("deletionProtectionEnabled")),
            "settings.activationPolicy": settings.get("activationPolicy"),
            "settings.availabilityType": settings.get("availabilityType"),
            "settings.edition": settings.get("edition"),
            "settings.userLabels": self.scope.marker.same_labels(settings.get("userLabels")),
            "settings.backupConfiguration.enabled": bool(backup.get("enabled")),
            "settings.backupConfiguration.pointInTimeRecoveryEnabled": bool(backup.get("pointInTimeRecoveryEnabled")),
            **postgres_address.view(settings),
        }

    def differences(
        self, desired: Mapping[str, Any], found: Mapping[str, Any], applied: Mapping[str, Any] | None = None
    ) -> tuple[Difference, ...]:
        """Storage grows by itself (`storageAutoResize`): more than wanted is no drift, unless the user had more before
        and wrote less."""
        every = postgres_address.judged(super().differences(desired, found, applied))
        before = (applied or {}).get(growing.POSTGRES, 0)
        less = self.scope.deployment.postgres.disk_gb is not None and before > desired[growing.POSTGRES]
        return growing.judged(every, growing.POSTGRES, shrinks=less)

    def probe(self, run: Run) -> Observed:
        return growing.told(super().probe(run), sizes(self.scope.deployment).postgres_disk_gb)

    def create(self, run: Run) -> None:
        body = instance_body(self.scope, self.name, run.inputs)
        run.note(protected=body["settings"]["deletionProtectionEnabled"])
        run.change(
            "create",
            self.describe(),
            lambda intent: self.scope.clients.sqladmin("instances.insert", project=self.scope.project, body=body),
            operation=lambda answer: operations.of("sqladmin", answer),
            timeout=_CREATE_SECONDS,
        )

    def update(self, run: Run, live: Instance, differences: tuple[Difference, ...]) -> None:
        state = self.condition(live)
        if state.state is State.BROKEN and self._stillborn(run, live):
            self._make_anew(run, live)
            return
        if state.state is State.BROKEN:
            raise StepFailed(
                f"{self.describe()} is not usable ({state.reason})",
                where=run.step,
                suggestion="Look at it in the Cloud SQL console; it holds data, so memdeploy does not replace it.",
            )
        wanted = settings_patch({d.field: _beside_others(d, live) for d in differences})
        try:
            self._patch(run, "update", wanted, live)
        except CloudError as error:
            if error.kind is not ErrorKind.STALE:
                raise
            self._patch(run, "update", wanted, run.read(lambda: self._call("get")))

    def outputs(self, run: Run, live: Instance) -> Outputs:
        addresses = {a.get("type"): a.get("ipAddress") for a in live.get("ipAddresses", [])}
        return {
            "name": self.name,
            "address": addresses.get("PRIVATE"),
            "connection": live.get("connectionName"),
            "created": live.get("createTime"),
            "disk_gb": int(live.get("settings", {}).get("dataDiskSizeGb", 0)),
            "running": live.get("settings", {}).get("activationPolicy") != "NEVER",
        }

    # -- resting and ending ------------------------------------------------------------------------------------------

    def retain(self, run: Run) -> None:
        """Stopped: storage and backups are paid for, the machine is not."""
        live = self.read(run)
        if live is None or not self.owned(run, live) or live["settings"].get("activationPolicy") == "NEVER":
            return
        self._patch(run, "stop", {"activationPolicy": "NEVER"}, live)

    def protection(self, run: Run) -> str | None:
        if self.scope.deployment.postgres.deletion_protection is Protection.LOCKED:
            return "postgres.deletion_protection is locked"
        live = self.read(run)
        if live is None or not live.get("settings", {}).get("deletionProtectionEnabled"):
            return None
        ours = (run.applied or {}).get("postgres.deletion_protection") or run.notes.get("protected")
        return None if ours else f"{self.describe()} was protected against deletion by somebody else"

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """A protection that the configuration asks for was ours; and nothing that was recovered is stillborn."""
        return {"recovered": True, "protected": self.scope.deployment.postgres.deletion_protection is Protection.ON}

    def delete(self, run: Run, live: Instance) -> None:
        """With a final backup unless the user said no: it is found again by its description."""
        live = self._unprotected(run, live)
        options: dict[str, Any] = {}
        if self.scope.context.final_backup:
            live = self._started(run, live)
            options = self._final_backup(run)
        self._drop(run, options)

    def _drop(self, run: Run, options: Mapping[str, Any]) -> None:
        run.change(
            "delete",
            self.describe(),
            lambda intent: self._call("delete", **options),
            operation=lambda answer: operations.of("sqladmin", answer),
            timeout=_CREATE_SECONDS,
        )

    def _stillborn(self, run: Run, live: Instance) -> bool:
        """Made by this journal and never usable since: no database was ever made in it. A creation that fails leaves
        the instance FAILED, and nothing but a new one helps (crossplane-contrib/provider-gcp#226)."""
        known = "protected" in run.notes and "recovered" not in run.notes
        ours = known and run.applied is None and run.outputs is None
        return ours and live.get("state") == "FAILED"

    def _make_anew(self, run: Run, live: Instance) -> None:
        run.progress("its creation failed: makes it anew")
        self._unprotected(run, live)
        self._drop(run, {})
        run.until(lambda: True if self.read(run) is None else None, what=f"{self.describe()} to be gone")
        self.create(run)

    def _unprotected(self, run: Run, live: Instance) -> Instance:
        if not live["settings"].get("deletionProtectionEnabled"):
            return live
        self._patch(run, "unprotect", {"deletionProtectionEnabled": False}, live)
        return run.read(lambda: self._call("get"))

    def _started(self, run: Run, live: Instance) -> Instance:
        """Whether a stopped instance can be backed up is not documented: it is started first."""
        if live["settings"].get("activationPolicy") != "NEVER":
            return live
        self._patch(run, "start", {"activationPolicy": "ALWAYS"}, live)
        return run.read(lambda: self._call("get"))

    def _final_backup(self, run: Run) -> dict[str, Any]:
        """The backup's own name is the server's choice; `final` tells where to look. Durable before the call."""
        description = f"{self.scope.marker.description} final of {self.name}"
        now = datetime.datetime.fromtimestamp(run.clock.now(), datetime.UTC)
        expires = (now + datetime.timedelta(days=FINAL_BACKUP_DAYS)).date().isoformat()
        where = f"Cloud SQL backups of {self.scope.project}, description '{description}'"
        run.note(final={"what": "final backup of PostgreSQL", "where": where, "expires": expires})
        return {
            "enableFinalBackup": True,
            "finalBackupTtlDays": str(FINAL_BACKUP_DAYS),
            "finalBackupDescription": description,
        }

    def _patch(self, run: Run, verb: str, settings: dict[str, Any], live: Instance) -> None:
        version = live.get("settings", {}).get("settingsVersion")
        body = {"settings": settings | ({"settingsVersion": version} if version else {})}
        run.change(
            verb,
            self.describe(),
            lambda intent: self._call("patch", body=body),
            operation=lambda answer: operations.of("sqladmin", answer),
        )

    def _call(self, verb: str, **parameters: Any) -> Instance:
        return self.scope.clients.sqladmin(
            f"instances.{verb}", project=self.scope.project, instance=self.name, **parameters
        )


def instance_body(scope: Scope, name: str, inputs: Mapping[str, Any]) -> Instance:
    """Body of instances.insert. The edition is explicit: from PostgreSQL 16 on the default is ENTERPRISE_PLUS, which
    refuses the small tiers (https://cloud.google.com/sql/docs/postgres/editions-intro)."""
    options, size = scope.deployment.postgres, sizes(scope.deployment)
    return {
        "name": name,
        "databaseVersion": f"POSTGRES_{options.version}",
        "region": scope.region,
        "settings": {
            "edition": "ENTERPRISE",
            "tier": size.postgres_tier,
            "availabilityType": "REGIONAL" if size.postgres_regional else "ZONAL",
            "activationPolicy": "ALWAYS",
            "dataDiskType": "PD_SSD",
            "dataDiskSizeGb": str(size.postgres_disk_gb),
            "storageAutoResize": True,
            "userLabels": scope.marker.labels,
            "deletionProtectionEnabled": options.deletion_protection is not Protection.OFF,
            "backupConfiguration": {
                "enabled": True,
                "startTime": "03:00",
                "pointInTimeRecoveryEnabled": True,
                "transactionLogRetentionDays": 7,
                "backupRetentionSettings": {"retentionUnit": "COUNT", "retainedBackups": 7},
            },
            **postgres_address.settings(scope.deployment, inputs),
            "maintenanceWindow": {"day": 7, "hour": 4, "updateTrack": "stable"},
        },
    }


def _beside_others(difference: Difference, live: Instance) -> Any:
    """Labels of others stay, whether the API merges a patch's labels (which is not documented) or replaces them."""
    if difference.field != "settings.userLabels":
        return difference.want
    return {**live.get("settings", {}).get("userLabels", {}), **difference.want}


_PATHS: Mapping[str, str] = {
    "postgres.tier": "tier",
    "postgres.disk_gb": "dataDiskSizeGb",
    "postgres.deletion_protection": "deletionProtectionEnabled",
}


def settings_patch(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` of instances.patch that brings these fields (as in `desired`), and no others."""
    settings: dict[str, Any] = {}
    for field, value in wanted.items():
        *parents, leaf = _PATHS.get(field, field.removeprefix("settings.")).split(".")
        node = settings
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = str(value) if leaf == "dataDiskSizeGb" else value
    return settings
