"""`docker` on a rehearsed machine, carried out: checked first, then done in the engine, in the machine's own network.

What runs is a container beside the machine's, never inside it, without the engine's default capabilities except those
with which an image's entry point gives its files to a user and becomes it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from memdeploy.rehearsal.backing import arguments
from memdeploy.rehearsal.backing.arguments import Mount, Refused, RunRequest
from memdeploy.rehearsal.backing.engine import Engine, fingerprint, remove
from memdeploy.rehearsal.backing.registry import Registry
from memdeploy.rehearsal.backing.sockets import Readable, Result

GUEST = "guest"
MEMORY = "memory"
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]
FIELD = re.compile(r"\{\{\s*((?:\.\w+)+)\s*\}\}")
SYMLINK = 1 << 27
"os.ModeSymlink of Go, in which the engine tells a file's mode."


class MachineDocker:
    """The function behind one machine's socket."""

    def __init__(self, engine: Engine, registry: Registry, machine: str) -> None:
        self._engine = engine
        self._registry = registry
        self._machine = machine

    def __call__(self, argv: list[str], stdin: Readable) -> Result:
        from docker.errors import DockerException

        commands: dict[str, Callable[[list[str]], Result]] = {
            "login": functools.partial(self._login, stdin),
            "pull": self._pull,
            "run": self._run,
            "rm": self._rm,
            "stop": self._stop,
            "start": self._start,
            "inspect": self._inspect,
            "logs": self._logs,
        }
        command = commands.get(argv[0] if argv else "")
        try:
            if command is None:
                raise Refused(f"'{' '.join(argv[:1])}' is not among the commands of docker that are known here")
            return command(argv[1:])
        except Refused as refused:
            return Result(125, err=f"docker: {refused}\n")
        except DockerException as error:
            text = getattr(error, "explanation", None) or str(error)
            return Result(125, err=f"docker: Error response from daemon: {text}\n")

    def _login(self, stdin: Readable, argv: list[str]) -> Result:
        """The loopback registry asks for nothing; that a token was there is what can be seen."""
        if "--password-stdin" not in argv:
            raise Refused("login: give the password by --password-stdin, never as an argument")
        if not stdin.read().strip():
            return Result(1, err="Error: Password required\n")
        if argv[-1] != self._registry.address():
            return Result(1, err=f"Error response from daemon: Get https://{argv[-1]}/v2/: no such host\n")
        return Result(0, out="Login Succeeded\n")

    def _pull(self, argv: list[str]) -> Result:
        _, rest = arguments.options(argv)
        image = arguments.image_by_digest((rest or [""])[0], self._registry.address())
        self._fetch(image)
        return Result(0, out=f"{image}\n")

    def _fetch(self, image: str) -> None:
        """Always asks the registry: what is gone there is gone, though the engine may still have it."""
        if self._registry.digest(image) is None:
            raise Refused(f"Error response from daemon: manifest for {image} not found: manifest unknown")
        self._engine.client.images.pull(image)

    def _run(self, argv: list[str]) -> Result:
        request = arguments.parse_run(argv, self._registry.address())
        self._fetch(request.image)
        made = self._create(request)
        made.start()
        if request.detach:
            return Result(0, out=f"{made.id}\n")
        code = int(made.wait()["StatusCode"])
        out, err = (made.logs(stdout=o, stderr=not o).decode(errors="replace") for o in (True, False))
        if request.remove:
            remove(made)
        return Result(code, out=out, err=err)

    def _create(self, request: RunRequest) -> Any:
        machine = self._engine.container("vm", self._machine)
        if machine is None:
            raise Refused("Cannot connect to the Docker daemon: the machine is gone")
        label = request.name or fingerprint(" ".join((request.image, *request.command)))
        return self._engine.client.containers.create(
            request.image,
            list(request.command) or None,
            name=self._inner(label),
            labels=self._engine.labels(GUEST, f"{self._machine}/{label}", vm=machine.name, guest=label),
            network_mode=f"container:{machine.id}",
            environment=dict(request.env),
            user=request.user or None,
            working_dir=request.workdir or None,
            read_only=request.read_only,
            tmpfs=dict.fromkeys(request.tmpfs, ""),
            mem_limit=request.memory or None,
            volumes=[self._bind(machine, mount) for mount in request.mounts],
            # A machine's restart runs its script again; the engine restarts only what fails while the machine is up.
            restart_policy={"Name": "on-failure"} if request.restarts else None,
            cap_drop=["ALL"],
            cap_add=CAPABILITIES,
            security_opt=["no-new-privileges"],
        )

    def _bind(self, machine: Any, mount: Mount) -> str:
        """The folder of the volume that the machine has mounted there, for the engine on this host."""
        inside = f"/rehearsal/disks/{mount.disk}" if mount.disk else "/run"
        volume = next((m for m in machine.attrs["Mounts"] if m["Destination"] == inside), None)
        if volume is None:
            raise Refused(f"{inside}: no such disk")
        self._check_path(machine, inside, mount.path)
        return f"{volume['Source']}/{mount.path}:{mount.target}:{'ro' if mount.read_only else 'rw'}"

    def _check_path(self, machine: Any, root: str, path: str) -> None:
        """Every part must be there and none a link: the engine would follow one out of the volume, on the host."""
        from docker.errors import NotFound

        walked = root
        for part in path.split("/"):
            walked = f"{walked}/{part}"
            try:
                stream, stat = machine.get_archive(walked)
            except NotFound:
                raise Refused(f"bind source path does not exist: {walked}") from None
            stream.close()
            if stat["mode"] & SYMLINK:
                raise Refused(f"{walked} is a link; only plain folders and files may be mounted")

    def _inner(self, name: str) -> str:
        return self._engine.name(GUEST, f"{self._machine}/{name}")

    def _find(self, argv: list[str]) -> list[tuple[str, Any | None]]:
        """The containers that a command names, by this machine's names."""
        found = []
        for name in (word for word in argv if not word.startswith("-")):
            inner = self._engine.container_named(self._inner(name))
            found.append((name, inner))
        return found

    def _each(self, argv: list[str], work: Callable[[Any], None]) -> Result:
        out, err = "", ""
        for name, inner in self._find(argv):
            if inner is None:
                err += f"Error response from daemon: No such container: {name}\n"
            else:
                work(inner)
                out += f"{name}\n"
        return Result(1 if err else 0, out=out, err=err)

    def _rm(self, argv: list[str]) -> Result:
        """`rm -f NAME…`."""
        if not {"-f", "--force", "-fv", "-vf"} & set(argv):
            raise Refused("rm: only with --force here")
        return self._each(argv, remove)

    def _stop(self, argv: list[str]) -> Result:
        seconds, rest = _timeout(argv)
        return self._each(rest, lambda inner: inner.stop(timeout=seconds))

    def _start(self, argv: list[str]) -> Result:
        return self._each(argv, lambda inner: inner.start())

    def _inspect(self, argv: list[str]) -> Result:
        template, rest = _format(argv)
        out = ""
        for name, inner in self._find(rest):
            if inner is None:
                return Result(1, out=out, err=f"Error: No such object: {name}\n")
            out += (render(template, inner.attrs) if template else json.dumps([inner.attrs])) + "\n"
        return Result(0, out=out)

    def _logs(self, argv: list[str]) -> Result:
        inner = next((inner for _, inner in self._find(argv[-1:])), None)
        if inner is None:
            return Result(1, err=f"Error: No such container: {argv[-1] if argv else ''}\n")
        return Result(0, out=inner.logs(tail=1000).decode(errors="replace"))


def render(template: str, attrs: Any) -> str:
    """`{{.State.Status}}` and the like; other templates are refused rather than guessed."""

    def value(match: re.Match[str]) -> str:
        found = attrs
        for part in match[1].strip(".").split("."):
            if not isinstance(found, dict) or part not in found:
                raise Refused(f"template: no such field {match[1]}")
            found = found[part]
        return str(found).lower() if isinstance(found, bool) else str(found)

    text = FIELD.sub(value, template)
    if "{{" in text:
        raise Refused(f"template: only fields such as {{{{.State.Status}}}} are known here, not {template}")
    return text


def _format(argv: list[str]) -> tuple[str, list[str]]:
    for flag in ("-f", "--format"):
        if flag in argv[:-1]:
            at = argv.index(flag)
            return argv[at + 1], argv[:at] + argv[at + 2 :]
    return "", argv


def _timeout(argv: list[str]) -> tuple[int, list[str]]:
    for flag in ("-t", "--time", "--timeout"):
        if flag in argv[:-1]:
            at = argv.index(flag)
            return int(argv[at + 1]), argv[:at] + argv[at + 2 :]
    return 10, argv
