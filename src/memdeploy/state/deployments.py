"""All deployments of a state root, and the place of each: its journal, its lease, its runs.

`<root>/<name>/` for a deployment, `<root>/_shared/<key>/` for what deployments share; inside each the journal, the
lease and `runs/`. A rehearsal keeps its own files there too (`Place.folder`).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from memdeploy.engine.cancel import CancelToken
from memdeploy.errors import JournalError, MemdeployError, NoSuchDeployment, Refused, UsageError
from memdeploy.state import belonging, files, versions
from memdeploy.state.folder import FolderStore
from memdeploy.state.journal import DeploymentStatus, Journal, decode, encode
from memdeploy.state.lease import TERM, Clocks, Holder, Lease, Leases
from memdeploy.state.objects import FolderObjects
from memdeploy.state.runs import RunLogs
from memdeploy.state.store import Conflict
from memdeploy.state.writer import JournalWriter

NAME = re.compile(r"[a-z][a-z0-9-]{1,18}[a-z0-9]")
"""Of a deployment, as a whole."""
_DRAWN = string.ascii_lowercase + string.digits
_SHARED = belonging.SHARED


def default_root() -> Path:
    """The user's own folder for state, never one inside a repository."""
    return platformdirs.user_state_path("memdeploy", appauthor=False)


class Place:
    """Where one deployment is kept; or (`shared`: what its journal has to say of itself) what several share."""

    def __init__(self, folder: Path, name: str, clocks: Clocks, shared: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.name = name
        self._clocks = clocks
        self._shared = shared
        self._store = FolderStore(folder)

    def read(self) -> Journal:
        """The journal as last written; needs no lease. Raises `NoSuchDeployment`, `JournalError`."""
        try:
            return self._read()
        except JournalError as error:
            if self._shared is not None:
                belonging.advise_shared(error)
            raise

    def _read(self) -> Journal:
        found = self._store.load()
        if found is None:
            raise NoSuchDeployment(f"there is no deployment {self.name}", where=str(self.folder))
        journal = decode(found.data, found.where)
        if self._shared is None:
            belonging.check_own(journal, self.name, self.folder, found.where)
        else:
            belonging.check_shared(journal, self._shared, found.where)
        return journal

    def acquire(
        self, command: str, *, wait: float = 0.0, cancel: CancelToken | None = None, term: float = TERM,
        waiting: Callable[[Holder], None] = lambda holder: None,
    ) -> Lease:  # fmt: skip
        """See `Leases.acquire`; `term`: `Holder.term`."""
        files.check_folder(self.folder)
        return self.leases(term).acquire(command, wait=wait, cancel=cancel, waiting=waiting)

    def leases(self, term: float = TERM) -> Leases:
        return Leases(FolderObjects(self.folder), self.name, clocks=self._clocks, term=term)

    def write(self, lease: Lease) -> JournalWriter:
        """Takes the journal over, which fences off whoever wrote it before. Only with the lease in hand; looked at
        first, for one that cannot be read is left as it is."""
        lease.check()
        self.read()
        return JournalWriter.take_over(self._store, self._clocks.now)

    def earlier(self) -> Journal | None:
        """The newest snapshot of this deployment that can be read, whatever came after it. None: there is none."""
        for found in self._store.snapshots():
            with contextlib.suppress(JournalError):
                journal = decode(found.data, found.where)
                if journal.name == self.name:
                    return journal
        return None

    def rebuild(self, lease: Lease, journal: Journal) -> str | None:
        """Writes a journal anew where it was lost, and fences off whoever wrote the lost one. Where the copy of what
        was there is; None when nothing was."""
        lease.check()
        stamp = datetime.fromtimestamp(self._clocks.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = self._store.set_aside(f"lost-{stamp}-{secrets.token_hex(2)}")
        epoch = self._store.seize()
        self._store.save(epoch, encode(replace(journal, epoch=epoch)))
        return kept

    def runs(self) -> RunLogs:
        return RunLogs(self.folder / "runs")

    def forget(self, lease: Lease) -> None:
        """Deletes everything that is kept here, the lease with it. It is moved aside while the lease is held: whoever
        takes the name next finds nothing, and nothing of theirs is deleted."""
        lease.check()
        if self.read().status not in (DeploymentStatus.DESTROYED, DeploymentStatus.NEW):
            raise Refused(f"{self.name} still has resources", where=self.name)
        aside = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(6)}")
        self.folder.rename(aside)
        lease.release()
        shutil.rmtree(aside)

    def _born(self, journal: Journal) -> None:
        self._store.create(encode(journal))

    def _born_again(self, journal: Journal) -> None:
        """Raises `Conflict` when somebody else was faster. Of two that take the name at once, the fence lets only one
        write, and shows the other what was written."""
        fenced = self._store.fence()
        if decode(fenced.data, fenced.where).status != DeploymentStatus.DESTROYED:
            raise Conflict
        self._store.save(fenced.epoch, encode(replace(journal, epoch=fenced.epoch)))


@dataclass(frozen=True)
class Listed:
    """One line of `memdeploy list`: `error` is set when its journal cannot be read."""

    name: str
    journal: Journal | None
    error: MemdeployError | None = None


class Deployments:
    """A state root. Reading makes nothing; the folder is made with the first deployment."""

    def __init__(self, root: Path | None = None, *, clocks: Clocks | None = None) -> None:
        self.root = (root or default_root()).expanduser().resolve()
        self._clocks = clocks or Clocks()

    def names(self) -> tuple[str, ...]:
        if not self.root.is_dir():
            return ()
        found = sorted(path.name for path in self.root.iterdir() if NAME.fullmatch(path.name))
        return tuple(name for name in found if _taken(self.root / name))

    def has(self, name: str) -> bool:
        """As `name in names()`, without a look at the others, of which a pipeline may have left thousands."""
        return NAME.fullmatch(name) is not None and _taken(self.root / name)

    def list(self) -> tuple[Listed, ...]:
        return tuple(self._listed(name) for name in self.names())

    def open(self, name: str) -> Place:
        """Raises `NoSuchDeployment` naming those there are."""
        place = self.place(name)
        if not versions.numbers(place.folder, "journal"):
            others = ", ".join(self.names()) or "none"
            raise NoSuchDeployment(
                f"there is no deployment {name} in {self.root}",
                where=str(self.root),
                suggestion=f"Deployments there: {others}. `memdeploy up --name {name}` makes it.",
            )
        return place

    def ground(self, name: str) -> Place:
        """The place of that name with its folder, whatever is in it: for whoever writes its journal anew."""
        place = self.place(name)
        files.make_root(self.root)
        files.make_folder(place.folder)
        return place

    def create(
        self,
        name: str,
        *,
        provider: str,
        identity: Mapping[str, Any],
        binding: str,
        configuration: Mapping[str, Any],
    ) -> Place:
        """Draws id and suffix and makes them durable. A name whose deployment was destroyed starts anew. Raises
        `Refused` when there is one."""
        drawn = self.draft(name, provider=provider, identity=identity, binding=binding, configuration=configuration)
        return self.keep(drawn)

    def keep(self, drafted: Journal) -> Place:
        """Makes a `draft` durable, under the conditions of `create`."""
        place = self.place(drafted.name)
        files.make_root(self.root)
        try:
            self._bear(place, drafted)
        except Conflict:
            raise Refused(
                f"there is a deployment {drafted.name} already", code="exists", where=str(self.root)
            ) from None
        return place

    def _bear(self, place: Place, drafted: Journal) -> None:
        try:
            place._born(drafted)
        except Conflict:
            if place.read().status != DeploymentStatus.DESTROYED:  # looked at first: to fence off a living run is rude
                raise
            place._born_again(drafted)

    def draft(
        self,
        name: str,
        *,
        provider: str,
        identity: Mapping[str, Any],
        binding: str,
        configuration: Mapping[str, Any],
    ) -> Journal:
        """What `create` would make, for looking only: its id and suffix are drawn and forgotten."""
        return self._new(name, provider, identity, binding, configuration, marker=_draw(12), suffix=_draw(4))

    def shared(
        self, key: str, *, marker: str, binding: str, provider: str, identity: Mapping[str, Any], create: bool = True
    ) -> Place | None:
        """What deployments of this key and binding share. `marker` is its fixed id. Not there: made, or None."""
        folder = f"{_slug(key)}.{_slug(binding)}"
        wanted = {"name": _SHARED, "id": marker, "binding": binding, "provider": provider, "identity": identity}
        place = Place(self.root / _SHARED / folder, f"{_SHARED}/{key}", self._clocks, wanted)
        if os.path.lexists(self.root / _SHARED):
            files.check_folder(self.root / _SHARED)
        if not create:
            return place if versions.numbers(place.folder, "journal") else None
        files.make_root(self.root)
        files.make_folder(self.root / _SHARED)
        try:
            place._born(self._new(_SHARED, provider, identity, binding, {}, marker=marker, suffix=""))
        except Conflict:
            return place
        return place

    def shared_places(self) -> tuple[Place, ...]:
        """All shared ones there are."""
        folder = self.root / _SHARED
        if not os.path.lexists(folder):
            return ()
        files.check_folder(folder)
        kept = (path for path in sorted(folder.iterdir()) if versions.numbers(path, "journal"))
        return tuple(Place(path, f"{_SHARED}/{path.name}", self._clocks, {"name": _SHARED}) for path in kept)

    def place(self, name: str) -> Place:
        """Where it is, or would be. Raises `UsageError` for what is no name."""
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a deployment",
                code="invalid-name",
                suggestion="3 to 20 of a-z, 0-9 and dashes, beginning with a letter, not ending with a dash.",
            )
        return Place(self.root / name, name, self._clocks)

    def _listed(self, name: str) -> Listed:
        try:
            return Listed(name, self.place(name).read())
        except (JournalError, NoSuchDeployment) as error:
            return Listed(name, None, error)

    def _new(
        self, name: str, provider: str, identity: Mapping[str, Any], binding: str,
        configuration: Mapping[str, Any], *, marker: str, suffix: str,
    ) -> Journal:  # fmt: skip
        now = self._clocks.now()
        return Journal(
            id=marker, name=name, suffix=suffix, provider=provider, binding=binding, identity=dict(identity),
            configuration=dict(configuration), created=now, updated=now,
        )  # fmt: skip


def _taken(folder: Path) -> bool:
    """What cannot be looked into (another user's) is taken: it hides nothing, and its name is not free."""
    try:
        return bool(versions.numbers(folder, "journal"))
    except JournalError:
        return True


def _draw(length: int) -> str:
    return "".join(secrets.choice(_DRAWN) for _ in range(length))


def _slug(text: str) -> str:
    """For a folder's name; different texts give different names."""
    return re.sub(r"[^a-z0-9-]", lambda match: f"_{ord(match[0]):02x}", text)
