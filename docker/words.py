"""What the words `count`, `repair` and `rescue` have in common: they look into databases beside a running server,
answer with one line of JSON, and end with a code of the one table."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import checks
import configure
from failures import Failure, defect, end

DATABASES = 60.0
ANSWER = "ok"


async def databases(settings: configure.Settings, prepared: configure.Prepared) -> Any:
    """Both answer; PostgreSQL's connection, to be closed."""
    connection = await checks.until(lambda: checks.postgres(settings, prepared), seconds=DATABASES)
    try:
        await checks.until(lambda: checks.neo4j(settings), seconds=DATABASES)
    except BaseException:
        await connection.close()
        raise
    return connection


def run(word: Callable[[configure.Settings, configure.Prepared], Awaitable[dict[str, Any]]], *, seconds: float) -> None:
    """`word` gives what is answered, or raises `Failure`."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        settings = configure.read(os.environ)
        prepared = configure.write(settings, Path("/tmp"), ingestion=False)
        os.environ.update(prepared.environment)
        with contextlib.redirect_stdout(sys.stderr):  # what libraries print must not look like our answer
            result = asyncio.run(asyncio.wait_for(_awaited(word(settings, prepared)), seconds))
    except Failure as failure:
        end(failure)
    except TimeoutError:
        end(Failure("word-deadline", f"{seconds:.0f} s"))
    except Exception as error:
        end(defect(error))
    print(json.dumps({ANSWER: True, **result}), flush=True)


async def _awaited(awaitable: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await awaitable
