"""SQL as the container's own superuser, over its socket: nobody needs a password there, and no argument holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.secret import heard

if TYPE_CHECKING:
    from docker import DockerClient

SUPERUSER = "postgres"
_RUN = 'printf "%s" "$MEMDEPLOY_SCRIPT" | psql -qAtX -v ON_ERROR_STOP=1 -U "$0" -d postgres'


def psql(client: DockerClient, container: str, script: str, **values: str) -> str:
    """What it prints. The script takes `values` by `\\getenv name VARIABLE`. Raises `CloudError`, UNAVAILABLE when the
    server does not answer."""
    started = client.api.exec_create(
        container, ["sh", "-c", _RUN, SUPERUSER], environment={"MEMDEPLOY_SCRIPT": script, **values}
    )
    said = client.api.exec_start(started["Id"]).decode(errors="replace").strip()
    code = client.api.exec_inspect(started["Id"])["ExitCode"]
    if code == 0:
        return str(said)
    kind = ErrorKind.UNAVAILABLE if code == 2 else ErrorKind.INVALID  # 2: psql lost or got no connection
    last = heard(said).splitlines()[-1] if said else f"psql ended with {code}"
    raise CloudError(f"PostgreSQL refuses: {last}", kind=kind, service="postgres")
