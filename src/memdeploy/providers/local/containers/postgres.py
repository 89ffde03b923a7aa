"""PostgreSQL with pgvector. MemMachine's user owns its database and nothing else; the superuser exists for the socket
inside the container alone: its password is drawn when the container is made and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memdeploy.engine.step import Difference, Effect, Intent, Observed, Outputs, Run, State
from memdeploy.providers.local import sizes, vault
from memdeploy.providers.local.containers.container import Server
from memdeploy.providers.local.containers.environment import DATABASE, POSTGRES, USER
from memdeploy.providers.local.containers.psql import SUPERUSER, psql
from memdeploy.providers.local.containers.spec import TEMPORARY, Spec
from memdeploy.secret import SecretRef, generate

DATA = "/var/lib/postgresql/data"
FURNISH = rf"""
\getenv password MEMDEPLOY_PASSWORD
SELECT 'CREATE ROLE {USER} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{USER}') \gexec
ALTER ROLE {USER} PASSWORD :'password';
SELECT 'CREATE DATABASE {DATABASE} OWNER {USER}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \gexec
\connect {DATABASE}
CREATE EXTENSION IF NOT EXISTS vector;
"""  # noqa: S608 - fixed names


class Postgres(Server):
    """Inputs: `image`, `network`, `network_id`, `volume`, `volume_id`, `password`. Outputs: `name`, `host`.
    Notes: `furnished`, with which password and on which volume user and database were made."""

    kind = "local.postgres"
    role = POSTGRES
    title = "PostgreSQL"

    def specs(self, run: Run) -> Sequence[Spec]:
        deployment = self.scope.deployment
        return [
            Spec(
                name=self.name,
                role=self.role,
                image=run.inputs["image"],
                size=sizes.of(deployment.profile, deployment.service).postgres,
                environment={"PGDATA": DATA},
                birth={
                    "POSTGRES_PASSWORD": generate().reveal(),
                    "POSTGRES_INITDB_ARGS": "--auth-local=trust --auth-host=scram-sha-256",
                },
                network=run.inputs["network"],
                network_id=run.inputs["network_id"],
                aliases=(POSTGRES,),
                volumes={run.inputs["volume"]: DATA},
                tmpfs={TEMPORARY: "mode=1777,size=64m", "/var/run/postgresql": "mode=1777,size=1m"},
                user="postgres",
                ready=("pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER),
                stop_signal="SIGINT",  # an end that does not wait for its clients
                stop_seconds=60,
                shared_memory=256,
            )
        ]

    def probe(self, run: Run) -> Observed:
        found = super().probe(run)
        if found.state not in (State.PRESENT, State.DIFFERENT) or found.unknown:
            return found
        done, wanted = run.notes.get("furnished"), _furnished(run)
        if done == wanted:
            return found
        difference = Difference("password", done, wanted, Effect.IN_PLACE)
        return replace(found, state=State.DIFFERENT, differences=(*found.differences, difference))

    def ensure(self, run: Run) -> Outputs:
        outputs = super().ensure(run)
        wanted = _furnished(run)
        if run.notes.get("furnished") != wanted:
            run.change("furnish", self.name, lambda intent: self._furnish(run, intent))
            run.note(furnished=wanted)
        return outputs

    def _furnish(self, run: Run, intent: Intent) -> None:
        password = vault.reveal(self.scope, SecretRef.from_json(run.inputs["password"]))
        psql(self.scope.engine.client, self.name, FURNISH, MEMDEPLOY_PASSWORD=password.reveal())

    def outputs(self, run: Run, live: object) -> Outputs:
        return {"name": self.name, "host": POSTGRES}


def _furnished(run: Run) -> str:
    return f"{run.inputs['password']['version']}@{run.inputs['volume_id']}"
