"""What the embedded cloud remembers: one sqlite file for what may be seen, another (0600 too) for secret values.

Every method must be called inside `transaction()`, which serialises all requests: a request's whole effect is committed
before its answer is sent, or none of it is. A SIGKILL loses nothing that was committed (write-ahead log; only a power
cut could, which a rehearsal may forget).
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from memdeploy import private

TABLES = """
CREATE TABLE IF NOT EXISTS resources (service TEXT, name TEXT, type TEXT, body TEXT, hidden TEXT,
    created REAL, updated REAL, generation INTEGER, PRIMARY KEY (service, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (service TEXT, name TEXT, record TEXT, due REAL, open INTEGER,
    PRIMARY KEY (service, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_operations ON operations (due) WHERE open = 1;
CREATE TABLE IF NOT EXISTS policies (service TEXT, name TEXT, record TEXT, PRIMARY KEY (service, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (n INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""


_ROWS = "SELECT service, type, name, body, hidden, created, updated, generation FROM resources"


@dataclass(frozen=True)
class Row:
    """A resource. `name` is the full Google name with the project's id; `body` what clients see, `hidden` what not."""

    service: str
    type: str
    name: str
    body: dict[str, Any]
    hidden: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0
    generation: int = 1

    @property
    def etag(self) -> str:
        return f'"{zlib.crc32(self.name.encode()):08x}{self.generation:06x}"'

    def with_body(self, **changes: Any) -> Row:
        return replace(self, body={**self.body, **changes})

    def with_hidden(self, **changes: Any) -> Row:
        return replace(self, hidden={**self.hidden, **changes})


def _open(path: Path) -> sqlite3.Connection:
    os.close(private.open_file(path, os.O_RDWR))
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")
    return db


class Secrets:
    """Secret values by key, in a file of their own. A put counts at once, a removal when the transaction commits:
    an orphan after a crash is harmless, a resource without its value is not."""

    def __init__(self, path: Path) -> None:
        self._db = _open(path)
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.execute("CREATE TABLE IF NOT EXISTS secrets (key TEXT PRIMARY KEY, value BLOB)")
        self._doomed: list[str] = []

    def put(self, key: str, value: bytes) -> None:
        self._doomed = [k for k in self._doomed if k != key]
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (key, value))

    def get(self, key: str) -> bytes | None:
        if key in self._doomed:
            return None
        found = self._db.execute("SELECT value FROM secrets WHERE key = ?", (key,)).fetchone()
        return bytes(found[0]) if found else None

    def remove(self, key: str) -> None:
        self._doomed.append(key)

    def settle(self, *, committed: bool) -> None:
        doomed, self._doomed = self._doomed, []
        for key in doomed if committed else []:
            self._db.execute("DELETE FROM secrets WHERE key = ?", (key,))

    def clear(self) -> None:
        self._db.execute("DELETE FROM secrets")

    def close(self) -> None:
        self._db.close()


class Store:
    def __init__(self, folder: Path) -> None:
        private.make_folder(folder)
        self._lock = threading.RLock()
        self._db = _open(folder / "cloud.db")
        self._db.executescript(TABLES)
        self.secrets = Secrets(folder / "secrets.db")
        self._born: list[str] = []

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self.secrets.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Holds the one lock. Commits at the end, rolls back when anything is raised. Not re-entrant."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                self.secrets.settle(committed=False)
                raise
            self._db.execute("COMMIT")
            self.secrets.settle(committed=True)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Inside a transaction: undoes what was done in here when anything is raised, and only that."""
        self._db.execute("SAVEPOINT attempt")
        born = len(self._born)
        try:
            yield
        except BaseException:
            del self._born[born:]
            self._db.execute("ROLLBACK TO attempt")
            self._db.execute("RELEASE attempt")
            self.secrets.settle(committed=False)
            raise
        self._db.execute("RELEASE attempt")

    # resources

    def get(self, service: str, name: str) -> Row | None:
        found = self._db.execute(
            f"{_ROWS} WHERE service = ? AND name = ?",
            (service, name),
        ).fetchone()
        return _row(found) if found else None

    def put(self, row: Row, now: float) -> Row:
        """Inserts or replaces; the generation grows with every put, so etags change."""
        old = self._db.execute(
            "SELECT created, generation FROM resources WHERE service = ? AND name = ?", (row.service, row.name)
        ).fetchone()
        created, generation = (old[0], old[1] + 1) if old else (now, 1)
        if old is None:
            self._born.append(f"{row.service}.{row.type} {row.name}")
        kept = replace(row, created=created, updated=now, generation=generation)
        self._db.execute(
            "INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (kept.service, kept.name, kept.type, _dump(kept.body), _dump(kept.hidden), created, now, generation),
        )
        return kept

    def take_born(self) -> list[str]:
        """What was put for the first time since this was asked last: `compute.Network projects/p/global/networks/n`."""
        born, self._born = self._born, []
        return born

    def delete(self, service: str, name: str, *, children: bool = True) -> None:
        """Removes the resource, its policy and, by name, everything below it."""
        for table in ("resources", "policies"):
            self._db.execute(f"DELETE FROM {table} WHERE service = ? AND name = ?", (service, name))  # noqa: S608
            if children:
                self._db.execute(
                    f"DELETE FROM {table} WHERE service = ? AND name >= ? AND name < ?",  # noqa: S608
                    (service, f"{name}/", f"{name}0"),
                )

    def rename(self, before: re.Pattern[str], after: str) -> None:
        """In everything that resources and operations say."""
        for table, column in (("resources", "body"), ("resources", "hidden"), ("operations", "record")):
            rows = self._db.execute(f"SELECT service, name, {column} FROM {table}").fetchall()  # noqa: S608
            said = [(before.sub(after, text), *key) for *key, text in rows if before.search(text)]
            self._db.executemany(f"UPDATE {table} SET {column} = ? WHERE service = ? AND name = ?", said)  # noqa: S608

    def below(self, service: str, collection: str, type_: str | None = None) -> list[Row]:
        """Resources whose name lies anywhere below `collection` (no trailing slash), by name; '' means all."""
        found = self._db.execute(
            f"{_ROWS} WHERE service = ? AND (? = '' OR (name >= ? AND name < ?))"
            " AND (? IS NULL OR type = ?) ORDER BY name",
            (service, collection, f"{collection}/", f"{collection}0", type_, type_),
        )
        return [_row(r) for r in found]

    def children(self, service: str, collection: str, type_: str | None = None) -> list[Row]:
        """Resources directly in `collection`: `projects/p/secrets` -> the secrets, not their versions."""
        found = self._db.execute(
            f"{_ROWS} WHERE service = ? AND name >= ? AND name < ? AND instr(substr(name, ?), '/') = 0"
            " AND (? IS NULL OR type = ?) ORDER BY name",
            (service, f"{collection}/", f"{collection}0", len(collection) + 2, type_, type_),
        )
        return [_row(r) for r in found]

    def everything(self) -> list[Row]:
        found = self._db.execute(f"{_ROWS} ORDER BY service, name")
        return [_row(r) for r in found]

    # operations: records are `operations.Operation` as plain data

    def put_operation(self, service: str, name: str, record: dict[str, Any], *, due: float, open_: bool) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?)", (service, name, _dump(record), due, int(open_))
        )

    def operation(self, service: str, name: str) -> dict[str, Any] | None:
        found = self._db.execute(
            "SELECT record FROM operations WHERE service = ? AND name = ?", (service, name)
        ).fetchone()
        return _load(found[0]) if found else None

    def operations(self, service: str, prefix: str = "") -> list[dict[str, Any]]:
        found = self._db.execute(
            "SELECT record FROM operations WHERE service = ? AND substr(name, 1, ?) = ? ORDER BY due",
            (service, len(prefix), prefix),
        )
        return [_load(r[0]) for r in found]

    def open_operations(self, service: str) -> list[dict[str, Any]]:
        """Those that have not ended: few, however many there ever were."""
        found = self._db.execute(
            "SELECT record FROM operations WHERE open = 1 AND service = ? ORDER BY due", (service,)
        )
        return [_load(r[0]) for r in found]

    def due_operations(self, now: float) -> list[dict[str, Any]]:
        found = self._db.execute("SELECT record FROM operations WHERE open = 1 AND due <= ? ORDER BY due", (now,))
        return [_load(r[0]) for r in found]

    def last_due(self) -> float | None:
        """When the last open operation is due; None: there is none."""
        found = self._db.execute("SELECT max(due) FROM operations WHERE open = 1").fetchone()
        return found[0] if found else None

    # IAM policies: records are `policies.py`'s

    def policy(self, service: str, name: str) -> dict[str, Any] | None:
        found = self._db.execute(
            "SELECT record FROM policies WHERE service = ? AND name = ?", (service, name)
        ).fetchone()
        return _load(found[0]) if found else None

    def put_policy(self, service: str, name: str, record: dict[str, Any]) -> None:
        self._db.execute("INSERT OR REPLACE INTO policies VALUES (?, ?, ?)", (service, name, _dump(record)))

    def policies(self) -> list[tuple[str, str, dict[str, Any]]]:
        """All of them: (service, resource, record)."""
        found = self._db.execute("SELECT service, name, record FROM policies ORDER BY service, name")
        return [(service, name, _load(record)) for service, name, record in found]

    # facts: small things of the rehearsal itself (its id, counters, applied world)

    def fact(self, key: str, default: Any = None) -> Any:
        found = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return json.loads(found[0]) if found else default

    def put_fact(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))

    def next(self, counter: str) -> int:
        """1, 2, 3, … for each counter; never given twice, also after a restart."""
        value = int(self.fact(f"counter/{counter}", 0)) + 1
        self.put_fact(f"counter/{counter}", value)
        return value

    # requests

    def request_number(self) -> int:
        """The number that the next logged request will have."""
        found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").fetchone()
        return (int(found[0]) if found else 0) + 1

    def log_request(self, record: dict[str, Any]) -> None:
        self._db.execute("INSERT INTO requests (record) VALUES (?)", (_dump(record),))

    def requests(self, since: int) -> list[dict[str, Any]]:
        """Those with a number greater than `since`."""
        found = self._db.execute("SELECT n, record FROM requests WHERE n > ? ORDER BY n", (since,))
        return [{"n": n, **_load(record)} for n, record in found]

    def reset(self) -> None:
        """Forgets every resource, operation, secret and request; facts named `keep/…` stay."""
        for table in ("resources", "operations", "policies", "requests"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names
        self._db.execute("DELETE FROM facts WHERE key NOT LIKE 'keep/%'")
        self.secrets.clear()


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _load(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def _row(found: tuple[Any, ...]) -> Row:
    service, type_, name, body, hidden, created, updated, generation = found
    return Row(service, type_, name, _load(body), _load(hidden), created, updated, generation)
