"""A rehearsed Cloud SQL instance is a real PostgreSQL that behaves as Cloud SQL does towards its API's users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from memdeploy.rehearsal.backing.engine import BackingError
from memdeploy.rehearsal.backing.protocol import SqlSpec
from tests.e2e.backing_world import World, until, world
from tests.e2e.certificates import Authority

pytestmark = pytest.mark.engine
NETWORK, KEY = "projects/p/global/networks/n/peering", "projects/p/instances/db"
PASSWORD = "p@ss/%w:1#'\"$ü"


@dataclass
class Instance:
    world: World
    spec: SqlSpec
    authority: Authority

    def psql(self, statement: str, password: str = PASSWORD, user: str = "app", **options: str) -> tuple[int, str]:
        """From inside the network, as a client that knows the authority."""
        where = {"host": self.spec.address, "user": user, "dbname": "memory", "sslmode": "require", **options}
        text = " ".join(f"{name}={value}" for name, value in where.items())
        argv = ["psql", "-qAtX", text, "-c", statement]
        done = self.server.exec_run(argv, environment={"PGPASSWORD": password})
        return done.exit_code, done.output.decode().strip()

    @property
    def server(self) -> Any:
        return self.world.container("sql")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with world(tmp_path_factory.mktemp("sql")) as made:
        backing, authority = made.backing, Authority("rehearsed server CA")
        backing.network_ensure(NETWORK, f"{made.space(0)}.0.0/16")
        address = f"{made.space(0)}.0.3"
        key, certificate = authority.issue(address)
        spec = SqlSpec(KEY, "POSTGRES_17", NETWORK, address, certificate.decode(), key.decode())
        assert until(lambda: backing.sql_ensure(spec)).error is None
        assert backing.sql_user(KEY, "app", PASSWORD).error is None
        assert backing.sql_database(KEY, "memory", present=True).error is None
        found = Instance(made, spec, authority)
        _give(found.server, "/ca.pem", authority.pem)
        _give(found.server, "/other.pem", Authority("somebody else").pem)
        yield found


def _give(container: Any, path: str, text: str) -> None:
    argv = ["sh", "-c", f'printf %s "$TEXT" >{path}']
    assert container.exec_run(argv, user="root", environment={"TEXT": text}).exit_code == 0


def test_the_user_connects_and_makes_the_vector_extension(instance: Instance) -> None:
    code, said = instance.psql("CREATE EXTENSION IF NOT EXISTS vector; SELECT '[1,2]'::vector <-> '[1,3]'")
    assert (code, said) == (0, "1")


def test_the_user_is_no_superuser(instance: Instance) -> None:
    assert instance.psql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == (0, "f")


def test_the_connectors_socket_lets_users_in_by_password_and_no_administrator(instance: Instance) -> None:
    """Seen as the user of a service's container is, who shares the folder."""
    argv = ["psql", "-qAtX", "-h", "/memdeploy/connector", "-d", "memory", "-c", "SELECT current_user", "-U"]

    def ask(user: str, password: str) -> tuple[int, str]:
        done = instance.server.exec_run([*argv, user], user="10001", environment={"PGPASSWORD": password})
        return done.exit_code, done.output.decode().strip()

    assert ask("app", PASSWORD) == (0, "app")
    assert "password authentication failed" in ask("app", "wrong")[1]
    assert "Peer authentication failed" in ask("cloudsqladmin", PASSWORD)[1]


def test_without_a_private_address_an_instance_is_alone_until_it_is_given_one(instance: Instance) -> None:
    backing, authority, key = instance.world.backing, Authority("rehearsed server CA"), f"{KEY}-public"
    address = f"{instance.world.space(0)}.0.9"
    secret, certificate = authority.issue(address)
    spec = SqlSpec(key, "POSTGRES_17", "", "", certificate.decode(), secret.decode())
    assert until(lambda: backing.sql_ensure(spec)).error is None
    label = {"label": f"memdeploy.key={key}"}
    [server] = instance.world.client.containers.list(filters=label)
    assert set(server.attrs["NetworkSettings"]["Networks"]) == {backing._engine.name("net", key)}
    assert until(lambda: backing.sql_ensure(replace(spec, network=NETWORK, address=address))).error is None
    server.reload()
    assert address in {one["IPAddress"] for one in server.attrs["NetworkSettings"]["Networks"].values()}
    backing.sql_remove(key)
    assert not [name for name in instance.world.left() if backing._engine.name("", key).rpartition("-")[2] in name]


def test_unencrypted_connections_are_refused(instance: Instance) -> None:
    code, said = instance.psql("SELECT 1", sslmode="disable")
    assert code != 0
    assert "no encryption" in said


def test_a_wrong_password_is_refused(instance: Instance) -> None:
    code, said = instance.psql("SELECT 1", password="wrong")
    assert code != 0
    assert 'password authentication failed for user "app"' in said


def test_the_superuser_cannot_come_by_the_network(instance: Instance) -> None:
    code, said = instance.psql("SELECT 1", user="cloudsqladmin")
    assert code != 0
    assert "pg_hba.conf rejects connection" in said


def test_the_certificate_is_the_authoritys(instance: Instance) -> None:
    assert instance.psql("SELECT 1", sslmode="verify-full", sslrootcert="/ca.pem") == (0, "1")
    code, said = instance.psql("SELECT 1", sslmode="verify-ca", sslrootcert="/other.pem")
    assert code != 0
    assert "certificate verify failed" in said


def test_a_changed_password_counts_at_once_and_a_removed_user_is_gone(instance: Instance) -> None:
    backing = instance.world.backing
    assert backing.sql_user(KEY, "second", "one").error is None
    assert backing.sql_user(KEY, "second", "two").error is None
    assert instance.psql("SELECT 1", user="second", password="one")[0] != 0
    assert instance.psql("SELECT 1", user="second", password="two")[0] == 0
    assert backing.sql_user(KEY, "second", None).error is None
    assert instance.psql("SELECT 1", user="second", password="two")[0] != 0


def test_what_was_stored_outlives_a_stop_and_a_restarted_rehearsal(instance: Instance) -> None:
    assert instance.psql("CREATE TABLE kept AS SELECT 42 AS answer")[0] == 0
    until(lambda: instance.world.backing.sql_running(KEY, running=False))
    assert instance.server.status == "exited"
    instance.server.start()
    look = instance.world.backing.sql_user  # of a server that is starting: waits, and does not fail
    assert until(lambda: look(KEY, "app", PASSWORD)).error is None
    until(lambda: instance.world.backing.sql_running(KEY, running=False))
    after = instance.world.restarted()
    assert until(lambda: after.sql_running(KEY, running=True)).error is None
    assert until(lambda: after.sql_ensure(instance.spec)).error is None
    assert instance.psql("SELECT answer FROM kept") == (0, "42")


def test_no_password_is_in_the_engines_record(instance: Instance) -> None:
    assert PASSWORD not in str(instance.server.attrs)
    assert PASSWORD not in instance.server.logs().decode()


def test_a_range_that_is_used_is_refused_with_advice(instance: Instance) -> None:
    with pytest.raises(BackingError, match=r"gcp\.network\.space"):
        instance.world.backing.network_ensure("projects/p/other", f"{instance.world.space(0)}.9.0/24")


def test_another_rehearsal_gets_another_space(instance: Instance, tmp_path: Path) -> None:
    with world(tmp_path) as other:
        assert other.backing.free_space() != instance.world.backing.free_space()
        assert other.left() == []
