"""MemMachine's API as a Cloud Run service.

https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.step import Difference, Effect, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.memmachine import releases
from memdeploy.providers.gcp import errors, operations, run_failure, run_grants, run_service
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.run_container import JSON, message, to_json
from memdeploy.providers.gcp.scope import Scope

_MASK = ("labels", "client", "client_version", "ingress", "invoker_iam_disabled", "template")


_LOG_DELAY = 3.0  # seconds between looks for the last lines of a container that just failed


class Service(Converging[JSON]):
    """Inputs: `run_container.INPUTS`, and `prepare` (its key: databases first) when a service is changed; the first
    revision waits for that by itself (docker/serve.py). Outputs: `uri`, `revision`, `name`.

    Note `attempt`: how many revisions were made of the same template, because an earlier one failed.
    """

    kind = "run.service"
    effects: ClassVar[Mapping[str, Effect]] = {}

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.name = name
        self.path = f"{scope.names.location}/services/{name}"

    def describe(self) -> str:
        return f"Cloud Run service {self.name}"

    def read(self, run: Run) -> JSON | None:
        return run.find(self._get)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_labels(live.get("labels"))

    def condition(self, live: JSON) -> Condition:
        terminal = live.get("terminalCondition", {})
        state = terminal.get("state")
        if state == "CONDITION_FAILED":
            return Condition(State.BROKEN, reason=terminal.get("message", "the last revision failed"))
        if live.get("reconciling") or state != "CONDITION_SUCCEEDED":
            return Condition(State.PENDING, reason=terminal.get("message"))
        return Condition()

    def desired(self, run: Run) -> Mapping[str, Any]:
        return run_service.desired(self.scope, run.inputs, self._health())

    def view(self, live: JSON) -> Mapping[str, Any]:
        return run_service.view(self.scope, live)

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {
            "uri": live["uri"],
            "revision": last(live.get("latestReadyRevision", "")),
            "name": self.name,
        }

    def create(self, run: Run) -> None:
        def call(_: object) -> Any:
            service = self._message(run)
            return self.scope.clients.run_services(
                "create_service", parent=self.scope.names.location, service_id=self.name, service=service
            )

        self._deploy(run, "create", call)

    def update(self, run: Run, live: JSON, differences: tuple[Difference, ...]) -> None:
        if self.condition(live).state is State.BROKEN:
            run.note(attempt=self._attempt(run) + 1)
        self._deploy(run, "update", self._updating(run, live))

    def delete(self, run: Run, live: JSON) -> None:
        run.change(
            "delete",
            self.path,
            lambda intent: self.scope.clients.run_services("delete_service", name=self.path, etag=live.get("etag", "")),
            operation=lambda answer: operations.of("run", answer),
        )

    # -- deploying ---------------------------------------------------------------------------------------------------

    def _deploy(self, run: Run, verb: str, call: Callable[[object], Any]) -> None:
        """A revision that failed because a grant has not spread yet is tried again; any other is reported by its own
        condition, since the service itself stays behind."""
        for left in reversed(range(run_grants.ATTEMPTS)):
            try:
                run.change(verb, self.path, call, operation=lambda answer: operations.of("run", answer))
                return
            except CloudError as error:
                live = self._left_behind(run, error)
                if live is None and not (left and run_grants.spreading(error.message)):
                    raise
                reason = self._reason(run, live) if live else error.message
                if not left or not run_grants.spreading(reason):
                    raise self._failed(run, reason, live) from error
            run_grants.pause(run)
            if live is not None:
                run.note(attempt=self._attempt(run) + 1)
                verb, call = "update", self._updating(run, live)

    def _left_behind(self, run: Run, error: CloudError) -> JSON | None:
        """The service whose revision failed; None when the error was not about a revision."""
        if error.kind in (ErrorKind.CONFLICT, ErrorKind.STALE, ErrorKind.NETWORK, ErrorKind.UNAUTHENTICATED):
            return None
        live = run.find(self._get)
        if live is None or self.condition(live).state is not State.BROKEN or not self.owned(run, live):
            return None
        return live

    def _reason(self, run: Run, live: JSON) -> str:
        revision = live.get("latestCreatedRevision", "")
        found = run.find(lambda: self._revision(revision)) if revision else None
        return run_failure.condition(live, found)

    def _failed(self, run: Run, reason: str, live: JSON | None) -> StepFailed:
        revision = (live or {}).get("latestCreatedRevision", "")
        return run_failure.explained(
            self.scope, run.read, self.describe(), reason, revision, run.step,
            pause=lambda: run.clock.sleep(_LOG_DELAY),
        )  # fmt: skip

    def _updating(self, run: Run, live: JSON) -> Callable[[object], Any]:
        def call(_: object) -> Any:
            body = {"name": self.path, "etag": live.get("etag", ""), "labels": live.get("labels", {})}
            paths = list(_MASK)
            if run_service.by_hand(live):  # else whoever set limits for the service as a whole keeps them
                body["scaling"] = {"scalingMode": "AUTOMATIC"}
                paths.append("scaling")
            service = self._message(run, body)
            return self.scope.clients.run_services("update_service", service=service, update_mask={"paths": paths})

        return call

    def _message(self, run: Run, extra: JSON | None = None) -> Any:
        from google.cloud import run_v2

        body = run_service.service_body(self.scope, run.inputs, self._health(), self._attempt(run))
        labels = {**(extra or {}).get("labels", {}), **body["labels"]}
        return message(run_v2.Service, {**body, **(extra or {}), "labels": labels})

    def _health(self) -> str:
        return releases.find(self.scope.deployment.release).health_path

    def _attempt(self, run: Run) -> int:
        return int(run.notes.get("attempt", 0))

    def _get(self) -> JSON:
        return to_json(self.scope.clients.run_services("get_service", name=self.path))

    def _revision(self, name: str) -> JSON:
        return to_json(self.scope.clients.run_revisions("get_revision", name=f"{self.path}/revisions/{last(name)}"))


def why(scope: Scope) -> StepFailed | None:
    """For `status`: what `up` would say of the revision that was made last, if that one failed."""
    service = Service(scope, name=scope.names.own("api"))
    try:
        live = service._get()
        if service.condition(live).state is not State.BROKEN:
            return None
        revision = live.get("latestCreatedRevision", "")
        reason = run_failure.condition(live, service._revision(revision) if revision else None)
        return run_failure.explained(scope, lambda call: call(), service.describe(), reason, revision, "service")
    except Exception as raised:
        if errors.classify(raised) is None:
            raise
        return None
