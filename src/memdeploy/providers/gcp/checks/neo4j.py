"""An external Neo4j, from here: does it answer, is its certificate good, does it take the password, is it new enough.

With the official driver: what it accepts is what MemMachine's will accept.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from enum import Enum, auto
from urllib.parse import urlsplit

from memdeploy.memmachine import releases
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning
from memdeploy.secret import Secret

_TIMEOUT, _LOOK, _BOLT = 15.0, 3.0, 7687
_ENCRYPTED = "A server that wants TLS takes +s (a certificate that is verified) or +ssc in neo4j.uri."
_REMEDY = "Check neo4j.uri. A server that only a network inside the cloud reaches is proved there, by `prepare`."


def external(facts: Facts) -> Iterable[Finding]:
    """A private address that does not answer here may do so from inside: that is a warning."""
    deployment, context = facts.scope.deployment, facts.scope.context
    uri, given = deployment.neo4j.uri, context.neo4j_password
    if not modes.external(deployment) or uri is None:
        return
    if given is None:
        yield _unasked(facts)
        return
    yield _asked(uri, deployment.neo4j.user, given, releases.find(deployment.release).oldest_neo4j)


def _unasked(facts: Facts) -> Finding:
    source = facts.scope.deployment.neo4j.password
    if source.secret:
        return passed("neo4j", f"its password is in the secret {source.secret}; `prepare` tries it")
    if "secret.external" in facts.scope.context.records:
        return passed("neo4j", "the stored password is kept")
    where = f"environment variable {source.env}" if source.env else f"file {source.file}"
    return failed(
        "neo4j", "neo4j-password-missing", f"there is no password for {facts.scope.deployment.neo4j.uri}: {where} is"
        " empty", "Set it, or name another place in neo4j.password.",
    )  # fmt: skip


def _asked(uri: str, user: str, password: Secret, oldest: str) -> Finding:
    from neo4j import GraphDatabase, exceptions

    try:
        with GraphDatabase.driver(
            uri, auth=(user, password.reveal()), connection_timeout=_TIMEOUT, max_transaction_retry_time=0.0
        ) as driver:
            version = str(driver.get_server_info().agent).removeprefix("Neo4j/")
    except exceptions.AuthError as error:
        return failed("neo4j", "neo4j-password", f"{uri} rejects user {user}: {error.code}", "Give another password.")
    except exceptions.ConfigurationError as error:
        return failed("neo4j", "neo4j-uri", f"neo4j.uri: {error}", _REMEDY)
    except (exceptions.DriverError, exceptions.Neo4jError, OSError, ValueError) as error:
        return _silent(uri, error)
    if releases.numbers(version)[:2] < releases.numbers(oldest)[:2]:
        text = f"{uri} is Neo4j {version}; MemMachine needs {oldest} or newer"
        return failed("neo4j", "neo4j-version", text, "Upgrade it, or use another.")
    return passed("neo4j", f"{uri} answers: Neo4j {version}")


def _silent(uri: str, error: Exception) -> Finding:
    words = " ".join(str(error).split())
    host = urlsplit(uri).hostname or ""
    reached = _reached(uri)
    if reached is _Reached.BUT_UNKNOWN:
        return failed("neo4j", "neo4j-tls", f"{uri}: its certificate cannot be verified", _certificate(uri))
    if reached:
        text = f"{uri}: something answers there, but does not speak {urlsplit(uri).scheme} ({words[:200]})"
        return failed("neo4j", "neo4j-unreachable", text, _ENCRYPTED if "+" not in uri else _REMEDY)
    if modes.private(host):
        return warning("neo4j", "neo4j-unreachable", f"{host} does not answer from here ({words[:200]})", _REMEDY)
    return failed("neo4j", "neo4j-unreachable", f"{uri} does not answer ({words[:200]})", _REMEDY)


class _Reached(Enum):
    YES = auto()
    BUT_UNKNOWN = auto()


def _reached(uri: str) -> _Reached | None:
    """Does the port take connections from here, and is its certificate one that is verified? The driver does not say
    why a router (neo4j+s) was not reached."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    try:
        with socket.create_connection((host, parts.port or _BOLT), timeout=_LOOK) as connection:
            if parts.scheme.endswith("+s"):
                ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
            return _Reached.YES
    except ssl.SSLCertVerificationError:
        return _Reached.BUT_UNKNOWN
    except ssl.SSLError:
        return _Reached.YES
    except OSError:
        return None


def _certificate(uri: str) -> str:
    scheme = urlsplit(uri).scheme.partition("+")[0]
    return (
        "Give it a certificate of a public authority for the name or address in neo4j.uri, or write"
        f" {scheme}+ssc://: encrypted, but any certificate is taken."
    )
