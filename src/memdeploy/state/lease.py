"""The lease: who may change a deployment now. An object of its own, renewed while its holder lives.

It saves a second run from starting; what keeps two runs apart even when a lease was lost is the fence in the journal
(`JournalStore.fence`). Ages are measured on a clock that runs through sleep, so that a laptop which was shut does not
wake up believing that it still holds what others have taken over.
"""

from __future__ import annotations

import getpass
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.clock import boottime
from memdeploy.errors import Cancelled, JournalError, Locked
from memdeploy.state.codec import checked, strict_json
from memdeploy.state.process import Process, gone, this_process
from memdeploy.state.store import Conflict, ObjectStore

TERM = 30.0  # seconds a lease is good for without being renewed; each says its own
_HEARTBEAT = 1 / 3  # of its term
_RENEW_AT = 2 / 3  # of its term: older, it is renewed before anything is sent, so that what is sent has a third left
_SKEW = 3 * TERM  # between the wall clocks of two hosts
_LOOK = 1.0  # seconds between looks while waiting
_KEY = "lease"
_END = 1e11  # seconds since the epoch; year 5138
DAMAGED = "lease-damaged"


@dataclass(frozen=True)
class Holder:
    """Who holds it. `acquired` and `renewed` are seconds since the epoch, `renewed_boot` is on the boot clock. It is
    good for `term` seconds without being renewed."""

    nonce: str
    process: Process
    user: str
    command: str
    acquired: float
    renewed: float
    renewed_boot: float
    term: float = TERM

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "process": self.process.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Holder:
        """Raises KeyError, TypeError or ValueError for what is none."""
        for name in ("nonce", "user", "command"):
            checked(data[name], str)
        for name in ("acquired", "renewed", "renewed_boot"):
            if not 0 <= checked(data[name], int, float) < _END:
                raise ValueError(f"{name} is none of our time")
        if not 0 < checked(data.get("term", TERM), int, float) < _END:
            raise ValueError("term is none")
        return cls(**{**data, "process": Process.from_json(data["process"])})

    @property
    def who(self) -> str:
        return f"{self.user}@{self.process.host}"

    def describe(self) -> str:
        since = datetime.fromtimestamp(self.acquired).astimezone().strftime("%H:%M:%S")
        return (
            f"`memdeploy {self.command}` of {self.user} (pid {self.process.pid} on {self.process.host}, since {since})"
        )


class Standing(StrEnum):
    """What can be known of a holder from here."""

    GONE = "gone"  # its process certainly does not run any more
    EXPIRED = "expired"  # it has not renewed its lease for longer than that is good for
    HOLDING = "holding"


@dataclass(frozen=True)
class Held:
    """`holder` is None when the lease is damaged: then nothing is known of whoever holds it. `age`: seconds since it
    was renewed."""

    holder: Holder | None
    standing: Standing
    age: float = 0.0


@dataclass(frozen=True)
class Clocks:
    """Real time: a lease is between processes of this world, whatever pace a rehearsal's clock has."""

    now: Callable[[], float] = time.time
    boottime: Callable[[], float] = boottime


class Lease:
    """Held. As `engine.ledger.Guard` it is asked before each changing call. Use as a context manager, or `release`."""

    def __init__(self, objects: ObjectStore, holder: Holder, version: int, name: str, clocks: Clocks) -> None:
        self._objects = objects
        self._holder = holder
        self._version = version
        self._name = name
        self._clocks = clocks
        self._lost = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="memdeploy-lease", daemon=True)
        self._heart.start()

    @property
    def holder(self) -> Holder:
        return self._holder

    def check(self) -> None:
        """Raises `Locked(code='fenced')` unless the lease is ours, and will be long enough to send a request."""
        with self._lock:
            self._lost = self._lost or self._broken()
            if not self._lost and self._old():
                self._renew()
            if self._lost:
                raise self._stopped(f"another run took {self._name} over")
            if self._old():
                raise self._stopped(f"the lease of {self._name} could not be renewed, and another run may have it")

    def release(self) -> None:
        """Idempotent; silent when it was lost."""
        self._done.set()
        if threading.current_thread() is not self._heart:
            self._heart.join()
        with self._lock:
            if self._lost:
                return
            self._lost = True
            try:
                self._objects.delete(_KEY, expect=self._version)
            except (Conflict, OSError, JournalError):
                return

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()

    def _beat(self) -> None:
        while not self._done.wait(self._holder.term * _HEARTBEAT):
            with self._lock:
                if self._lost:
                    return
                self._renew()

    def _renew(self) -> None:
        renewed = replace(self._holder, renewed=self._clocks.now(), renewed_boot=self._clocks.boottime())
        try:
            self._version = self._objects.write(_KEY, _encode(renewed), expect=self._version)
        except Conflict:
            self._lost = True
        except (OSError, JournalError):
            return  # a full disk: tried again, and `check` refuses once it is too old
        else:
            self._holder = renewed

    def _stopped(self, why: str) -> Locked:
        return Locked(f"{why}; this one stops without changing anything more", code="fenced", where=self._name)

    def _broken(self) -> bool:
        """Somebody took it away before it had run out (`unlock`). What cannot be seen now, its age decides."""
        try:
            found = self._objects.read(_KEY)
        except (OSError, JournalError):
            return False
        return found is None or found[1] != self._version

    def _old(self) -> bool:
        return self._clocks.boottime() - self._holder.renewed_boot > self._holder.term * _RENEW_AT


class Leases:
    """The lease of one deployment, for whoever wants to hold, see or break it."""

    def __init__(
        self, objects: ObjectStore, name: str, *, here: Process | None = None, clocks: Clocks | None = None,
        term: float = TERM,
    ) -> None:  # fmt: skip
        """`term` is of those that are acquired here; a holder's own is as it says."""
        self._objects = objects
        self._name = name
        self._here = here or this_process()
        self._clocks = clocks or Clocks()
        self._term = term

    def holder(self) -> Holder | None:
        """Who holds it now; None when nobody does, or it is free to be taken."""
        found = self._read()
        return None if found is None or self._free(found[0]) else found[0]

    def look(self) -> Held | None:
        """What there is, free or not, damaged or not; None when nobody left one."""
        try:
            found = self._read()
        except JournalError as error:
            if error.code != DAMAGED:
                raise
            return Held(None, Standing.HOLDING)
        return None if found is None else Held(found[0], self._standing(found[0]), self._age(found[0]))

    def acquire(
        self, command: str, *, wait: float = 0.0, cancel: CancelToken | None = None,
        waiting: Callable[[Holder], None] = lambda holder: None,
    ) -> Lease:  # fmt: skip
        """Raises `Locked` naming the holder, at once or after `wait` seconds; `Cancelled` when told to stop waiting.
        `waiting` is told who is waited for, once for each."""
        deadline = self._clocks.boottime() + wait
        token = cancel or CancelToken()
        told: str | None = None
        while True:
            lease, held_by = self._try(command)
            if lease is not None:
                return lease
            if self._clocks.boottime() >= deadline:
                raise self._locked(held_by)
            if held_by is not None and held_by.nonce != told:
                told = held_by.nonce
                waiting(held_by)
            token.event.wait(_LOOK)
            if token.cancelled:
                raise Cancelled(f"stopped while waiting for {self._name}")

    @property
    def who(self) -> str:
        """Us, as a holder would be named."""
        return f"{_user()}@{self._here.host}"

    def break_(self, seen: Holder | None) -> None:
        """Takes the lease away from the holder that was seen (None: a damaged one), and from nobody who came since:
        then `Locked`. A holder that still lives is stopped by its next `check`."""
        found = self._objects.read(_KEY)
        if found is None:
            return
        try:
            now: Holder | None = self._decode(found[0])
        except JournalError:
            now = None
        if (now.nonce if now else None) != (seen.nonce if seen else None):
            raise self._locked(now)
        try:
            self._objects.delete(_KEY, expect=found[1])
        except Conflict:
            raise self._locked(seen) from None

    def _try(self, command: str) -> tuple[Lease | None, Holder | None]:
        found = self._read()
        if found is not None and not self._free(found[0]):
            return None, found[0]
        now = self._clocks.now()
        boot = self._clocks.boottime()
        mine = Holder(secrets.token_hex(8), self._here, _user(), command, now, now, boot, self._term)
        try:
            version = self._objects.write(_KEY, _encode(mine), expect=None if found is None else found[1])
        except Conflict:
            return None, found[0] if found is not None else None
        return Lease(self._objects, mine, version, self._name, self._clocks), None

    def _free(self, holder: Holder) -> bool:
        return self._standing(holder) is not Standing.HOLDING

    def _standing(self, holder: Holder) -> Standing:
        if gone(holder.process, self._here):
            return Standing.GONE
        slack = 0.0 if self._is_here(holder) else _SKEW
        return Standing.EXPIRED if self._age(holder) > holder.term + slack else Standing.HOLDING

    def _age(self, holder: Holder) -> float:
        """Seconds since it was renewed: on the clock that both have, when both are of one boot."""
        if self._is_here(holder):
            return self._clocks.boottime() - holder.renewed_boot
        return self._clocks.now() - holder.renewed

    def _is_here(self, holder: Holder) -> bool:
        return holder.process.machine == self._here.machine

    def _read(self) -> tuple[Holder, int] | None:
        found = self._objects.read(_KEY)
        if found is None:
            return None
        return self._decode(found[0]), found[1]

    def _decode(self, data: bytes) -> Holder:
        try:
            return Holder.from_json(strict_json(data))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise JournalError(
                f"the lease of {self._name} is damaged",
                code=DAMAGED,
                where=self._name,
                suggestion="Make sure that no other run is under way, then `memdeploy unlock --holder-is-gone`.",
            ) from error

    def _locked(self, holder: Holder | None) -> Locked:
        who = holder.describe() if holder is not None else "another run"
        return Locked(
            f"{self._name} is being changed by {who}",
            where=self._name,
            suggestion="Wait for it to end (--wait waits), then run the command again. When it cannot end any more:"
            " `memdeploy unlock`.",
        )


def _encode(holder: Holder) -> bytes:
    return json.dumps(holder.to_json()).encode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
