"""What goes wrong behind memdeploy's back: each fault is planted in the server itself, and put right again."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e.certificates import self_signed
from tests.e2e.product import Live

OTHER = "planted-password-5521"
USER = "planter/1"
BOLT = "/run/memdeploy/bolt"
LOCKED = "AuthenticationRateLimit"


@dataclass(frozen=True)
class Fault:
    """`right` puts it right as an operator would; `up` has to do the rest."""

    culprit: str
    plant: Callable[[Live], None]
    right: Callable[[Live], None]


def _reject_key(live: Live) -> None:
    key = live.secret("secret.model")
    _in_model(live, f"printf '%s\\n' '{key}' > /tmp/rejected")


def _accept_key(live: Live) -> None:
    _in_model(live, "rm /tmp/rejected")


def _in_model(live: Live, command: str) -> None:
    code, said = live.container("model").exec_run(["sh", "-c", command])
    assert code == 0, said


def _other_postgres_password(live: Live) -> None:
    """Whoever is connected has to come back with the password."""
    user = live.output("postgres.user", "name")
    live.psql(f"ALTER ROLE \"{user}\" PASSWORD '{OTHER}'")
    live.psql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{user}'")


def _nothing(live: Live) -> None:
    """`up` itself sets the password again, as its advice says."""


def _other_neo4j_password(live: Live) -> None:
    live.cypher(f"ALTER USER neo4j SET PASSWORD '{OTHER}' CHANGE NOT REQUIRED", database="system")
    live.cypher(
        "CALL dbms.listConnections() YIELD connectionId, userAgent WHERE NOT userAgent = $own"
        " WITH collect(connectionId) AS ids CALL dbms.killConnections(ids) YIELD message RETURN message",
        password=OTHER,
        own=USER,
        agent=USER,
    )


def _own_neo4j_password(live: Live) -> None:
    """The wrong attempts have locked the user out for some seconds."""
    from neo4j.exceptions import ClientError

    right = live.secret("secret.neo4j")
    for _ in range(30):
        try:
            live.cypher(
                "ALTER USER neo4j SET PASSWORD $right CHANGE NOT REQUIRED",
                password=OTHER,
                database="system",
                right=right,
            )
            return
        except ClientError as error:
            if LOCKED not in str(error.code):
                raise
        time.sleep(1.0)
    raise AssertionError("Neo4j keeps refusing its own password")


def _other_certificate(live: Live) -> None:
    key, certificate = self_signed(str(live.output("neo4j.vm", "address")))
    vm = live.container("vm")
    code, said = vm.exec_run(["cp", "-a", BOLT, f"{BOLT}.own"])
    assert code == 0, said
    for name, content in (("private.key", key), ("public.crt", certificate)):
        _overwrite(live, name, content)
    live.restart_neo4j(certificate.decode())


def _own_certificate(live: Live) -> None:
    code, said = live.container("vm").exec_run(["sh", "-c", f"cp -a {BOLT}.own/. {BOLT}/ && rm -r {BOLT}.own"])
    assert code == 0, said
    live.restart_neo4j(str(live.output("secret.tls", "certificate")))


def _overwrite(live: Live, name: str, content: bytes) -> None:
    """In place: owner and mode stay."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    vm = live.container("vm")
    assert vm.put_archive("/var/tmp", buffer.getvalue())
    code, said = vm.exec_run(["sh", "-c", f"cat /var/tmp/{name} > {BOLT}/{name} && rm /var/tmp/{name}"])
    assert code == 0, said


FAULTS = (
    Fault("model-key", _reject_key, _accept_key),
    Fault("postgres-password", _other_postgres_password, _nothing),
    Fault("neo4j-password", _other_neo4j_password, _own_neo4j_password),
    Fault("neo4j-tls", _other_certificate, _own_certificate),
)
