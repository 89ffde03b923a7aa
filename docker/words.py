"""What the words `count`, `repair` and `rescue` have in common: they look into databases beside a running server,
answer with one line of JSON, and end with a code of the one table."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import checks
import configure
import corrections
from failures import Failure, defect, end

DATABASES = 60.0
LOCK = 5_714_229_032  # any number that nobody else uses in this database


class Place(Protocol):
    """Where memories are kept. `alone`: no other repair until it is left."""

    def reached(self, *, alone: bool = False) -> contextlib.AbstractAsyncContextManager[Any]: ...


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Neo4j, as the container's environment names them. Gives PostgreSQL's connection."""

    settings: configure.Settings
    prepared: configure.Prepared

    @contextlib.asynccontextmanager
    async def reached(self, *, alone: bool = False) -> AsyncIterator[Any]:
        connection = await checks.until(lambda: checks.postgres(self.settings, self.prepared), seconds=DATABASES)
        try:
            await checks.until(lambda: checks.neo4j(self.settings), seconds=DATABASES)
            if alone and not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                raise Failure("repair-busy")
            yield connection
        finally:
            await connection.close()


@dataclass(frozen=True)
class Files:
    """Whatever a configuration of MemMachine's names: databases in files, without servers."""

    configuration: Path

    @contextlib.asynccontextmanager
    async def reached(self, *, alone: bool = False) -> AsyncIterator[None]:
        with self.configuration.open() as file:
            try:
                if alone:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure("repair-busy") from None
            yield None


def place(folder: Path) -> Place:
    """By the environment: without a PostgreSQL to go to, MEMORY_CONFIG is taken as it stands."""
    written = Path(os.environ.get("MEMORY_CONFIG", ""))
    if not os.environ.get("POSTGRES_HOST") and written.is_file():
        return Files(written)
    settings = configure.read(os.environ)
    prepared = configure.write(settings, None if settings.on_disk else folder, ingestion=False)
    os.environ.update(prepared.environment)
    if not settings.on_disk:
        return Servers(settings, prepared)
    corrections.apply(settings.release)  # closing the stores saves an index
    return Files(prepared.configuration)


def run(word: Callable[[Place], Awaitable[dict[str, Any]]], *, seconds: float) -> None:
    """`word` gives what is answered, or raises `Failure`."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)  # a project without memories has no labels yet
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print must not look like our answer
            result = asyncio.run(_within(word(place(Path("/tmp"))), seconds))
    except Failure as failure:
        end(failure)
    except TimeoutError:
        end(Failure("word-deadline", f"{seconds:.0f} s"))
    except Exception as error:
        end(defect(error))
    print(json.dumps({"ok": True, **result}), flush=True)


async def _within(answer: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        return await answer
