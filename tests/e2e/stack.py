"""Real servers as the cloud lays them out: TLS only, a user without superuser rights, a model, one network.

Everything carries one label with a random id and is removed by it.
"""

from __future__ import annotations

import io
import os
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network

from memdeploy.memmachine import offline_model
from tests.e2e.certificates import Authority, self_signed

PYTHON, POSTGRES, NEO4J = "python:3.12-slim-trixie", "pgvector/pgvector:pg17", "neo4j:5.26-community"
RELEASES = ("0.4.0", "0.3.9", "0.2.6")
IMAGE_OF = {
    release: f"{os.environ.get('MEMDEPLOY_RIG_MEMMACHINE', 'memdeploy-rig/memmachine')}:{release}"
    for release in RELEASES
}
MEMMACHINE = IMAGE_OF[RELEASES[0]]
IMAGES = (PYTHON, POSTGRES, NEO4J, *IMAGE_OF.values())
LABEL = "memdeploy.test"
REJECTED_KEY = "rejected-canary-key-5521"
NEO4J_PASSWORD = "n/eo@:{}$1a \"B' $HOME%23#?"
HBA = "local all all trust\nhostssl all all all scram-sha-256\n"


@dataclass(frozen=True)
class Ended:
    """A container that ran to its end."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Stack:
    engine: docker.DockerClient
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    neo4j_password: str = NEO4J_PASSWORD
    network: Network | None = None
    prefix: str = ""
    authority: Authority = field(default_factory=lambda: Authority("rig sql authority"))
    neo4j_certificate: str = ""
    java: str = "quick"
    "`full`: the rig's Neo4j compiles as the official image does, for what is measured."
    model: Container | None = None
    postgres: Container | None = None
    neo4j: Container | None = None

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL: self.id}

    # -- up and down --------------------------------------------

    def start(self) -> None:
        self._make_network()
        self._start_model()
        self._start_postgres()
        self._start_neo4j(self.neo4j_password)
        self.await_postgres(180)
        self._exec(["sh", "-c", "echo 'trusted = true' >> /usr/share/postgresql/17/extension/vector.control"])

    def remove(self) -> None:
        filters = {"label": f"{LABEL}={self.id}"}
        for container in self.engine.containers.list(all=True, filters=filters):
            container.remove(force=True, v=True)
        for network in self.engine.networks.list(filters=filters):
            network.remove()

    def _make_network(self) -> None:
        """The first /24 that neither the host nor another network uses: the engine itself refuses overlaps."""
        for third in range(256):
            prefix = f"10.237.{third}"
            pool = docker.types.IPAMPool(subnet=f"{prefix}.0/24")
            ipam = docker.types.IPAMConfig(pool_configs=[pool])
            try:
                self.network = self.engine.networks.create(f"memdeploy-test-{self.id}", labels=self.labels, ipam=ipam)
            except APIError:
                continue
            self.prefix = prefix
            return
        raise AssertionError("no free /24 in 10.237.0.0/16")

    def _start_model(self) -> None:
        source = Path(offline_model.__file__).read_bytes()
        environment = {"OFFLINE_MODEL_DELAY_FILE": "/delay"}
        self.model = self.create(
            PYTHON, ["python3", "-u", "/model.py"], alias=offline_model.ALIAS, environment=environment
        )
        put(self.model, "/", {"model.py": (source, 0o644, 0)})
        self.model.start()

    def _start_postgres(self) -> None:
        key, certificate = self.authority.issue(self.address(3))
        tls = {
            "tls/server.key": (key, 0o600, 999),
            "tls/server.crt": (certificate, 0o644, 999),
            "tls/pg_hba.conf": (HBA.encode(), 0o644, 999),
        }
        options = {"ssl": "on", "ssl_cert_file": "/tls/server.crt", "ssl_key_file": "/tls/server.key"}
        options |= {"hba_file": "/tls/pg_hba.conf", "fsync": "off"}
        command = ["postgres", *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]
        self.postgres = self.create(POSTGRES, command, address=3, environment={"POSTGRES_PASSWORD": "administrator"})
        put(self.postgres, "/", tls)
        self.postgres.start()

    def _start_neo4j(self, password: str) -> None:
        key, certificate = self_signed(self.address(5))
        self.neo4j_certificate = certificate.decode()
        policy = "NEO4J_dbms_ssl_policy_bolt_"
        environment = {
            "NEO4J_AUTH_FILE": "/auth/neo4j", "NEO4J_server_bolt_tls__level": "REQUIRED",
            f"{policy}enabled": "true", f"{policy}base__directory": "/tls", f"{policy}private__key": "private.key",
            f"{policy}public__certificate": "public.crt", f"{policy}client__auth": "NONE", "RIG_JAVA": self.java,
        }  # fmt: skip
        self.neo4j = self.create(NEO4J, None, address=5, environment=environment)
        put(self.neo4j, "/", {
            "auth/neo4j": (f"neo4j/{password}".encode(), 0o400, 7474),
            "tls/private.key": (key, 0o600, 7474),
            "tls/public.crt": (certificate, 0o644, 7474),
        })  # fmt: skip
        self.neo4j.start()

    # -- pieces --------------------------------------------

    def address(self, last: int) -> str:
        return f"{self.prefix}.{last}"

    def create(
        self,
        image: str,
        command: list[str] | None,
        *,
        address: int | None = None,
        alias: str | None = None,
        **more: Any,
    ) -> Container:
        assert self.network is not None
        endpoint = self.engine.api.create_endpoint_config(
            ipv4_address=self.address(address) if address else None, aliases=[alias] if alias else None
        )
        return self.engine.containers.create(
            image, command, labels=self.labels, network=self.network.name,
            networking_config={self.network.name: endpoint}, **more,
        )  # fmt: skip

    def database(self, name: str, password: str) -> None:
        """A user of that name without superuser rights, owner of a database of that name."""
        literal = password.replace("'", "''")
        for statement in (
            f"create role {name} login password '{literal}'",
            f"create database {name} owner {name}",
        ):
            done = self._psql(statement)
            assert done.exit_code == 0, done.output

    def await_postgres(self, seconds: float) -> None:
        """Asked over TCP: the server that initialises the data answers on its socket only, and then ends."""
        ready = ["pg_isready", "-q", "-h", "127.0.0.1"]
        wait_for(lambda: self._exec(ready).exit_code == 0, "PostgreSQL", seconds)

    def neo4j_user(self, name: str, password: str) -> None:
        """Neo4j's Community edition has users without roles: each may do everything."""
        from neo4j import GraphDatabase
        from neo4j.exceptions import DriverError

        def answers() -> bool:
            try:
                driver.verify_connectivity()
            except DriverError:
                return False
            return True

        auth = ("neo4j", self.neo4j_password)
        with GraphDatabase.driver(f"bolt+ssc://{self.address(5)}:7687", auth=auth) as driver:
            wait_for(answers, "Neo4j", 90)
            statement = f"CREATE USER {name} SET PASSWORD $password CHANGE NOT REQUIRED"
            driver.execute_query(statement, parameters_={"password": password}, database_="system")

    def _psql(self, statement: str, database: str = "postgres") -> Any:
        return self._exec(["psql", "-U", "postgres", "-d", database, "-tAc", statement])

    def query(self, database: str, statement: str) -> str:
        done = self._psql(statement, database)
        assert done.exit_code == 0, done.output
        return str(done.output.decode().strip())

    def _exec(self, command: list[str]) -> Any:
        assert self.postgres is not None
        return self.postgres.exec_run(command)

    # -- MemMachine --------------------------------------------

    def environment(self, database: str, postgres_password: str, neo4j_password: str, **changes: str) -> dict[str, str]:
        """What a provider sets; an empty change takes a variable away."""
        complete = {
            "POSTGRES_HOST": self.address(3), "POSTGRES_DB": database, "POSTGRES_USER": database,
            "POSTGRES_PASSWORD": postgres_password, "POSTGRES_CA_PEM": self.authority.pem,
            "NEO4J_URI": f"bolt+s://{self.address(5)}:7687", "NEO4J_USER": "neo4j",
            "NEO4J_PASSWORD": neo4j_password, "NEO4J_CA_PEM": self.neo4j_certificate,
            "MODEL_PROVIDER": "openai", "MODEL_CHAT": "offline", "MODEL_EMBEDDING": "offline",
            "MODEL_DIMENSIONS": "256", "MODEL_BASE_URL": f"http://{offline_model.ALIAS}:9000/v1",
            "MODEL_API_KEY": "canary-model-key-7731",
        }  # fmt: skip
        return {name: value for name, value in {**complete, **changes}.items() if value}

    def memmachine(self, word: str, environment: Mapping[str, str], image: str = MEMMACHINE) -> Container:
        """Started as the cloud runs it, and a little stricter: own uid, nothing writable but /tmp, no capability.

        `word`: with its arguments, if any.
        """
        return self._started(image, word.split(), environment)

    def python(self, code: str, environment: Mapping[str, str], image: str = MEMMACHINE) -> Container:
        """The same container, running this in place of startup.sh; the image's own programs can be imported."""
        environment = {**environment, "PYTHONPATH": "/opt/memdeploy"}
        return self._started(image, ["-c", code], environment, entrypoint=["python"])

    def _started(self, image: str, command: list[str], environment: Mapping[str, str], **more: Any) -> Container:
        container = self.create(
            image, command, environment=dict(environment), read_only=True, tmpfs={"/tmp": "size=64m"},
            cap_drop=["ALL"], security_opt=["no-new-privileges"], ports={"8080/tcp": ("127.0.0.1", None)}, **more,
        )  # fmt: skip
        container.start()
        return container

    def run(self, word: str, environment: Mapping[str, str], image: str = MEMMACHINE) -> Ended:
        return self.end(self.memmachine(word, environment, image))

    def end(self, container: Container) -> Ended:
        """Waits for it, and removes it. By looking: under load an engine may never answer who waits."""
        wait_for(lambda: exited(container), "a container's end", 400)
        code = int(container.attrs["State"]["ExitCode"])
        ended = Ended(
            code, container.logs(stdout=True, stderr=False).decode(), container.logs(stdout=False, stderr=True).decode()
        )
        container.remove(v=True)
        return ended


def exited(container: Container) -> bool:
    container.reload()
    return bool(container.attrs["State"]["Status"] == "exited")


def url(container: Container) -> str:
    container.reload()
    return f"http://127.0.0.1:{container.attrs['NetworkSettings']['Ports']['8080/tcp'][0]['HostPort']}"


def put(container: Container, folder: str, files: Mapping[str, tuple[bytes, int, int]]) -> None:
    """Path -> (content, mode, uid)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode, uid) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid, member.gid = len(content), mode, uid, uid
            archive.addfile(member, io.BytesIO(content))
    container.put_archive(folder, buffer.getvalue())


def wait_for(look: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.2)


def running(stack: Stack) -> Iterator[Stack]:
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()
