"""What could keep `up` from its end, looked at before anything is made. Each check yields what it found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from memdeploy.config.model import KEYLESS
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.local import ports, sizes
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers.environment import external, offline
from memdeploy.providers.local.containers.service import Service
from memdeploy.providers.local.scope import Scope

ARCHITECTURES = frozenset({"x86_64", "amd64", "aarch64", "arm64"})
"Those that the release's hash lock and the public images have wheels and layers for."
OLDEST_API = (1, 41)  # `host-gateway`, and what a rootless engine says of itself: Docker 20.10, podman 4
MEBIBYTE = 1024 * 1024
DISK = 6 * 1024 * MEBIBYTE
"What the three images, their layers while one is built, and the first memories take."
LITTLE = 1024 * MEBIBYTE
_SOCKETS = frozenset({"http+docker://localhost", "http+docker://localnpipe"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Facts:
    """`info`: GET /info of the engine; `api`: its API's version; `url`: where it is asked."""

    scope: Scope
    info: Mapping[str, Any]
    api: str
    url: str


def passed(check: str, text: str) -> Finding:
    return Finding(check, Verdict.PASSED, text)


def failed(check: str, code: str, text: str, remedy: str) -> Finding:
    return Finding(check, Verdict.FAILED, text, code, remedy)


def warning(check: str, code: str, text: str, remedy: str) -> Finding:
    return Finding(check, Verdict.WARNING, text, code, remedy)


def facts(scope: Scope) -> Facts:
    client = scope.engine.client
    return Facts(scope, scope.engine.info, str(client.api.api_version), str(client.api.base_url))


def every(known: Facts) -> list[Finding]:
    return [finding for check in CHECKS for finding in check(known)]


def engine(known: Facts) -> Iterable[Finding]:
    """On this machine: published ports are its loopback's."""
    name = f"{known.info.get('OperatingSystem') or 'engine'}, API {known.api}"
    if not on_this_machine(known.url):
        yield failed(
            "engine", "engine-elsewhere", f"the container engine at {known.url} is on another machine",
            "Unset DOCKER_HOST (and the docker context) to use this machine's, or use --runtime embedded.",
        )  # fmt: skip
    elif tuple(int(part) for part in known.api.split(".")[:2]) < OLDEST_API:
        yield failed(
            "engine", "engine-too-old", f"the container engine is too old ({name})",
            "Update to Docker 20.10, podman 4 or newer.",
        )  # fmt: skip
    elif known.info.get("OSType", "linux") != "linux":
        yield failed(
            "engine", "engine-not-linux", f"the container engine runs {known.info['OSType']} containers",
            "Switch it to Linux containers.",
        )  # fmt: skip
    else:
        yield passed("engine", f"answers: {name}{', rootless' if rootless(known.info) else ''}")


def on_this_machine(url: str) -> bool:
    """A socket, a named pipe or the loopback address, as docker's SDK 7 writes them; by ssh it is elsewhere."""
    return url in _SOCKETS or (url.startswith("http://") and urlsplit(url).hostname in _LOOPBACK)


def architecture(known: Facts) -> Iterable[Finding]:
    found = str(known.info.get("Architecture"))
    if found in ARCHITECTURES:
        yield passed("architecture", f"{found}: the image is built for it")
    else:
        yield failed(
            "architecture", "architecture-unknown", f"MemMachine's packages are not made for {found}",
            "Use a machine with an amd64 or arm64 processor.",
        )  # fmt: skip


def limits(known: Facts) -> Iterable[Finding]:
    """A rootless engine without delegated cgroups runs containers without limits."""
    asked = {"memory": "MemoryLimit", "processors": "CpuCfsQuota"}
    missing = [word for word, field in asked.items() if not known.info.get(field, True)]
    if missing:
        yield warning(
            "limits", "no-limits", f"this engine cannot limit {' and '.join(missing)}: containers run without",
            "Nothing fails because of it. Rootless engines need cgroup v2 and its controllers delegated.",
        )  # fmt: skip
    else:
        yield passed("limits", "memory and processors can be limited")


def memory(known: Facts) -> Iterable[Finding]:
    deployment = known.scope.deployment
    instances = deployment.service.instances.min or 1
    needed = sizes.of(deployment.profile, deployment.service).total(
        instances, neo4j=not external(deployment), model=offline(deployment)
    )
    there = int(known.info.get("MemTotal") or 0) // MEBIBYTE
    if not there or there >= needed:
        yield passed("memory", f"{needed} MiB at most, of {there} MiB that the engine has")
    elif there < 2048:
        yield failed(
            "memory", "too-little-memory", f"the engine has {there} MiB of memory, and all servers together need 2048",
            "Give it more (Docker Desktop: Settings, Resources), or use --runtime embedded.",
        )  # fmt: skip
    else:
        yield warning(
            "memory", "little-memory", f"the engine has {there} MiB of memory, the limits come to {needed} MiB",
            "Use --profile small, or give the engine more.",
        )  # fmt: skip


def disk(known: Facts) -> Iterable[Finding]:
    """Of the engine where its folder is this machine's, and of the deployment's folder."""
    root = Path(str(known.info.get("DockerRootDir") or "/nowhere"))
    room = free_bytes(root)
    if room is None:
        yield passed("disk", "the engine does not show its disk")
    elif room < LITTLE:
        yield failed(
            "disk", "disk-full", f"{root} has {room // MEBIBYTE} MiB left",
            "Make room (`docker system df` shows what the engine holds).",
        )  # fmt: skip
    elif room < DISK:
        yield warning(
            "disk", "disk-small", f"{root} has {room // MEBIBYTE} MiB left; images and a build take up to"
            f" {DISK // MEBIBYTE}", "Make room if the images are not there yet.",
        )  # fmt: skip
    else:
        yield passed("disk", f"{room // (1024 * MEBIBYTE)} GiB left in {root}")
    yield from _folder(known.scope)


def _folder(scope: Scope) -> Iterable[Finding]:
    """Secrets take a few KiB; a file system without any room cannot hold them."""
    there = next((one for one in (scope.folder, *scope.folder.parents) if one.exists()), Path("/"))
    room = free_bytes(there)
    if not os.access(there, os.W_OK):
        yield failed(
            "folder", "folder-read-only", f"{there} cannot be written to", "Name another place with --local-folder."
        )
    elif room is not None and room < MEBIBYTE:
        yield failed(
            "folder", "folder-full", f"the disk of {there} is full",
            "Make room, or name another place with --local-folder.",
        )  # fmt: skip
    else:
        yield passed("folder", f"secrets are kept in {scope.folder}")


def port(known: Facts) -> Iterable[Finding]:
    scope = known.scope
    if ports.is_free(scope.port):
        yield passed("port", f"127.0.0.1:{scope.port} is free")
    elif _ours(scope):
        yield passed("port", f"127.0.0.1:{scope.port} is this deployment's")
    else:
        yield failed(
            "port", "port-taken", f"somebody else listens on 127.0.0.1:{scope.port}",
            "End that program, or choose another port with --local-port.",
        )  # fmt: skip


def _ours(scope: Scope) -> bool:
    live = looking.of_role(scope, Service.role)
    return any(looking.seen(one)["port"] == scope.port and one.status == looking.RUNNING for one in live)


def model_key(known: Facts) -> Iterable[Finding]:
    context, model = known.scope.context, known.scope.deployment.model
    source = model.source
    if context.model_key is not None:
        yield passed("model-key", "given")
    elif source is None or model.provider in KEYLESS:
        yield passed("model-key", f"{model.provider} needs none")
    elif "secret.model" in context.records:
        yield passed("model-key", "the stored one is kept")
    else:
        where = f"environment variable {source.env}" if source.env else f"file {source.file}"
        yield failed(
            "model-key", "model-key-missing", f"there is no key for the model: {where} is empty",
            "Set it, or name another place in model.key.",
        )  # fmt: skip


CHECKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    engine, architecture, limits, memory, disk, port, model_key,
)  # fmt: skip


def rootless(info: Mapping[str, Any]) -> bool:
    return any("rootless" in str(option) for option in info.get("SecurityOptions") or ())


def free_bytes(path: Path) -> int | None:
    """For whoever runs this; None where the path is not this machine's (the engine is in a virtual one)."""
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
