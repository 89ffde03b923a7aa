"""Writing a journal: group commit. Whoever comes first writes for all who wait; nobody returns before it is durable."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from memdeploy.engine.ledger import StepRecord, Transition, advance
from memdeploy.errors import JournalError, Locked, MemdeployError
from memdeploy.state.codec import record_to_json
from memdeploy.state.journal import Journal, decode, encode
from memdeploy.state.store import Conflict, JournalStore

MAX_BYTES = 256 * 1024
"""Beyond this a step is refused its record; a whole deployment takes about a tenth."""


class JournalWriter:
    """The only writer of a journal, and its steps' `Ledger`. After a failed write (fenced off, disk full) it refuses
    everything: what is in memory is then ahead of what is durable."""

    def __init__(self, store: JournalStore, journal: Journal, now: Callable[[], float]) -> None:
        self._store = store
        self._journal = journal
        self._now = now
        self._turn = threading.Condition()
        self._sizes = {name: _size(record) for name, record in journal.steps.items()}
        self._counted = 0
        self._durable = 0
        self._writing = False
        self._broken: MemdeployError | None = None

    @classmethod
    def take_over(cls, store: JournalStore, now: Callable[[], float]) -> JournalWriter:
        """Fences off every earlier writer and makes the first write of the new epoch."""
        try:
            found = store.fence()
        except Conflict:
            raise JournalError(f"{store.where} holds no journal", where=store.where) from None
        journal = replace(decode(found.data, found.where), epoch=found.epoch, run=secrets.token_hex(6))
        writer = cls(store, journal, now)
        writer.update()
        return writer

    @property
    def snapshot(self) -> Journal:
        """As it stands, possibly a moment ahead of what is durable."""
        with self._turn:
            return self._journal

    def ledger(self) -> JournalWriter:
        """The engine's view of this journal (`engine.ledger.Ledger`)."""
        return self

    def record(self, step: str) -> StepRecord:
        with self._turn:
            return self._journal.record(step)

    def commit(self, step: str, transition: Transition) -> StepRecord:
        with self._turn:
            self._check()
            record = advance(self._journal.record(step), transition)
            self._measure(step, record)
            steps = {**self._journal.steps, step: record}
            ticket = self._change(steps=steps, transitions=self._journal.transitions + 1)
        self._flush(ticket)
        return record

    def update(
        self,
        *,
        status: str | None = None,
        configuration: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        forget: Iterable[str] = (),
    ) -> Journal:
        """Durable on return. `facts` are merged, None removes one; `forget` names steps whose records go."""
        with self._turn:
            self._check()
            changed: dict[str, Any] = {}
            if status is not None:
                changed["status"] = str(status)
            if configuration is not None:
                changed["configuration"] = _plain(configuration)
            if facts is not None:
                merged = {**self._journal.facts, **_plain(facts)}
                changed["facts"] = {key: value for key, value in merged.items() if value is not None}
            gone = frozenset(forget)
            if gone:
                self._sizes = {name: size for name, size in self._sizes.items() if name not in gone}
                changed["steps"] = {name: item for name, item in self._journal.steps.items() if name not in gone}
            ticket = self._change(**changed)
        self._flush(ticket)
        return self.snapshot

    def _change(self, **fields: Any) -> int:
        self._journal = replace(self._journal, updated=self._now(), **fields)
        self._counted += 1
        return self._counted

    def _flush(self, ticket: int) -> None:
        with self._turn:
            while self._writing and self._durable < ticket and self._broken is None:
                self._turn.wait()
            if self._durable >= ticket:
                return
            self._check()
            self._writing = True
            self._journal = replace(self._journal, serial=self._journal.serial + 1)
            journal, upto = self._journal, self._counted
        self._write(journal, upto)

    def _write(self, journal: Journal, upto: int) -> None:
        broken: MemdeployError | None = None
        try:
            self._store.save(journal.epoch, encode(journal))
        except MemdeployError as error:
            broken = error
        except BaseException as error:
            broken = JournalError(f"the journal could not be written: {type(error).__name__}", where=self._store.where)
            broken.__cause__ = error
        with self._turn:
            self._writing = False
            self._broken = broken
            if broken is None:
                self._durable = upto
            self._turn.notify_all()
            self._check()

    def _check(self) -> None:
        """A new error each time: one object raised in many threads would mix up their tracebacks."""
        if self._broken is not None:
            known = Locked if isinstance(self._broken, Locked) else JournalError
            raise known(
                self._broken.message,
                code=self._broken.code,
                where=self._broken.where,
                suggestion=self._broken.suggestion,
            ) from self._broken

    def _measure(self, step: str, record: StepRecord) -> None:
        """What is not JSON, or too much, is the failure of its own step and nobody else's."""
        size = _size(record)
        if sum(self._sizes.values()) - self._sizes.get(step, 0) + size > MAX_BYTES:
            raise JournalError(f"step {step} would make the journal larger than {MAX_BYTES // 1024} KB", where=step)
        self._sizes[step] = size


def _size(record: StepRecord) -> int:
    return len(json.dumps(record_to_json(record), allow_nan=False))


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    return plain
