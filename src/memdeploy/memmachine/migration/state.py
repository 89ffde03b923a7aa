"""How far a migration is: a file that only grows, so that whatever ends the process, the next one goes on from there.

Lines of JSON, 0600: first `{"version": 1, "pair": …}`, then one line for what was done. It holds names of projects and
uids, never a memory. A last line that was cut off counts as not written: what it would have said is found out again.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from memdeploy.errors import Refused
from memdeploy.memmachine.records import ProjectId

VERSION = 1


class State:
    """`ours`: projects that this migration made on the new side. `uids`: of each, old uid -> new uid."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.ours: set[ProjectId] = set()
        self.uids: dict[ProjectId, dict[str, str]] = {}
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, *, pair: str) -> State:
        """`pair` names the two sides, however the caller tells them apart; a file of another pair is refused."""
        if not path.exists():
            _create(path, {"version": VERSION, "pair": pair})
        state = cls(path, os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC))
        try:
            fcntl.flock(state._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            state._load(pair)
        except BlockingIOError:
            state.close()
            raise Refused(
                "another process is carrying these memories over", code="migration-busy", where=str(path),
                suggestion="Wait for it to end.",
            ) from None  # fmt: skip
        except BaseException:
            state.close()
            raise
        return state

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> State:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- what is noted -----------------------------------------

    def make(self, project: ProjectId) -> None:
        """Before the project is made: from then on what is in it is ours."""
        self._note({"project": str(project), "made": True})

    def carried(self, project: ProjectId, uids: Mapping[str, str]) -> None:
        self._note({"project": str(project), "uids": dict(uids)})

    def gone(self, project: ProjectId, old: Sequence[str]) -> None:
        self._note({"project": str(project), "gone": list(old)})

    def removed(self, project: ProjectId) -> None:
        self._note({"project": str(project), "made": False})

    def all_uids(self) -> dict[str, str]:
        """Of every project: a uid is unique in a whole deployment."""
        return {old: new for uids in self.uids.values() for old, new in uids.items()}

    # -- the file ----------------------------------------------

    def _note(self, line: dict[str, Any]) -> None:
        os.write(self._descriptor, (json.dumps(line) + "\n").encode())
        os.fsync(self._descriptor)
        self._apply(line)

    def _load(self, pair: str) -> None:
        whole, _, cut = self.path.read_bytes().rpartition(b"\n")
        if cut:
            os.ftruncate(self._descriptor, len(whole) + 1)
        first, *lines = whole.splitlines() or [b"{}"]
        head = json.loads(first)
        if (head.get("version"), head.get("pair")) != (VERSION, pair):
            raise Refused(
                "this file belongs to another migration, or to another version of memdeploy",
                code="migration-state", where=str(self.path),
                suggestion="Remove it only when the new side of that migration is gone too.",
            )  # fmt: skip
        for line in lines:
            self._apply(json.loads(line))

    def _apply(self, line: Mapping[str, Any]) -> None:
        project = ProjectId.parse(line["project"])
        uids = self.uids.setdefault(project, {})
        if line.get("made") is True:
            self.ours.add(project)
        elif line.get("made") is False:
            self.ours.discard(project)
            self.uids.pop(project)
        uids.update(line.get("uids") or {})
        for old in line.get("gone") or ():
            uids.pop(old, None)


def _create(path: Path, head: Mapping[str, Any]) -> None:
    """Whole or not at all; `mkstemp` makes files of mode 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(head) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).rename(path)
