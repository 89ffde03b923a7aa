"""What a machine may ask of `docker`: a closed list of flags, read as the real command line reads them.

Anything else is refused by name: privileges, devices, other namespaces, other registries, and mounts of anything but
the machine's own disk and memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DISK_ROOT = "/rehearsal/disks/"
MEMORY_ROOT = "/run/"
SWITCHES = frozenset(("-d", "--detach", "--rm", "--read-only", "-q", "--quiet"))
VALUES = frozenset(
    (
        *("--name", "--network", "--net", "--restart", "--stop-timeout", "--log-driver", "--log-opt", "--mount"),
        *("-v", "--volume", "-e", "--env", "-u", "--user", "--cap-drop", "--security-opt", "-m", "--memory"),
        *("--tmpfs", "-p", "--publish", "--pull", "-w", "--workdir"),
    )
)
LONG = {
    "-d": "--detach",
    "-v": "--volume",
    "-e": "--env",
    "-u": "--user",
    "-m": "--memory",
    "-p": "--publish",
    "--net": "--network",
    "-w": "--workdir",
    "-q": "--quiet",
}
DIGEST = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")


class Refused(Exception):
    """Why a command is not carried out."""


@dataclass(frozen=True)
class Mount:
    """`disk`: a disk's device name, or None for the machine's memory; `path` below its root."""

    disk: str | None
    path: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class RunRequest:
    """`docker run`, checked."""

    image: str
    command: tuple[str, ...]
    name: str
    detach: bool
    remove: bool
    restarts: bool
    stop_timeout: int
    user: str
    workdir: str
    memory: str
    read_only: bool
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()


def options(argv: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """(flag -> its values, the rest from the first operand on)."""
    found: dict[str, list[str]] = {}
    words = list(argv)
    while words and words[0].startswith("-"):
        flag, equals, value = words.pop(0).partition("=")
        if flag in SWITCHES:
            if value not in ("", "true"):
                raise Refused(f"{flag}={value} is not known here")
        elif flag not in VALUES:
            raise Refused(f"the flag {flag} is not allowed here")
        elif not equals:
            if not words:
                raise Refused(f"flag needs an argument: {flag}")
            value = words.pop(0)
        found.setdefault(LONG.get(flag, flag), []).append(value)
    return found, words


def parse_run(argv: Sequence[str], registry: str) -> RunRequest:
    """`argv` follows `run`. `registry`: the only place that images come from."""
    flags, rest = options(argv)
    if not rest:
        raise Refused("docker run requires an image")
    last = {flag: values[-1] for flag, values in flags.items()}
    name = last.get("--name", "")
    if name and not NAME.fullmatch(name):
        raise Refused(f"invalid container name ({name})")
    _check_network(last.get("--network"), flags.get("--publish", []))
    _check_only("--log-driver", flags, ("json-file", "local"))
    _check_only("--security-opt", flags, ("no-new-privileges", "no-new-privileges:true"))
    return RunRequest(
        image=image_by_digest(rest[0], registry),
        command=tuple(rest[1:]),
        name=name,
        detach="--detach" in flags,
        remove="--rm" in flags,
        restarts=last.get("--restart", "no").partition(":")[0] != "no",
        stop_timeout=_number(last.get("--stop-timeout", "10")),
        user=last.get("--user", ""),
        workdir=last.get("--workdir", ""),
        memory=last.get("--memory", ""),
        read_only="--read-only" in flags,
        env=dict(_variable(text) for text in flags.get("--env", [])),
        mounts=(*map(parse_mount, flags.get("--mount", [])), *map(parse_volume, flags.get("--volume", []))),
        tmpfs=tuple(text.partition(":")[0] for text in flags.get("--tmpfs", [])),
    )


def image_by_digest(reference: str, registry: str) -> str:
    if not reference.startswith(f"{registry}/"):
        raise Refused(f"{reference}: a machine here pulls from {registry} only, the registry that the API names")
    if not DIGEST.fullmatch(reference):
        raise Refused(f"{reference}: an image is named by digest here (…@sha256:…)")
    return reference


def parse_mount(text: str) -> Mount:
    """`type=bind,source=S,target=T[,readonly]`."""
    fields = {key: value for key, _, value in (part.partition("=") for part in text.split(","))}
    if fields.get("type") != "bind":
        raise Refused(f"--mount {text}: only type=bind is known here")
    unknown = set(fields) - {"type", "source", "src", "target", "dst", "destination", "readonly", "ro"}
    if unknown:
        raise Refused(f"--mount {text}: {sorted(unknown)[0]} is not allowed here")
    source = fields.get("source") or fields.get("src", "")
    target = fields.get("target") or fields.get("dst") or fields.get("destination", "")
    read_only = any(key in fields and fields[key] in ("", "true", "1") for key in ("readonly", "ro"))
    return _mount(source, target, read_only=read_only)


def parse_volume(text: str) -> Mount:
    """`S:T[:ro|rw]`."""
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if mode not in ("", "ro", "rw"):
        raise Refused(f"-v {text}: the mode {mode} is not allowed here")
    return _mount(source, target, read_only=mode == "ro")


def _mount(source: str, target: str, *, read_only: bool) -> Mount:
    if not target.startswith("/"):
        raise Refused(f"invalid mount path: '{target}' must be absolute")
    if ".." in source.split("/"):
        raise Refused(f"{source}: a mount's source may not hold ..")
    if source.startswith(MEMORY_ROOT):
        return Mount(None, source.removeprefix(MEMORY_ROOT), target, read_only)
    disk, _, path = source.removeprefix(DISK_ROOT).partition("/")
    if not source.startswith(DISK_ROOT) or not (path == "fs" or path.startswith("fs/")):
        raise Refused(f"{source}: only the mounted disk and {MEMORY_ROOT} may be mounted into a container here")
    return Mount(disk, path, target, read_only)


def _check_network(network: str | None, published: Sequence[str]) -> None:
    """A container here shares its machine's network; publishing a port on itself comes to the same."""
    if network == "host":
        return
    if network is not None and network != "bridge":
        raise Refused(f"--network {network}: host is what is known here")
    for text in published:
        parts = text.removesuffix("/tcp").split(":")
        if len(parts) < 2 or parts[-1] != parts[-2]:
            raise Refused(f"-p {text}: publish a port under its own number, or use --network host")


def _check_only(flag: str, flags: Mapping[str, Sequence[str]], allowed: Sequence[str]) -> None:
    for value in flags.get(flag, []):
        if value not in allowed:
            raise Refused(f"{flag} {value} is not allowed here")


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Refused(f"-e {name}: give the value")
    return name, value


def _number(text: str) -> int:
    if not text.isdigit():
        raise Refused(f"invalid number: {text}")
    return int(text)
