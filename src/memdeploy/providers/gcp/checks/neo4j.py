"""An external Neo4j, from here: does it answer, is its certificate good, does it take the password, is it new enough.

With the official driver: what it accepts is what MemMachine's will accept.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from memdeploy.memmachine import releases
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning
from memdeploy.secret import Secret

_TIMEOUT = 15.0
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
    words = " ".join(str(error).split())[:200]
    if "certificate" in words.lower() or "ssl" in words.lower():
        return failed("neo4j", "neo4j-tls", f"{uri}: its certificate cannot be verified ({words})", _REMEDY)
    host = urlsplit(uri).hostname or ""
    if modes.private(host):
        return warning("neo4j", "neo4j-unreachable", f"{host} does not answer from here ({words})", _REMEDY)
    return failed("neo4j", "neo4j-unreachable", f"{uri} does not answer ({words})", _REMEDY)
