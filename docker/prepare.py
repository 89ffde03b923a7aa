"""Once per deployment and release, before any server starts: proves everything, makes the extension and the tables.

Ends with one line of JSON on standard output. Idempotent; several at once are safe (an advisory lock of PostgreSQL).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from typing import Any

import checks
import configure
import corrections
import model_checks
from failures import Failure, defect, end
from release import Release

DEADLINE = 540.0  # a job's task is ended after 600 s
DATABASES = 240.0
MODEL = 60.0
TABLES = 180.0
SKIPS = "PREPARE_SKIPS"
LOCK = 5_714_229_031  # any number that nobody else uses in this database


async def prepare(settings: configure.Settings, prepared: configure.Prepared) -> dict[str, Any]:
    started = time.monotonic()
    if settings.on_disk:
        # The one server that there is makes its tables itself: nobody could race it.
        await checks.until(lambda: model_checks.prove(settings), seconds=MODEL)
        return {"ok": True, "seconds": round(time.monotonic() - started, 1)}
    connection, version = await databases(settings, prepared)
    try:
        await checks.suits(connection, settings.release)
        step("both databases answer; asking the model")
        await checks.until(lambda: model_checks.prove(settings), seconds=MODEL)
        step("the model answers; making extension and tables")
        await lock(connection)
        await checks.may_make_tables(connection)
        await checks.extension(connection)
        await tables(settings.release)
        await checks.leave_word(connection)
        made = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        server = await connection.fetchval("SHOW server_version")
    finally:
        with contextlib.suppress(Exception):  # a slow goodbye undoes nothing and hides no failure
            await connection.close(timeout=5)
    return {
        "ok": True, "postgres": str(server).split()[0], "neo4j": version, "tables": made,
        "seconds": round(time.monotonic() - started, 1),
    }  # fmt: skip


async def databases(settings: configure.Settings, prepared: configure.Prepared) -> tuple[Any, str]:
    """Asked at the same time; what is surely wrong with one ends the wait for the other."""
    sql = asyncio.create_task(checks.until(lambda: checks.postgres(settings, prepared), seconds=DATABASES))
    if os.environ.get(SKIPS) == "neo4j":  # it comes with the service, beside it
        return await sql, "beside the service"
    graph = asyncio.create_task(checks.until(lambda: checks.neo4j(settings), seconds=DATABASES))
    try:
        connection, version = await asyncio.gather(sql, graph)
    except Failure:
        for task in (sql, graph):
            task.cancel()
        raise
    return connection, version


async def lock(connection: Any) -> None:
    """Held until the connection closes."""
    for _ in range(120):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            return
        await asyncio.sleep(1.0)
    raise Failure("prepare-busy", "waited 120 s")


async def tables(release: Release) -> None:
    """Begins and ends MemMachine as its server does, which makes tables and runs its migrations (memmachine-server
    0.2.6 to 0.4.0, server/api_v2/mcp.py; there is no command for it)."""
    try:
        async with asyncio.timeout(TABLES):
            await start_and_stop(release)
    except Failure:
        raise
    except TimeoutError:
        raise Failure("tables", f"MemMachine's start did not end within {TABLES:.0f} s") from None
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # our own deadline, not MemMachine's doing
            raise
        raise Failure("tables", "MemMachine's start was cancelled") from error
    except BaseException as error:
        raise Failure("tables", f"{type(error).__name__} while MemMachine started") from error


async def start_and_stop(release: Release) -> None:
    """Without a list of projects to delete: that is the server's work, and takes as long as they are large."""
    corrections.apply(release)
    machine = await release.part("server.api_v2.mcp").initialize_resource()
    await machine.resource_manager.get_session_data_manager()  # asked for that list, it makes its tables
    await machine.start()
    await machine.stop()


def step(text: str) -> None:
    print(f"memdeploy: {text}", file=sys.stderr, flush=True)


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        settings = configure.read(os.environ)
        prepared = configure.write(settings, ingestion=False)
        os.environ.update(prepared.environment)
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print must not look like our answer
            result = asyncio.run(asyncio.wait_for(prepare(settings, prepared), DEADLINE))
    except Failure as failure:
        end(failure)
    except TimeoutError:
        end(Failure("prepare-deadline", f"{DEADLINE:.0f} s"))
    except Exception as error:
        end(defect(error))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
