"""The one instance that a revision has here: containers started in order, judged by startup probes, replaced when one
ends.

https://cloud.google.com/run/docs/configuring/services/containers#container-ordering: a container starts once those it
depends on have passed their startup probes. https://cloud.google.com/run/docs/container-contract#filesystem: nothing
that an instance wrote outlives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memdeploy.rehearsal.backing.protocol import ContainerSpec, Progress
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.rules import run_launch, run_logs, run_probe
from memdeploy.rehearsal.rules.run_base import SERVICE
from memdeploy.rehearsal.store import Row

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """A container and how the backing knows it. The first of an instance is known by the revision's own name."""

    name: str
    key: str
    container: Json

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.container.get("dependsOn") or ())


@dataclass
class Course:
    """How far the instance has come: container -> when it began (seconds), and those whose probes have passed."""

    began: dict[str, float]
    passed: set[str]

    @classmethod
    def of(cls, revision: Row) -> Course:
        return cls(dict(revision.hidden.get("began") or {}), set(revision.hidden.get("passed") or ()))

    def kept(self, cloud: Cloud, revision: Row) -> None:
        if self != Course.of(revision):
            cloud.store.put(revision.with_hidden(began=self.began, passed=sorted(self.passed)), cloud.now)


def parts(revision: Row) -> list[Part]:
    """In an order in which they can start; that there is one was checked when the template was taken."""
    left = list(revision.body["containers"])
    found: list[Part] = []
    while left:
        started = {part.name for part in found}
        container = next(one for one in left if started >= set(one.get("dependsOn") or ()))
        name = str(container.get("name") or "")
        found.append(Part(name, f"{revision.name}/containers/{name}" if found else revision.name, container))
        left.remove(container)
    return found


def look(cloud: Cloud, service: Row, revision: Row) -> Progress:
    """Starts what may start. Done when every probe has passed, with the `url` that takes requests; or with the error
    of the first that ended or never passed."""
    course, every = Course.of(revision), parts(revision)
    steps = (_go_on(cloud, service, revision, part, course) for part in every if part.needs <= course.passed)
    failed = next((failure for failure in steps if failure), None)
    course.kept(cloud, revision)
    if failed:
        collect(cloud, service, revision)
        return failed
    if course.passed < {part.name for part in every}:
        return Progress(done=False)
    return cloud.backing.service_state(revision.name)


def serving(cloud: Cloud, service: Row, revision: Row) -> Progress:
    """For a request to a revision that is ready: not done while an instance starts. One that has ended is replaced by a
    new one, with nothing of what it wrote; a new one that does not start is told, and the next request tries again."""
    stood = Course.of(revision).passed >= {part.name for part in parts(revision)}
    progress = look(cloud, service, revision)
    if not progress.error:
        return progress
    stop(cloud, service, revision)
    return Progress(done=False) if stood else progress


def stop(cloud: Cloud, service: Row, revision: Row) -> None:
    """Its containers are gone, with all that they wrote but their lines."""
    collect(cloud, service, revision)
    cloud.backing.service_remove(revision.name)
    now = cloud.store.get(SERVICE, revision.name)
    if now is not None:
        Course({}, set()).kept(cloud, now)


def collect(cloud: Cloud, service: Row, revision: Row) -> None:
    """What the containers have said since the last time, into Cloud Logging."""
    now = cloud.store.get(SERVICE, revision.name)
    if now is None or not Course.of(now).began:
        return
    told: dict[str, str] = dict(now.hidden.get("told") or {})
    for part in parts(now):
        for moment, line in cloud.backing.service_log(part.key, told.get(part.name, "")):
            run_logs.said(cloud, service, now, [line], part.name, at=moment)
            told[part.name] = moment
    if told != now.hidden.get("told"):
        cloud.store.put(now.with_hidden(told=told), cloud.now)


def collect_all(cloud: Cloud, project: str) -> None:
    """Of every instance that runs in a project: before somebody reads its logs."""
    for service in cloud.store.below(SERVICE, f"projects/{project}", "Service"):
        for revision in cloud.store.children(SERVICE, f"{service.name}/revisions"):
            collect(cloud, service, revision)


def _go_on(cloud: Cloud, service: Row, revision: Row, part: Part, course: Course) -> Progress | None:
    """One container a step further; its failure, if it has failed."""
    if part.name not in course.passed:
        cloud.backing.service_start(_spec(cloud, service, revision, part))
        course.began.setdefault(part.name, cloud.now)
    seen = cloud.backing.service_state(part.key)
    if seen.error:
        if not part.container.get("ports") and len(revision.body["containers"]) > 1:
            return replace(seen, error=f"Container {part.name!r}: {seen.error}")
        return replace(seen, error=not_listening(revision.body, seen.error))
    if not seen.done or part.name in course.passed:
        return None
    probe = run_probe.of(part.container, alone=len(revision.body["containers"]) == 1)
    if probe is None or run_probe.passes(_place(cloud, revision, probe), probe):
        course.passed.add(part.name)
    elif cloud.now > course.began[part.name] + probe.patience:
        run_logs.probe_failed(cloud, service, revision, part.container)
        return Progress(done=True, error=run_probe.FAILED)
    return None


def _place(cloud: Cloud, revision: Row, probe: run_probe.Probe) -> tuple[str, int] | None:
    """Where a port of the instance is reached: what listens on its own localhost alone is not."""
    where = cloud.backing.service_state(revision.name).result
    return run_probe.place(where, probe, run_launch.port_of(revision.body))


def _spec(cloud: Cloud, service: Row, revision: Row, part: Part) -> ContainerSpec:
    short, port = service.name.rsplit("/", 1)[-1], run_launch.port_of(revision.body)
    env = {"K_SERVICE": short, "K_CONFIGURATION": short, "K_REVISION": revision.name.rsplit("/", 1)[-1]}
    if part.container.get("ports") or len(revision.body["containers"]) == 1:
        env["PORT"] = str(port)
    project, subnets = service.name.split("/")[1], revision.hidden.get("subnetworks", ())
    made = run_launch.container_spec(
        cloud, part.key, project, revision.body, env, container=part.container, port=port, subnets=subnets
    )
    return replace(made, beside="" if part.key == revision.name else revision.name)


def not_listening(template: Json, detail: str = "") -> str:
    # octo-sts/app#1005, word for word but for what the container itself said
    return (
        "The user-provided container failed to start and listen on the port defined provided by the "
        f"PORT={run_launch.port_of(template)} environment variable within the allocated timeout. This can happen when "
        "the container port is misconfigured or if the timeout is too short. The health check timeout can be "
        f"extended. Logs for this revision might contain more information. {detail}"
    ).rstrip()
