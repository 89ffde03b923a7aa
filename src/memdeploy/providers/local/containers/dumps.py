"""Both databases into files, and files in the place of what is in them. The service is at rest meanwhile.

PostgreSQL is dumped while it runs, and loaded beside what is there, then swapped. Neo4j Community has no online backup:
it is stopped, a container of its own image reads or writes its volume, and it is started again.
https://neo4j.com/docs/operations-manual/5/backup-restore/offline-backup/
"""

from __future__ import annotations

from pathlib import Path

from memdeploy.engine.step import Intent, Observed, Outputs, Run, State
from memdeploy.errors import StepFailed
from memdeploy.providers.local import sizes
from memdeploy.providers.local.containers import once, pausing, streams
from memdeploy.providers.local.containers.environment import DATABASE, NEO4J, USER
from memdeploy.providers.local.containers.neo4j import DATA
from memdeploy.providers.local.containers.neo4j import USER as NEO4J_USER
from memdeploy.providers.local.containers.psql import SUPERUSER, psql
from memdeploy.providers.local.containers.spec import TEMPORARY, Spec
from memdeploy.providers.local.scope import Scope

POSTGRES_FILE = "postgres.dump"
NEO4J_FILE = "neo4j.dump"
"The name that neo4j-admin gives the dump of the database `neo4j`, and looks for."
SECONDS = 6 * 3600.0
LOADING = f"{DATABASE}_loading"
EMPTY = f"""
DROP DATABASE IF EXISTS {LOADING} WITH (FORCE);
CREATE DATABASE {LOADING} OWNER {USER} TEMPLATE template0;
\\connect {LOADING}
CREATE EXTENSION IF NOT EXISTS vector;
"""
SWAP = f"""
DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE);
ALTER DATABASE {LOADING} RENAME TO {DATABASE};
"""


class Transfer:
    """Base of the four. `folder` holds the files. Outputs of a dump: `streams.Written`."""

    kind = "local.transfer"

    def __init__(self, scope: Scope, name: str, folder: Path) -> None:
        self.scope = scope
        self.name = name
        self.folder = folder

    def probe(self, run: Run) -> Observed:
        return Observed(State.ABSENT)

    def remove(self, run: Run) -> None:
        """There is nothing to remove."""

    def summary(self, outputs: Outputs) -> str:
        return sizes.words(outputs["bytes"]) if "bytes" in outputs else ""


class DumpPostgres(Transfer):
    """Of container `name`. The format is pg_dump's own, compressed."""

    def ensure(self, run: Run) -> Outputs:
        client = self.scope.engine.client
        argv = ("pg_dump", "--format=custom", "--username", SUPERUSER, "--dbname", DATABASE)
        path = self.folder / POSTGRES_FILE
        return run.read(lambda: streams.output_to_file(client, self.name, argv, path)).to_json()


class LoadPostgres(Transfer):
    """Into container `name`. What is there goes when all of the file is in the server, not before."""

    def ensure(self, run: Run) -> Outputs:
        run.change("load", self.name, self._load)
        return {}

    def _load(self, intent: Intent) -> None:
        client = self.scope.engine.client
        psql(client, self.name, EMPTY)
        argv = (
            "pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", "--no-comments", "--role", USER,
            "--username", SUPERUSER, "--dbname", LOADING,
        )  # fmt: skip
        streams.file_to_input(client, self.name, argv, self.folder / POSTGRES_FILE)
        psql(client, self.name, SWAP)


class _OfNeo4j(Transfer):
    """`name` is the container that reads or writes the volume of Neo4j's container."""

    def _aside(self, image: str, volume: str, words: tuple[str, ...]) -> Spec:
        deployment = self.scope.deployment
        return Spec(
            name=self.name, role=once.ROLE, image=image, command=("neo4j-admin", "database", *words),
            size=sizes.of(deployment.profile, deployment.service).neo4j, volumes={volume: DATA},
            tmpfs={"/logs": "mode=1777,size=1m"}, user=NEO4J_USER, read_only=False, restart="no",
        )  # fmt: skip

    def _spec(self, run: Run, *words: str) -> Spec:
        """Image and volume as journalled by the steps that made them."""
        records = self.scope.context.records
        return self._aside(records["neo4j.image"]["reference"], records["neo4j.volume"]["name"], words)

    def _check(self, run: Run, ended: once.Ended) -> None:
        if ended.code != 0:
            error = StepFailed(f"neo4j-admin ended with {ended.code}", code="neo4j-admin", where=run.step)
            error.details = ended.said
            raise error


class DumpNeo4j(_OfNeo4j):
    def ensure(self, run: Run) -> Outputs:
        client, written = self.scope.engine.client, []
        path = self.folder / NEO4J_FILE
        spec = self._spec(run, "dump", "neo4j", f"--to-path={TEMPORARY}", "--overwrite-destination=true")

        def fetch(name: str) -> None:
            written.append(streams.member_to_file(client, name, f"{TEMPORARY}/{NEO4J_FILE}", path))

        pausing.stop(run, self.scope, NEO4J)
        run.progress("dumping")
        self._check(run, once.run_once(run, self.scope, spec, resume=False, timeout=SECONDS, after=fetch))
        pausing.start(run, self.scope, NEO4J)
        return written[-1].to_json()


class LoadNeo4j(_OfNeo4j):
    def ensure(self, run: Run) -> Outputs:
        client = self.scope.engine.client
        path, owner = self.folder / NEO4J_FILE, int(NEO4J_USER.partition(":")[0])
        spec = self._spec(run, "load", "neo4j", f"--from-path={TEMPORARY}", "--overwrite-destination=true")

        def give(name: str) -> None:
            streams.file_to_member(client, name, path, TEMPORARY, owner)

        pausing.stop(run, self.scope, NEO4J)
        run.progress("loading")
        self._check(run, once.run_once(run, self.scope, spec, resume=False, timeout=SECONDS, before=give))
        pausing.start(run, self.scope, NEO4J)
        return {}
