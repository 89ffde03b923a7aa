"""The store that lists memories: one SQL for PostgreSQL and SQLite, through the engine that MemMachine itself uses."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

FEATURES = ("feature", "vector_semantic_feature")
HISTORIES = ("set_ingested_history", "vector_semantic_set_ingested_history")


async def sessions(engine: Any) -> list[str]:
    """Keys `organisation/project` of all projects that are not being deleted."""
    async with engine.connect() as connection:
        columns = await connection.run_sync(lambda sync: _columns(sync, "sessions"))
        where = "WHERE status = 'active'" if "status" in columns else ""  # not in 0.2.6
        query = f"SELECT session_key FROM sessions {where} ORDER BY session_key"  # noqa: S608 (ours, as all here)
        return [str(row[0]) for row in await connection.execute(statement(query))]


async def memories(engine: Any) -> dict[str, set[str]]:
    """Project's key -> uids."""
    found: dict[str, set[str]] = defaultdict(set)
    async with engine.connect() as connection:
        key = await connection.run_sync(lambda sync: uid_column(_columns(sync, "episodestore")))
        rows = await connection.stream(statement(f"SELECT session_key, {key} FROM episodestore"))  # noqa: S608
        async for session, uid in rows:
            found[session].add(text(uid))
    return found


async def undigested(engine: Any, stored: dict[str, set[str]]) -> dict[str, int]:
    """Project's key -> memories that wait for semantic memory."""
    waiting: set[str] = set()
    for table in await tables(engine, HISTORIES):
        async with engine.connect() as connection:
            query = f"SELECT DISTINCT history_id FROM {table} WHERE ingested = :no"  # noqa: S608
            rows = await connection.stream(statement(query), {"no": False})
            waiting |= {text(row[0]) async for row in rows}
    return {key: len(uids & waiting) for key, uids in stored.items()}


async def features(engine: Any) -> int:
    count = 0
    for table in await tables(engine, FEATURES):
        async with engine.connect() as connection:
            rows = await connection.execute(statement(f"SELECT count(*) FROM {table}"))  # noqa: S608
            count += int(rows.scalar_one())
    return count


async def tables(engine: Any, names: tuple[str, ...]) -> list[str]:
    async with engine.connect() as connection:
        return [name for name in names if await connection.run_sync(lambda sync, n=name: bool(_columns(sync, n)))]


def uid_column(columns: set[str]) -> str:
    return "uid" if "uid" in columns else "id"  # until 0.3.9 a number


def text(uid: Any) -> str:
    """As MemMachine's API writes it. SQLite keeps a UUID as 32 hexadecimal digits."""
    plain = str(uid)
    return str(uuid.UUID(plain)) if len(plain) == 32 else plain


def _columns(connection: Any, table: str) -> set[str]:
    """Empty when there is no such table."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError

    try:
        return {column["name"] for column in inspect(connection).get_columns(table)}
    except NoSuchTableError:
        return set()


def statement(query: str) -> Any:
    import sqlalchemy

    return sqlalchemy.text(query)
