"""What Cloud Run refuses at once (400), before any revision is made. Pure: a definition in, violations out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memdeploy.rehearsal.rules import labels, run_resources

# https://cloud.google.com/run/docs/deploying: "49 characters or less", DNS label. Jobs: …/create-jobs.
_SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?")
_JOB = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# Discovery document, Job.startExecutionToken: "The sum of job name and token length must be fewer than 63 characters."
_NAME_AND_TOKEN = 63
# https://cloud.google.com/run/docs/container-contract#env-vars
_RESERVED = ("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION")
_RESERVED_IN_JOBS = ("CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION", "CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_ATTEMPT")
# Each half at most 240 s (PolicyEngine/policyengine-api#3765, and the Probe message's own text).
_PROBE_CAP = 240

Json = Mapping[str, Any]


def seconds(duration: str | None, default: float) -> float:
    """A protobuf duration, `300s`."""
    return float(duration.rstrip("s")) if duration else default


def service_violations(name: str, service: Json) -> list[str]:
    template = service.get("template") or {}
    found = [] if _SERVICE.fullmatch(name) else [f"name: must be a DNS label of at most 49 characters, got {name!r}"]
    found += [*_labels("labels", service), *_labels("template.labels", template)]
    found += _scaling(template.get("scaling") or {})
    if not 0 < seconds(template.get("timeout"), 300) <= 3600:  # …/configuring/request-timeout: at most 60 minutes
        found.append("template.timeout: must be between 1s and 3600s")
    concurrency = int(template.get("maxInstanceRequestConcurrency") or 0)
    if not 0 <= concurrency <= 1000:
        found.append("template.max_instance_request_concurrency: must be between 1 and 1000")
    if len(service.get("description") or "") > 512:
        found.append("description: must be at most 512 characters")
    return found + list(_containers(template.get("containers") or [], job=False, concurrency=concurrency))


def job_violations(name: str, job: Json) -> list[str]:
    execution = job.get("template") or {}
    task = execution.get("template") or {}
    found = [] if _JOB.fullmatch(name) else [f"name: must be a DNS label of at most 63 characters, got {name!r}"]
    found += [*_labels("labels", job), *_labels("template.labels", execution)]
    tokens = [job[key] for key in ("startExecutionToken", "runExecutionToken") if job.get(key)]
    if len(tokens) > 1:
        found.append("start_execution_token and run_execution_token: only one of a oneof may be set")
    found += [
        f"start_execution_token: job name and token must be fewer than 63 characters, got {token!r}"
        for token in tokens
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", token) or len(name) + len(token) >= _NAME_AND_TOKEN
    ]
    if not 0 <= int(task.get("maxRetries", 3)) <= 10:  # …/configuring/max-retries
        found.append("template.template.max_retries: must be between 0 and 10")
    if not 0 < seconds(task.get("timeout"), 600) <= 604800:  # …/configuring/task-timeout: at most 168 hours
        found.append("template.template.timeout: must be between 1s and 604800s")
    if task.get("executionEnvironment") == "EXECUTION_ENVIRONMENT_GEN1":  # …/about-execution-environments
        found.append("template.template.execution_environment: jobs run in the second generation only")
    return found + list(_containers(task.get("containers") or [], job=True, concurrency=1))


def _labels(field: str, body: Json) -> list[str]:
    text = labels.problem(body.get("labels"), prefixed=True)
    return [f"{field}: {text}"] if text else []


def _scaling(scaling: Json) -> list[str]:
    least, most = int(scaling.get("minInstanceCount") or 0), int(scaling.get("maxInstanceCount") or 100)
    if least < 0 or most < 1 or least > most:
        return ["template.scaling: min_instance_count must not be greater than max_instance_count"]
    return []


def _containers(containers: Sequence[Json], *, job: bool, concurrency: int) -> Iterator[str]:
    if not containers:
        yield "template.containers: must have at least one container"
    if job and len(containers) > 1:
        yield "template.template.containers: must have exactly one container"
    if not job and len(containers) > 1:
        yield from _ingress_container(containers)
        yield from _dependencies(containers)
    for index, container in enumerate(containers):
        for text in _container(container, job=job, concurrency=concurrency):
            yield f"template.containers[{index}].{text}"


def _ingress_container(containers: Sequence[Json]) -> Iterator[str]:
    # https://cloud.google.com/run/docs/deploying#sidecars: exactly one container has ports, every one has a name.
    if sum(bool(container.get("ports")) for container in containers) != 1:
        yield "template.containers: exactly one container must have ports"
    names = [container.get("name") for container in containers]
    if not all(names) or len(set(names)) != len(names):
        yield "template.containers: every container needs a name of its own"


def _dependencies(containers: Sequence[Json]) -> Iterator[str]:
    # Container.dependsOn: "Names of the containers that must start before this container"; a dependency needs a
    # startup probe (https://cloud.google.com/run/docs/configuring/services/containers#container-ordering).
    known = {container.get("name"): container for container in containers}
    for container in containers:
        for name in container.get("dependsOn") or ():
            if name not in known:
                yield f"template.containers: depends_on names no container: {name}"
            elif not known[name].get("startupProbe"):
                yield f"template.containers: {name} is depended on and needs a startup_probe"
    if _has_cycle({name: tuple(container.get("dependsOn") or ()) for name, container in known.items()}):
        yield "template.containers: depends_on must not form a cycle"


def _has_cycle(needs: Mapping[Any, Sequence[Any]]) -> bool:
    left = {name: {need for need in wanted if need in needs} for name, wanted in needs.items()}
    while ready := [name for name, wanted in left.items() if not wanted]:
        left = {name: wanted - set(ready) for name, wanted in left.items() if name not in ready}
    return bool(left)


def _container(container: Json, *, job: bool, concurrency: int) -> Iterator[str]:
    resources = container.get("resources") or {}
    cpu = run_resources.cpus((resources.get("limits") or {}).get("cpu", run_resources.DEFAULT_CPU))
    effective = concurrency or (80 if cpu is not None and cpu >= 1 else 1)
    trouble = run_resources.problem(
        resources.get("limits") or {},
        job=job,
        cpu_always=bool(resources.get("limits")) and not resources.get("cpuIdle", False),
        concurrency=effective,
    )
    if trouble:
        yield trouble
    yield from _environment(container.get("env") or (), job=job)
    yield from _probe("startup_probe", container.get("startupProbe"), cap=_PROBE_CAP)
    yield from _probe("liveness_probe", container.get("livenessProbe"), cap=3600)
    if len(container.get("ports") or ()) > 1:
        yield "ports: only a single port can be specified"


def _environment(env: Sequence[Json], *, job: bool) -> Iterator[str]:
    names = [entry.get("name") or "" for entry in env]
    reserved = [name for name in names if name in (_RESERVED_IN_JOBS if job else _RESERVED)]
    if reserved:
        yield (
            f"env: The following reserved env names were provided: {', '.join(reserved)}. "
            "These values are automatically set by the system."
        )
    if len(set(names)) != len(names):
        yield "env: names must be unique"
    for entry in env:
        if entry.get("value") and entry.get("valueSource"):
            yield f"env: {entry.get('name')} has both value and value_source"


def _probe(field: str, probe: Json | None, *, cap: int) -> Iterator[str]:
    if not probe:
        return
    period, timeout = int(probe.get("periodSeconds") or 10), int(probe.get("timeoutSeconds") or 1)
    failures, delay = int(probe.get("failureThreshold") or 3), int(probe.get("initialDelaySeconds") or 0)
    if not 0 <= delay <= cap:
        yield f"{field}.initial_delay_seconds: must be between 0 and {cap}"
    if not 1 <= period <= cap:
        yield f"{field}.period_seconds: must be between 1 and {cap}"
    if timeout > period:
        yield f"{field}.timeout_seconds: must be less than or equal to period_seconds"
    if field == "startup_probe" and failures * period > cap:
        yield f"{field}.failure_threshold: failure_threshold * period_seconds must be at most {cap} seconds"
    if sum(action in probe for action in ("httpGet", "tcpSocket", "grpc")) > 1:
        yield f"{field}: exactly one of http_get, tcp_socket, or grpc must be specified"
