"""One deployment on a rehearsal with containers, seen from outside: what a stranger finds in the servers themselves."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docker import DockerClient
from docker.models.containers import Container

from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

LABEL = "memdeploy.rehearsal"
SECONDS = 90.0


@dataclass
class Live:
    """`engine` is asked directly: nothing here goes through memdeploy's own code but the command line itself."""

    cloud: Rehearsed
    memdeploy: Memdeploy
    engine: DockerClient
    project: str = "proj-1"

    # -- what the engine has -----------------------------------------------------------------------------------------

    def containers(self, kind: str | None = None) -> list[Container]:
        labels = [f"{LABEL}={self.cloud.id}", *([f"memdeploy.kind={kind}"] if kind else [])]
        return list(self.engine.containers.list(all=True, filters={"label": labels}))

    def container(self, kind: str) -> Container:
        (found,) = self.containers(kind)
        return found

    def part(self, name: str) -> Container:
        """A container of the service's instance, by its name in the service's definition."""
        (found,) = [one for one in self.containers("service") if one.labels["memdeploy.container"] == name]
        return found

    def left(self) -> dict[str, list[str]]:
        """Names of all that carries this rehearsal's label."""
        label = {"label": f"{LABEL}={self.cloud.id}"}
        return {
            "containers": sorted(str(c.name) for c in self.containers()),
            "networks": sorted(str(n.name) for n in self.engine.networks.list(filters=label)),
            "volumes": sorted(self.volumes()),
        }

    def volumes(self) -> list[str]:
        return [v.name for v in self.engine.volumes.list(filters={"label": f"{LABEL}={self.cloud.id}"})]

    def environment(self, kind: str) -> bytes:
        """Of the container's process, as the engine has it."""
        return "\n".join(self.container(kind).attrs["Config"]["Env"]).encode()

    def boot_disk(self, kind: str) -> bytes:
        """Every file that was written outside of mounted disks and memory since the container was made, as tar."""
        container = self.container(kind)
        changed = [item["Path"] for item in container.diff() or [] if item["Kind"] in (0, 1)]
        leaves = [path for path in changed if not any(other.startswith(f"{path}/") for other in changed)]
        return b"".join(chunk for path in leaves for chunk in container.get_archive(path)[0])

    def definitions(self) -> bytes:
        """Machine, job and service as the cloud's API gives them."""
        region, zone = "us-central1", str(self.output("neo4j.disk", "link")).split("/zones/")[1].split("/")[0]
        base = f"projects/{self.project}"
        paths = (
            f"/compute/compute/v1/{base}/zones/{zone}/instances",
            f"/run/v2/{base}/locations/{region}/services",
            f"/run/v2/{base}/locations/{region}/jobs",
        )
        answers = [self.cloud.ask("GET", path) for path in paths]
        assert all(len(answer) > 0 for answer in answers), answers
        return json.dumps(answers).encode()

    # -- what the deployment tells -----------------------------------------------------------------------------------

    def output(self, step: str, name: str) -> Any:
        return self.memdeploy.journal()["steps"][step]["outputs"][name]

    def secret(self, step: str) -> str:
        """As the project's owner reads it."""
        known = self.output(step, "secret")
        name = known["secret"]
        path = f"projects/{self.project}/secrets/{name}/versions/{known['version']}"
        answer = self.cloud.ask("GET", f"/secretmanager/v1/{path}:access")
        return base64.b64decode(answer["payload"]["data"]).decode()

    # -- the service, by HTTP through its front end ------------------------------------------------------------------

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        uri = str(self.output("service", "uri"))
        request = urllib.request.Request(
            f"{uri}/api/v2/{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token(uri)}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _token(self, audience: str) -> str:
        account = quote(str(self.output("account.verifier", "email")))
        path = f"/iamcredentials/v1/projects/-/serviceAccounts/{account}:generateIdToken"
        return str(self.cloud.ask("POST", path, {"audience": audience, "includeEmail": True})["token"])

    def remember(self, project: str, text: str) -> None:
        message = {"content": text, "producer": "tester", "role": "user"}
        names = {"org_id": "tests", "project_id": project}
        self.post("memories", {**names, "types": ["episodic"], "messages": [message]})

    def recall(self, project: str, query: str) -> list[str]:
        """Contents that a search finds."""
        names = {"org_id": "tests", "project_id": project}
        found = self.post("memories/search", {**names, "query": query, "top_k": 5, "types": ["episodic"]})
        episodic = found["content"]["episodic_memory"]
        return [
            episode["content"]
            for part in ("long_term_memory", "short_term_memory")
            for episode in (episodic.get(part) or {}).get("episodes") or []
        ]

    # -- the databases themselves ------------------------------------------------------------------------------------

    def psql(self, statement: str) -> str:
        """As the container's own superuser, over its socket."""
        database = str(self.output("postgres.database", "name"))
        argv = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", "/tmp", "-U", "cloudsqladmin", "-d", database]
        code, said = self.container("sql").exec_run([*argv, "-c", statement])
        assert isinstance(said, bytes)
        assert code == 0, said
        return said.decode().strip()

    def cypher(
        self,
        query: str,
        *,
        password: str | None = None,
        database: str | None = None,
        agent: str = "tests",
        **values: Any,
    ) -> list[dict[str, Any]]:
        """Over verified TLS, as MemMachine connects."""
        from neo4j import GraphDatabase, TrustCustomCAs

        address = self.output("neo4j.vm", "address")
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as certificate:
            certificate.write(self.output("secret.tls", "certificate"))
            certificate.flush()
            trusted = TrustCustomCAs(certificate.name)
            auth = ("neo4j", password or self.secret("secret.neo4j"))
            with GraphDatabase.driver(
                f"bolt://{address}:7687", auth=auth, encrypted=True, trusted_certificates=trusted, user_agent=agent
            ) as driver:
                records, _, _ = driver.execute_query(query, parameters_=values, database_=database)
                return [record.data() for record in records]

    def neo4j_certificate(self) -> str | None:
        """What answers at the address, whoever it is; None while nothing does."""
        try:
            return ssl.get_server_certificate((str(self.output("neo4j.vm", "address")), 7687), timeout=5)
        except OSError:
            return None

    def restart_neo4j(self, certificate: str) -> None:
        """Returns once it shows this certificate."""
        self.container("guest").restart(timeout=60)
        until(lambda: _same(self.neo4j_certificate(), certificate), "Neo4j with its certificate")


def _same(one: str | None, other: str) -> bool:
    return one is not None and "".join(one.split()) == "".join(other.split())


def until(true: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.2)


def serve(folder: Path, engine: DockerClient) -> Live:
    user = folder / "user"
    user.mkdir()
    cloud = Rehearsed.serve(folder / "cloud", backing="containers")
    return Live(cloud, Memdeploy(user, cloud.environment, timeout=900.0), engine)
