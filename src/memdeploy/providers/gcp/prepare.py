"""A one-shot Cloud Run job that proves and prepares both databases, before the service is made or moved.

The execution is started by `startExecutionToken` in create or update of the job, never by `jobs.run`: so its name,
`<job>-<token>`, is known and journalled before the request, and a lost answer is settled by looking for it.
https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from memdeploy.engine.step import Difference, Effect, Intent, Observed, Operation, Outputs, Run, State, unknowns
from memdeploy.errors import CloudError, ErrorKind, Foreign, StepFailed
from memdeploy.providers.gcp import errors, operations, run_grants
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.neo4j_settled import settle
from memdeploy.providers.gcp.neo4j_storage import Neo4jDisk
from memdeploy.providers.gcp.neo4j_vm import Neo4jVm
from memdeploy.providers.gcp.prepare_body import job_body, prepare_key
from memdeploy.providers.gcp.prepare_culprit import explain
from memdeploy.providers.gcp.run_container import JSON, message, to_json
from memdeploy.providers.gcp.scope import Scope

_VISIBLE = 30.0  # seconds until an execution that was started is seen
_STARTS = 5
_ANNOTATION = "memdeploy-prepares"
"""Of the job: its last execution and the key that it was for. (The job alone tells neither of them once it is changed.)
https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs#Job.FIELDS.annotations"""
EXECUTION_SECONDS = 900.0  # the task's own limit is 600 s; the rest is for starting it


class Prepare:
    """Inputs: `run_container.INPUTS`, `created` (of the instance), `disk` (name), `disk_id`, `vm` (name).
    Outputs: `key`. Notes: `key` of the last success; `execution` and `execution_key` of one whose success is not noted.
    """

    kind = "run.prepare"

    def __init__(self, scope: Scope, *, name: str) -> None:
        self.scope = scope
        self.name = name
        self.path = f"{scope.names.location}/jobs/{name}"

    def probe(self, run: Run) -> Observed:
        job = run.find(self._get)
        unknown = tuple(unknowns(run.inputs))
        if job is None:
            return Observed(State.ABSENT, unknown=unknown)
        if not self._owned(job):
            return Observed(State.FOREIGN, reason=f"Cloud Run job {self.name} exists and is not ours")
        if unknown:
            return Observed(State.PRESENT, outputs=run.outputs, unknown=unknown)
        done, wanted = run.notes.get("key"), self._key(run)
        if done == wanted:
            return Observed(State.PRESENT, outputs={"key": wanted})
        difference = Difference("key", done, wanted, Effect.IN_PLACE, "the databases, the model or the image changed")
        return Observed(State.DIFFERENT, (difference,), outputs={"key": wanted})

    def ensure(self, run: Run) -> Outputs:
        key = self._key(run)
        if not self._prepared(run, key):
            execution = self._under_way(run, key) or self._start(run, key)
            self._finish(run, execution)
            if "vm" in run.inputs:
                self._settle(run)
            # In one: an execution that is forgotten before its success is known would be made a second time.
            run.note(key=key, execution=None, execution_key=None)
        run.apply({"key": key})
        return {"key": key}

    def _settle(self, run: Run) -> None:
        """Done already, but for a machine that was last seen to start by an older version."""
        disk, vm = Neo4jDisk(self.scope, name=run.inputs["disk"]), Neo4jVm(self.scope, name=run.inputs["vm"])
        settle(run, disk, vm)

    def remove(self, run: Run) -> None:
        job = run.find(self._get)
        if job is None or not self._owned(job):
            return
        run.change(
            "delete",
            self.path,
            lambda intent: self.scope.clients.run_jobs("delete_job", name=self.path, etag=job.get("etag", "")),
            operation=lambda answer: operations.of("run", answer),
        )

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """Which execution was the last, and what for: whether it succeeded is seen by `ensure`, as after a crash."""
        job = run.find(self._get)
        told = job.get("annotations", {}).get(_ANNOTATION, "") if job is not None and self._owned(job) else ""
        execution, _, key = told.partition(" ")
        return {"execution": execution, "execution_key": key} if key else {}

    # -- one execution -----------------------------------------------------------------------------------------------

    def _prepared(self, run: Run, key: str) -> bool:
        """Nothing to do: it succeeded with this key before, and the job is still there."""
        if run.notes.get("key") != key:
            return False
        job = run.find(self._get)
        return job is not None and self._owned(job)

    def _under_way(self, run: Run, key: str) -> str | None:
        """The execution that an earlier run started for the same key: when it did start, and has not failed since."""
        name = run.notes.get("execution")
        if not name or run.notes.get("execution_key") != key:
            return None
        found = run.find(lambda: self._execution(name))
        failed = found is not None and found.get("completionTime") and not found.get("succeededCount")
        return None if found is None or failed else name

    def _start(self, run: Run, key: str) -> str:
        """A new execution. While none is noted, what `change` ended was an earlier run's intent, whose execution was
        judged before, or had another key: the next one sends."""
        self._forget(run)
        for _ in range(_STARTS):
            self._start_once(run, key)
            if "execution" in run.notes:
                return str(run.notes["execution"])
        raise StepFailed(
            f"Cloud Run job {self.name} took {_STARTS} requests to start and shows no execution",
            code="prepare-not-started",
            where=run.step,
            suggestion="Look at the job in the console, then run `memdeploy up` again: it starts another execution.",
            retryable=True,
        )

    def _forget(self, run: Run) -> None:
        if "execution" in run.notes:
            run.note(execution=None, execution_key=None)

    def _start_once(self, run: Run, key: str) -> None:
        for left in reversed(range(run_grants.ATTEMPTS)):
            try:
                self._send(run, key)
                return
            except CloudError as error:
                if not left or not run_grants.spreading(error.message):
                    raise
            run_grants.pause(run)

    def _finish(self, run: Run, execution: str) -> None:
        run.progress("checks databases and model, makes the tables")
        ended = run.until(
            lambda: self._ended(execution), what=f"execution {execution}", every=1.0, timeout=EXECUTION_SECONDS
        )
        if not ended.get("succeededCount"):
            raise self._failed(run, execution, ended)

    def _send(self, run: Run, key: str) -> None:
        job = run.find(self._get)
        if job is not None and not self._owned(job):
            raise Foreign(
                f"Cloud Run job {self.name} exists already and does not belong to this deployment",
                where=run.step,
                suggestion="Remove or rename it, or choose another deployment name with --name.",
            )
        verb = "create" if job is None else "start"
        try:
            run.change(verb, self.path, self._starting(run, key, job), operation=_operation, trace=self._trace)
        except CloudError as error:
            if error.kind not in (ErrorKind.CONFLICT, ErrorKind.STALE):
                raise
            self._expect(run, error)

    def _expect(self, run: Run, error: CloudError) -> None:
        """The job was made or changed since it was looked at: by our own request, of which the answer was lost and the
        execution was not to be seen yet. It is seen a moment later; or what was started has failed before there was an
        execution, and the next attempt starts another."""
        name = run.notes.get("execution")
        if name is None:
            raise error
        try:
            run.until(lambda: self._seen(name), what=f"execution {name}", every=1.0, timeout=_VISIBLE)
        except StepFailed:
            self._forget(run)

    def _starting(self, run: Run, key: str, job: JSON | None) -> Callable[[Intent], Any]:
        def call(intent: Intent) -> Any:
            from google.cloud import run_v2

            execution = f"{self.name}-{intent.token}"
            run.note(execution=execution, execution_key=key)
            annotations = {**(job or {}).get("annotations", {}), _ANNOTATION: f"{execution} {key}"}
            body = job_body(self.scope, run.inputs) | {
                "startExecutionToken": intent.token,
                "annotations": annotations,
            }
            if job is None:
                return self.scope.clients.run_jobs(
                    "create_job", parent=self.scope.names.location, job_id=self.name, job=message(run_v2.Job, body)
                )
            named = {**body, "name": self.path, "etag": job.get("etag", "")}
            return self.scope.clients.run_jobs("update_job", job=message(run_v2.Job, named))

        return call

    def _trace(self, intent: Intent) -> Any:
        """After a lost answer: the execution is there, so the request took effect."""
        return self._seen(f"{self.name}-{intent.token}")

    def _seen(self, name: str) -> JSON | None:
        try:
            return self._execution(name)
        except Exception as raised:
            error = raised if isinstance(raised, CloudError) else errors.classify(raised)
            if error is None or error.kind is not ErrorKind.NOT_FOUND:
                raise
            return None

    def _ended(self, name: str) -> JSON | None:
        found = self._execution(name)
        return found if found.get("completionTime") else None

    def _failed(self, run: Run, execution: str, ended: JSON) -> StepFailed:
        tasks = run.read(lambda: self._tasks(execution))
        return explain(run, self.scope, execution, tasks, ended)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _key(self, run: Run) -> str:
        return prepare_key(self.scope.deployment, run.inputs, self.scope.context.records)

    def _owned(self, job: JSON) -> bool:
        return self.scope.marker.on_labels(job.get("labels"))

    def _get(self) -> JSON:
        return to_json(self.scope.clients.run_jobs("get_job", name=self.path))

    def _execution(self, name: str) -> JSON:
        path = f"{self.path}/executions/{last(name)}"
        return to_json(self.scope.clients.run_executions("get_execution", name=path))

    def _tasks(self, name: str) -> list[JSON]:
        parent = f"{self.path}/executions/{last(name)}"
        return [to_json(task) for task in self.scope.clients.run_tasks("list_tasks", parent=parent)]


def _operation(answer: Any) -> Operation | None:
    """Of create or update; a found execution (JSON, from `_trace`) needs no operation: the job's ends at the start."""
    return None if isinstance(answer, dict) else operations.of("run", answer)
