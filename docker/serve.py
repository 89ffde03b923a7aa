"""Becomes the server (`server.py`), which waits here for the databases and their preparation. Prepares nothing: that
is `prepare`'s work, done once, and servers that start at once on an empty database would end each other."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import checks
import configure
import on_disk
from failures import Failure, defect, end

POSTGRES_SECONDS = 120.0
PREPARED_SECONDS = 230.0  # Cloud Run gives an instance 240 s to start
NEO4J_SECONDS = 60.0
SERVER = [sys.executable, str(Path(__file__).with_name("server.py"))]


async def wait(settings: configure.Settings, prepared: configure.Prepared, *, postgres: float, neo4j: float) -> None:
    """MemMachine ends when PostgreSQL is missing at its start, and does without Neo4j until asked for a memory."""
    graph = asyncio.create_task(checks.until(lambda: checks.neo4j(settings), seconds=neo4j))
    try:
        await ready(settings, prepared, postgres)
    except Failure:
        graph.cancel()
        raise
    try:
        await graph
    except Failure as failure:
        print(
            f"memdeploy: starting without Neo4j, memories cannot be stored yet ({failure})", file=sys.stderr, flush=True
        )


async def ready(settings: configure.Settings, prepared: configure.Prepared, seconds: float) -> None:
    connection = await checks.until(lambda: checks.postgres(settings, prepared), seconds=seconds)
    try:
        await checks.until(lambda: checks.is_prepared(connection), seconds=PREPARED_SECONDS)
        await checks.suits(connection, settings.release)
    finally:
        await connection.close()


def main() -> None:
    try:
        settings = configure.read(os.environ)
        prepared = configure.write(settings)
    except Failure as failure:
        end(failure)
    except Exception as error:
        end(defect(error))
    os.execve(SERVER[0], SERVER, server_environment(prepared))


def server_environment(prepared: configure.Prepared) -> dict[str, str]:
    """Ours without the raw secrets: the server needs each only once, in the form it reads."""
    raw = {"POSTGRES_PASSWORD", "NEO4J_PASSWORD", "MODEL_API_KEY", "POSTGRES_CA_PEM", "NEO4J_CA_PEM"}
    return {k: v for k, v in {**os.environ, **prepared.environment}.items() if k not in raw}


# -- in the server's process ---------------------------------------------


def begin() -> Future[None]:
    """Waits for the databases, where there are any, in a thread of its own, which hinders no end of the process."""
    found: Future[None] = Future()
    if os.environ.get(on_disk.VARIABLE):
        found.set_result(None)
        return found
    settings, prepared = configure.reread(os.environ)

    def run() -> None:
        try:
            asyncio.run(wait(settings, prepared, postgres=POSTGRES_SECONDS, neo4j=NEO4J_SECONDS))
        except Exception as error:
            found.set_exception(error)
        else:
            found.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return found


def finish(waiting: Future[None]) -> None:
    """Returns when the databases are there; ends the process with the culprit's exit code when they cannot be."""
    try:
        waiting.result()
    except Failure as failure:
        end(failure)
    except Exception as error:
        end(defect(error))


if __name__ == "__main__":
    main()
