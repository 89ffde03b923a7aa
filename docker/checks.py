"""Proves that each thing MemMachine needs answers, believes us, and is who it says. Every `Failure` names a culprit.

Clients come from what MemMachine itself ships (asyncpg, neo4j) or the standard library, and are imported when used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from configure import Prepared, Settings
from failures import Failure
from release import Release

T = TypeVar("T")
PAUSE = 1.0
ATTEMPT = 10.0
OLDEST_NEO4J = (5, 23)  # `nearest.py` sets vector.quantization.enabled
PREPARED = "memdeploy_prepared"
"""Name of an empty table whose existence is the word."""


async def until(check: Callable[[], Awaitable[T]], *, seconds: float) -> T:
    """Repeats a check while its failure may pass by itself and time is left; then raises the last failure."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await check()
        except Failure as failure:
            if not failure.passing or time.monotonic() + PAUSE > deadline:
                raise
        await asyncio.sleep(PAUSE)


async def resolves(host: str, port: int, culprit: str) -> None:
    """A name that does not resolve is told apart from a server that does not answer."""
    try:
        await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Failure(culprit, f"{host}: {error.strerror or error}", passing=True) from None


# -- PostgreSQL ---------------------------------------------


async def postgres(settings: Settings, prepared: Prepared) -> Any:
    """An open asyncpg connection, verified as MemMachine's own will be."""
    import asyncpg

    if not settings.by_socket:
        await resolves(settings.postgres_host, settings.postgres_port, "postgres-name")
    try:
        return await asyncpg.connect(
            host=settings.postgres_host,
            port=settings.postgres_port,
            user=settings.postgres_user,
            password=settings.postgres_password,
            database=settings.postgres_db,
            ssl=False if settings.by_socket else postgres_tls(prepared),
            timeout=ATTEMPT,
        )
    except Exception as error:
        raise postgres_failure(error) from None


def postgres_tls(prepared: Prepared) -> ssl.SSLContext | str:
    """`verify-ca`: an instance is reached by its address, which its certificate does not name."""
    if prepared.postgres_ca is None:
        return "prefer"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(prepared.postgres_ca)
    return context


def postgres_failure(error: Exception) -> Failure:
    """asyncpg's errors by SQLSTATE (PostgreSQL 17, appendix A); the server's own words never hold a password."""
    state = getattr(error, "sqlstate", None)
    words = f"{type(error).__name__}: {error}"
    if state in ("28P01", "28000") and "no pg_hba.conf entry" not in str(error):
        return Failure("postgres-password", words)
    if state == "3D000":
        return Failure("postgres-database", words)
    if state in ("57P03", "53300"):  # starting up, too many connections
        return Failure("postgres-unreachable", words, passing=True)
    if state:
        return Failure("postgres-refused", words)
    if isinstance(error, ssl.SSLError) or "SSL upgrade" in str(error):
        return Failure("postgres-tls", words)
    if isinstance(error, OSError | TimeoutError | asyncio.TimeoutError | ConnectionError):
        return Failure("postgres-unreachable", words, passing=True)
    return Failure("postgres-refused", words, passing="connection was closed" in str(error))


async def extension(connection: Any) -> None:
    """Makes `vector`; any number of callers at once (two that race see the unique index of pg_extension)."""
    import asyncpg

    if await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'vector'"):
        return
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):
        return
    except asyncpg.PostgresError as error:
        raise Failure("postgres-extension", f"{type(error).__name__}: {error}") from None


async def suits(connection: Any, release: Release) -> None:
    """Fails for tables that this release would not make: it would start on them, be healthy, and fail at every call
    (0.4.0 on those of 0.3.9 and back, run)."""
    columns = await connection.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'episodestore' AND table_schema = current_schema()"
    )
    if columns and release.episode_key not in {row["column_name"] for row in columns}:
        raise Failure("other-release", f"this is {release.version}, and episodestore has no {release.episode_key}")


async def may_make_tables(connection: Any) -> None:
    if not await connection.fetchval("SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        raise Failure("postgres-rights", "no CREATE on the schema")


async def is_prepared(connection: Any) -> None:
    """Fails, passing, until `prepare` has left word."""
    if not await connection.fetchval(f"SELECT to_regclass('{PREPARED}') IS NOT NULL"):
        raise Failure("unprepared", passing=True)


async def leave_word(connection: Any) -> None:
    """That extension and tables are made: servers that were started meanwhile wait for it."""
    await connection.execute(f"CREATE TABLE IF NOT EXISTS {PREPARED} (at timestamptz NOT NULL DEFAULT now())")


# -- Neo4j ---------------------------------------------


async def neo4j(settings: Settings) -> str:
    """The server's version. TLS is verified against the bundle that SSL_CERT_FILE names."""
    address = urllib.parse.urlsplit(settings.neo4j_uri)
    await resolves(address.hostname or "", address.port or 7687, "neo4j-name")
    try:
        return await neo4j_at(settings.neo4j_uri, settings)
    except Failure as failure:
        if failure.passing and address.scheme.startswith("neo4j"):
            # The driver does not say why a router was not reached; asked directly, it does.
            await neo4j_at(settings.neo4j_uri.replace("neo4j", "bolt", 1), settings)
        raise


async def neo4j_at(uri: str, settings: Settings) -> str:
    from neo4j import AsyncGraphDatabase

    driver = AsyncGraphDatabase.driver(
        uri, auth=(settings.neo4j_user, settings.neo4j_password), connection_timeout=ATTEMPT,
        max_transaction_retry_time=0.0,
    )  # fmt: skip
    try:
        info = await driver.get_server_info()
        records, _, _ = await driver.execute_query("RETURN vector.similarity.cosine([1.0], [1.0]) AS near")
    except Exception as error:
        raise neo4j_failure(error) from None
    finally:
        await driver.close()
    version = str(info.agent).removeprefix("Neo4j/")
    if records[0]["near"] is None or version_of(version) < OLDEST_NEO4J:
        raise Failure("neo4j-version", f"this is {version}")
    return version


def version_of(text: str) -> tuple[int, ...]:
    """`5.26.12` -> (5, 26); what is not a number ends it."""
    numbers = []
    for part in text.split(".")[:2]:
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def neo4j_failure(error: Exception) -> Failure:
    from neo4j import exceptions

    words = f"{type(error).__name__}: {error}"
    chain = list(causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in chain) or "certificate verify failed" in words:
        return Failure("neo4j-tls", words)
    if isinstance(error, exceptions.AuthError):
        return Failure("neo4j-password", words)
    # After wrong passwords the server locks everybody out for a few seconds: not the password's fault any more.
    if getattr(error, "code", None) == "Neo.ClientError.Security.AuthenticationRateLimit":
        return Failure("neo4j-password", words)
    if isinstance(error, exceptions.CypherSyntaxError) or "Unknown function" in words:
        return Failure("neo4j-version", words)
    if isinstance(error, exceptions.DriverError | OSError | exceptions.TransientError):
        return Failure("neo4j-unreachable", words, passing=True)
    return Failure("neo4j-refused", words)


def causes(error: BaseException | None) -> Any:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
