"""`memdeploy backup`: both databases together in one archive, taken while nothing is stored, checked after it is
written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import memdeploy
from memdeploy import private
from memdeploy.engine.events import EventKind, Sink
from memdeploy.engine.results import RunResult
from memdeploy.errors import ExitCode, NoSuchDeployment, Refused
from memdeploy.lifecycle import dataruns
from memdeploy.lifecycle.changing import Changing, change
from memdeploy.lifecycle.outcome import seconds_since
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.scratch import clear, scratch
from memdeploy.lifecycle.unfinished import SAVING, fact, refuse
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import ArchiveError, Manifest, Part
from memdeploy.providers.local.settled import default_folder
from memdeploy.state.journal import DeploymentStatus

FOLDER = "backups"
SUFFIX = ".memdeploy.tar"
_REMEMBERED = 20
_WHOLE = frozenset({DeploymentStatus.READY, DeploymentStatus.FAILED})


@dataclass(frozen=True)
class Made:
    path: Path
    manifest: Manifest

    def to_json(self) -> dict[str, Any]:
        return {
            "archive": str(self.path),
            "bytes": self.path.stat().st_size,
            "created": self.manifest.created,
            "parts": [{"part": part.part, "bytes": part.bytes, "sha256": part.sha256} for part in self.manifest.parts],
            "holds": dict(self.manifest.counts),
        }


def backup(request: Request, sink: Sink) -> Result:
    with change(request, sink) as changing:
        opened = changing.session
        start = opened.clock.boottime()
        refuse(changing.journal)
        _refuse_partial(changing)
        path = place(changing, request.archive)
        opened.begin(opened.cloud.dumping(path.parent))
        made = make(changing, path)
        data = {**opened.header(), **made.to_json(), "seconds": seconds_since(opened.clock, start)}
        opened.tell(EventKind.RUN_FINISHED, status="success", exit_code=0, seconds=data["seconds"])
        return Result("backup", "success", ExitCode.DONE, data)


def place(changing: Changing, wanted: Path | None) -> Path:
    """Where the archive goes. Raises `Refused` when something is there already, but for what a backup left there that
    was interrupted before it told of it: the same command again makes that anew."""
    moment = _now(changing).strftime("%Y%m%dT%H%M%SZ")
    name = f"{changing.journal.name}-{moment}{SUFFIX}"
    path = wanted or default_folder() / FOLDER / name
    path = path / name if path.is_dir() else path
    if path.exists() and not _is_unfinished(changing, path):
        raise Refused(f"{path} is there already", code="exists", where=str(path), suggestion="Name another with --to.")
    try:
        private.make_missing(path.parent)
    except OSError as error:
        raise Refused(
            f"{path.parent} cannot be made: {error.strerror}", code="archive-files", where=str(path),
            suggestion="Name another place with --to.",
        ) from error  # fmt: skip
    return path


def make(changing: Changing, path: Path, *, start_again: bool = True) -> Made:
    """Stops the service, counts, dumps, writes and checks the archive, remembers it in the journal, and starts the
    service again, whatever went wrong. Raises what did."""
    opened = changing.session
    _begin(changing, path)
    with scratch(path.parent, changing.journal.id) as folder:
        graph = opened.cloud.dumping(folder)
        with dataruns.running_again(changing, folder):
            dataruns.must(changing, graph, {dataruns.STOP})
            counted = dataruns.counts(changing)
            found = dataruns.must(changing, graph, dataruns.parts(graph, dataruns.DUMP))
            manifest = _manifest(changing, counted, _parts(found))
            archive.write(path, manifest, folder)
            opened.tell(EventKind.NOTICE, text=f"checking {path}", level="info")
            made = Made(path, archive.check(path))
        if start_again:
            dataruns.start(changing, folder)
    _remember(changing, made)
    return made


def _begin(changing: Changing, path: Path) -> None:
    """Recorded, so that the next one knows what an interrupted one may have left: copies of all memories."""
    left = fact(changing.journal, SAVING)
    if left:
        clear(Path(str(left["archive"])).parent, changing.journal.id)
    began = left["began"] if left.get("archive") == str(path) else _said(changing)
    changing.writer.update(facts={SAVING: {"archive": str(path), "began": began}})


def _is_unfinished(changing: Changing, path: Path) -> bool:
    saving = fact(changing.journal, SAVING)
    if saving.get("archive") != str(path):
        return False
    try:
        found = archive.read(path)
    except ArchiveError:
        return False
    return found.id == changing.journal.id and found.created >= str(saving.get("began"))


def _now(changing: Changing) -> datetime:
    return datetime.fromtimestamp(changing.session.clock.now(), UTC)


def _said(changing: Changing) -> str:
    return _now(changing).isoformat(timespec="seconds")


def _refuse_partial(changing: Changing) -> None:
    """Only what was whole once has something to save."""
    journal = changing.journal
    if "service" not in journal.outputs() or journal.status not in _WHOLE:
        raise NoSuchDeployment(
            f"{journal.name} is {journal.status}: there is no running service to back up",
            suggestion="`memdeploy up` brings it back.",
        )


def _parts(found: RunResult) -> tuple[Part, ...]:
    made = [(step.name.removeprefix(dataruns.DUMP), step.outputs or {}) for step in found.steps]
    return tuple(Part(name, str(out["file"]), int(out["bytes"]), str(out["sha256"])) for name, out in made)


def _manifest(changing: Changing, counted: Mapping[str, Any], parts: tuple[Part, ...]) -> Manifest:
    opened = changing.session
    return Manifest(
        deployment=changing.journal.name,
        id=changing.journal.id,
        provider=f"{opened.deployment.provider}",
        release=opened.deployment.release,
        created=_said(changing),
        parts=parts,
        counts=counted,
        configuration=opened.deployment.model_dump(mode="json"),
        memdeploy=memdeploy.__version__,
    )


def _remember(changing: Changing, made: Made) -> None:
    known = list(changing.journal.facts.get("backups") or ())
    entry = {"archive": str(made.path), "created": made.manifest.created, "release": made.manifest.release}
    changing.writer.update(facts={"backups": [*known, entry][-_REMEMBERED:], SAVING: None})
