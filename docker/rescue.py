"""Brings back a 0.3.9 database on which somebody has started 0.4.0: that one notes its own revision, changes nothing
else that 0.3.9 reads, is healthy, and fails at every call; and 0.3.9 then no longer starts (`Can't locate revision`).

usage: rescue.py [--check]      `--check` only looks. Ends with one line of JSON on standard output.

The two statements are all that 0.4.0's start did to such a database (its migration e8d4a37b69f2; run with both).
"""

from __future__ import annotations

import sys
from typing import Any

import checks
import configure
import graph
import words
from failures import Failure

DEADLINE = 300.0
OLD, NEW = "c7a2f8e31b90", "e8d4a37b69f2"
BACK = (
    f"UPDATE alembic_version SET version_num = '{OLD}' WHERE version_num = '{NEW}'",  # noqa: S608
    "ALTER TABLE set_ingested_history DROP COLUMN IF EXISTS episode_created_at",
)
REFUSED = {
    "healthy": "this is a database of 0.3.9 that no later release has touched",
    "new": "this is a database of 0.4.0 itself",
    "empty": "there are no tables of MemMachine",
    "other": "this is the state of another release",
    "used": "0.4.0 has stored something in it",
}


async def rescue(place: words.Place) -> dict[str, Any]:
    if not isinstance(place, words.Servers):
        raise Failure("rescue-refused", "there is no PostgreSQL")
    only_look = "--check" in sys.argv[1:]
    async with place.reached(alone=True) as connection, connection.transaction():
        found = await look(connection, place.settings)
        if only_look or found["state"] == "healthy":
            return {**found, "rescued": False}
        if found["state"] != "broken":
            raise Failure("rescue-refused", told(found))
        for statement in BACK:
            await connection.execute(statement)
        return {**found, "rescued": True}


async def look(connection: Any, settings: configure.Settings) -> dict[str, Any]:
    """`state`: `broken` is what can be brought back; the others are in REFUSED."""
    columns = await columns_of(connection, "episodestore")
    revision = await revision_of(connection)
    found: dict[str, Any] = {"revision": revision, "memories": 0, "stored_by_new": {}}
    if not columns or revision is None:
        return {**found, "state": "empty"}
    found["memories"] = await connection.fetchval("SELECT count(*) FROM episodestore")
    if "uid" in columns:
        return {**found, "state": "new"}
    if revision == OLD:
        return {**found, "state": "healthy"}
    if revision != NEW:
        return {**found, "state": "other"}
    found["stored_by_new"] = await stored_by_new(connection, settings)
    return {**found, "state": "used" if any(found["stored_by_new"].values()) else "broken"}


async def stored_by_new(connection: Any, settings: configure.Settings) -> dict[str, int]:
    """What failed adds of 0.4.0 left, which 0.3.9 does not understand: its uids are numbers, those are UUIDs."""
    history = citations = 0
    if await columns_of(connection, "set_ingested_history"):
        history = await connection.fetchval("SELECT count(*) FROM set_ingested_history WHERE history_id !~ '^[0-9]+$'")
    if await columns_of(connection, "citations"):
        citations = await connection.fetchval("SELECT count(*) FROM citations WHERE history_id !~ '^[0-9]+$'")
    return {"history": history, "citations": citations, "graph": await in_graph(settings)}


async def in_graph(settings: configure.Settings) -> int:
    """Memories of the graph whose uid is no number."""
    from neo4j import AsyncGraphDatabase

    driver = AsyncGraphDatabase.driver(settings.neo4j_uri, auth=(settings.neo4j_user, settings.neo4j_password))
    try:
        count = 0
        for key in await graph.projects(driver):
            label = graph.sanitized(f"Episode_{key}")
            records, _, _ = await driver.execute_query(
                f"MATCH (n:`{label}`) WHERE NOT n.uid =~ '[0-9]+' RETURN count(n) AS count"
            )
            count += records[0]["count"]
        return count
    except Exception as error:
        raise checks.neo4j_failure(error) from None
    finally:
        await driver.close()


async def columns_of(connection: Any, table: str) -> set[str]:
    rows = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1",
        table,
    )
    return {row["column_name"] for row in rows}


async def revision_of(connection: Any) -> str | None:
    if not await columns_of(connection, "alembic_version"):
        return None
    return await connection.fetchval("SELECT version_num FROM alembic_version")


def told(found: dict[str, Any]) -> str:
    parts = ", ".join(f"{count} in {where}" for where, count in found["stored_by_new"].items() if count)
    return REFUSED[found["state"]] + (f" ({parts})" if parts else f" (revision {found['revision']})")


if __name__ == "__main__":
    words.run(rescue, seconds=DEADLINE)
