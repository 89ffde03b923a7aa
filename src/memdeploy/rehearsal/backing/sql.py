"""A Cloud SQL instance as a real PostgreSQL with pgvector, as far as Google documents what API users meet there.

The superuser is `cloudsqladmin`, for the container's own root over its socket only. `postgres` and users made through
the API are members of `cloudsqlsuperuser` with CREATEDB and CREATEROLE, no superusers
(https://docs.cloud.google.com/sql/docs/postgres/users), and may make the extensions that Google supports, vector among
them (https://docs.cloud.google.com/sql/docs/postgres/extensions): plain PostgreSQL needs `trusted` for that.
Connections are encrypted (sslMode ENCRYPTED_ONLY) with the certificate that the rehearsal gives, or come by the socket
that stands for Cloud SQL's connector; an instance without a private address has no other way in.
"""

from __future__ import annotations

import io
import tarfile
from typing import Any

from memdeploy.rehearsal.backing import images
from memdeploy.rehearsal.backing.engine import BackingError, Engine, remove, run
from memdeploy.rehearsal.backing.images import Images
from memdeploy.rehearsal.backing.networks import Networks
from memdeploy.rehearsal.backing.protocol import Progress, SqlSpec

KIND, SOCKET = "sql", "cloudsql"
ADMIN = "cloudsqladmin"
SOCKETS = "/var/run/postgresql"
FILES = "/memdeploy"
CONNECTOR = f"{FILES}/connector"
"The folder of the socket that services and jobs are given; a volume."
NO_CONNECTION = 2  # psql(1), exit status
HBA = f"""\
local all {ADMIN} peer map=own
local all all scram-sha-256
hostssl all {ADMIN} all reject
hostssl all all all scram-sha-256
"""
IDENT = f"own root {ADMIN}\nown postgres {ADMIN}\n"
# The image's own entry point follows: it makes the data folder on the first start and then becomes the server.
ENTRY = f"""\
set -eu
install -o postgres -g postgres -m 600 {FILES}/given/server.key {FILES}/server.key
install -o postgres -g postgres -m 644 {FILES}/given/server.crt {FILES}/server.crt
install -d -o postgres -g postgres -m 755 {CONNECTOR}
POSTGRES_PASSWORD=$(head -c 24 /dev/urandom | base64) exec "$@"
"""
SETTINGS = {
    "ssl": "on",
    "ssl_cert_file": f"{FILES}/server.crt",
    "ssl_key_file": f"{FILES}/server.key",
    "hba_file": f"{FILES}/pg_hba.conf",
    "ident_file": f"{FILES}/pg_ident.conf",
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": f"{SOCKETS},/tmp,{CONNECTOR}",
    "log_min_error_statement": "panic",
}
ROLES = r"""
SELECT 'CREATE ROLE cloudsqlsuperuser CREATEDB CREATEROLE'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudsqlsuperuser') \gexec
SELECT 'CREATE ROLE postgres LOGIN CREATEDB CREATEROLE IN ROLE cloudsqlsuperuser'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres') \gexec
ALTER DATABASE postgres OWNER TO cloudsqlsuperuser;
"""
USER = r"""
\getenv name MEMDEPLOY_USER
\getenv password MEMDEPLOY_PASSWORD
SELECT format('CREATE ROLE %I LOGIN CREATEDB CREATEROLE IN ROLE cloudsqlsuperuser', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
"""
NO_USER = r"""
\getenv name MEMDEPLOY_USER
DROP ROLE IF EXISTS :"name";
"""
DATABASE = r"""
\getenv name MEMDEPLOY_DATABASE
SELECT format('CREATE DATABASE %I OWNER cloudsqlsuperuser', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
"""
NO_DATABASE = r"""
\getenv name MEMDEPLOY_DATABASE
DROP DATABASE IF EXISTS :"name" WITH (FORCE);
"""
TRUST = """\
share=$(psql -qAtX -h /tmp -U cloudsqladmin -d cloudsqladmin -c "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'")
control=$share/extension/vector.control
grep -q '^trusted' "$control" || echo 'trusted = true' >>"$control"
"""


class NotAccepting(BackingError):
    """The server starts or stops just now."""


class Sql:
    def __init__(self, engine: Engine, available: Images, networks: Networks) -> None:
        self._engine = engine
        self._images = available
        self._networks = networks
        self._furnished: set[str] = set()

    def ensure(self, spec: SqlSpec) -> Progress:
        image = images.postgres(spec.version)
        fetched = self._images.progress(image)
        if not fetched.done or fetched.error:
            return fetched
        with self._engine.lock(self._engine.name(KIND, spec.key)):
            found = self._engine.finished(KIND, spec.key)
            if found is None:
                self._create(spec, image).start()
            else:
                self._join(found, spec)
        return self._ready(spec.key)

    def _join(self, found: Any, spec: SqlSpec) -> None:
        """A private address that was added later."""
        network = self._networks.get(spec.network) if spec.network else None
        if network is not None and network.name not in found.attrs["NetworkSettings"]["Networks"]:
            network.connect(found, ipv4_address=spec.address)

    def _create(self, spec: SqlSpec, image: str) -> Any:
        client = self._engine.client
        network = self._networks.get(spec.network) if spec.network else self._networks.anywhere(spec.key)
        endpoint = client.api.create_endpoint_config(ipv4_address=spec.address or None)
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        made = client.containers.create(
            image,
            [*settings],
            name=self._engine.name(KIND, spec.key),
            entrypoint=["sh", f"{FILES}/entry.sh", *_entry_point(client, image)],
            labels=self._engine.labels(KIND, spec.key),
            environment={"POSTGRES_USER": ADMIN, "PGDATA": "/var/lib/postgresql/data"},
            volumes={
                self._engine.volume(KIND, spec.key): {"bind": "/var/lib/postgresql/data", "mode": "rw"},
                self._engine.volume(SOCKET, spec.key): {"bind": CONNECTOR, "mode": "rw"},
            },
            network=network.name,
            networking_config={network.name: endpoint},
            shm_size="256m",
            security_opt=["no-new-privileges"],
        )
        made.put_archive("/", _files(spec))
        return made

    def running(self, key: str, *, running: bool) -> Progress:
        """`activationPolicy`: NEVER stops the server and keeps its data."""
        found = self._get(key)
        if not running:
            if found.status == "running":
                found.kill("SIGINT")
            return Progress(done=found.status == "exited")
        if found.status != "running":
            found.start()
        return self._ready(key)

    def _ready(self, key: str) -> Progress:
        found = self._get(key)
        if found.status == "exited":
            log = found.logs(tail=20).decode(errors="replace")
            return Progress(done=True, error="the database server stopped", log=log)
        if run(found, "pg_isready", "-q", "-h", "127.0.0.1")[0] != 0:
            return Progress(done=False)
        self._furnish(found)
        return Progress(done=True)

    def _furnish(self, found: Any) -> None:
        """Once a container (and harmlessly again by a restarted server): what Cloud SQL has from the start."""
        if found.id not in self._furnished:
            run(found, "sh", "-c", TRUST)
            self._sql(found, ROLES)
            self._furnished.add(found.id)

    def user(self, key: str, user: str, password: str | None) -> Progress:
        if password is None:
            return self._look(key, NO_USER, MEMDEPLOY_USER=user)
        return self._look(key, USER, MEMDEPLOY_USER=user, MEMDEPLOY_PASSWORD=password)

    def database(self, key: str, database: str, *, present: bool) -> Progress:
        return self._look(key, DATABASE if present else NO_DATABASE, MEMDEPLOY_DATABASE=database)

    def _look(self, key: str, script: str, **env: str) -> Progress:
        found = self._get(key)
        if found.id not in self._furnished or found.status != "running":
            ready = self._ready(key)
            if not ready.done or ready.error:
                return ready
        try:
            self._sql(found, script, **env)
        except NotAccepting:
            return Progress(done=False)
        except BackingError as refused:
            return Progress(done=True, error=str(refused))
        return Progress(done=True)

    def _sql(self, container: Any, script: str, **env: str) -> str:
        """psql reads the script from its environment, never from its arguments."""
        command = 'printf "%s" "$MEMDEPLOY_SCRIPT" | psql -qAtX -v ON_ERROR_STOP=1 -h /tmp -U "$0" -d postgres'
        code, output = run(container, "sh", "-c", command, ADMIN, env={"MEMDEPLOY_SCRIPT": script, **env})
        if code == NO_CONNECTION:
            raise NotAccepting(output)
        if code != 0:
            raise BackingError(output.splitlines()[-1] if output else f"psql exits {code}")
        return output

    def _get(self, key: str) -> Any:
        found = self._engine.container(KIND, key)
        if found is None:
            raise BackingError(f"there is no database server for {key}")
        return found

    def remove(self, key: str) -> None:
        found = self._engine.container(KIND, key)
        if found is not None:
            remove(found)
        for kind in (KIND, SOCKET):
            self._engine.volume_remove(kind, key)
        self._networks.vacate(key)


def _entry_point(client: Any, image: str) -> list[str]:
    return list(client.images.get(image).attrs["Config"]["Entrypoint"] or [])


def _files(spec: SqlSpec) -> bytes:
    """A tar of what the server is given; the TLS key is the rehearsed cloud's own, no secret of a user."""
    files = {
        "entry.sh": (ENTRY, 0o755),
        "pg_hba.conf": (HBA, 0o644),
        "pg_ident.conf": (IDENT, 0o644),
        "given/server.crt": (spec.certificate, 0o644),
        "given/server.key": (spec.private_key, 0o600),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (text, mode) in files.items():
            member = tarfile.TarInfo(f"{FILES.strip('/')}/{name}")
            member.size, member.mode = len(text.encode()), mode
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
