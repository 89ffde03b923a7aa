"""How far a migration is: a file that only grows, so that whatever ends the process, the next one goes on from there.

Lines of JSON, 0600: first `{"version": 1, "pair": …}`, then one line for what was done. It holds names of projects and
uids, never a memory. A last line that was cut off counts as not written: what it would have said is found out again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from memdeploy import private
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
        if not os.path.lexists(path):
            _create(path, {"version": VERSION, "pair": pair})
        state = cls(path, _opened(path))
        try:
            if not private.taken(state._descriptor):
                raise Refused(
                    "another process is carrying these memories over", code="migration-busy", where=str(path),
                    suggestion="Wait for it to end.",
                )  # fmt: skip
            state._load(pair)
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
        whole, _, cut = self._content().rpartition(b"\n")
        try:
            head, *lines = [json.loads(line) for line in whole.splitlines()] or [{}]
            same = (head.get("version"), head.get("pair")) == (VERSION, pair)
            for line in lines if same else ():
                self._apply(line)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise _unusable(self.path, f"it is damaged ({type(error).__name__})") from error
        if not same:
            raise Refused(
                "this file belongs to another migration, or to another version of memdeploy",
                code="migration-state", where=str(self.path),
                suggestion="Remove it only when the new side of that migration is gone too.",
            )  # fmt: skip
        if cut:
            os.ftruncate(self._descriptor, len(whole) + 1)

    def _content(self) -> bytes:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            return file.read()

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
    private.make_missing(path.parent)
    with private.whole(path) as file:
        file.write((json.dumps(head) + "\n").encode())


def _opened(path: Path) -> int:
    try:
        return private.open_file(path, os.O_RDWR | os.O_APPEND)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _unusable(path: Path, why: str) -> Refused:
    return Refused(
        f"how far the migration is cannot be read from {path}: {why}",
        code="migration-state", where=str(path),
        suggestion="Destroy the new side of that migration and remove this file, then begin it anew.",
    )  # fmt: skip
