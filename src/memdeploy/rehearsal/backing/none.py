"""The backing of a rehearsal without an engine: nothing is started, and nothing claims to have been.

What a cloud would have made is there at once and does nothing: an instance runs no PostgreSQL, a machine executes no
script, a job's task ends with exit code 0 having done no work, a service has no address of its own. The rules then
answer in a service's place with the stand-in, which marks its answers as simulated.
"""

from __future__ import annotations

from collections.abc import Sequence

from memdeploy.rehearsal.backing.protocol import BuildSpec, ContainerSpec, Progress, SqlSpec, VmSpec

_DONE = Progress(done=True)
SPACE = "10.70.0.0/15"


class NoBacking:
    """Implements `Backing`. Holds no state, so it survives the server's death by having nothing to lose."""

    name = "none"

    def registry(self) -> str | None:
        return None

    def hub_ensure(self, prefix: str, images: Sequence[str]) -> Progress:
        """Nothing to copy: the rehearsal answers for the world's hub images itself."""
        return _DONE

    def registry_remove(self) -> None:
        return None

    def free_space(self, before: str | None = None) -> str:
        return SPACE

    def network_ensure(self, key: str, cidr: str) -> None:
        return None

    def network_remove(self, key: str) -> None:
        return None

    def sql_ensure(self, spec: SqlSpec) -> Progress:
        return _DONE

    def sql_user(self, key: str, user: str, password: str | None) -> Progress:
        return _DONE

    def sql_database(self, key: str, database: str, *, present: bool) -> Progress:
        return _DONE

    def sql_running(self, key: str, *, running: bool) -> Progress:
        return _DONE

    def sql_remove(self, key: str) -> None:
        return None

    def disk_ensure(self, key: str) -> None:
        return None

    def disk_remove(self, key: str) -> None:
        return None

    def vm_ensure(self, spec: VmSpec) -> Progress:
        return _DONE

    def vm_remove(self, key: str) -> None:
        return None

    def build_start(self, spec: BuildSpec) -> None:
        return None

    def build_state(self, key: str) -> Progress:
        """No digests: the rules derive them from the build's inputs."""
        return _DONE

    def job_start(self, spec: ContainerSpec) -> None:
        return None

    def job_state(self, key: str) -> Progress:
        return Progress(done=True, exit_code=0)

    def service_start(self, spec: ContainerSpec) -> None:
        return None

    def service_state(self, key: str) -> Progress:
        """No url: there is no container to forward to."""
        return _DONE

    def vm_console(self, key: str) -> str:
        return ""

    def service_log(self, key: str, after: str = "") -> Sequence[tuple[str, str]]:
        return ()

    def service_remove(self, key: str) -> None:
        return None

    def remove_everything(self) -> None:
        return None
