"""Putting an archive's data in the place of what a deployment holds. Safe to repeat after a run that ended between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.errors import Unhealthy
from memdeploy.lifecycle import dataruns
from memdeploy.lifecycle.changing import Changing
from memdeploy.lifecycle.scratch import scratch
from memdeploy.lifecycle.unfinished import RESTORING, fact
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import ArchiveError, Manifest


def refuse_misfit(changing: Changing, manifest: Manifest, path: Path) -> None:
    """Raises `ArchiveError` for an archive of another release, embedding model or kind of databases."""
    deployment = changing.session.deployment
    recorded: Mapping[str, Any] = manifest.configuration.get("model") or {}
    pairs = {
        "release": (manifest.release, deployment.release),
        "embedding model": (recorded.get("embedding"), deployment.model.embedding),
        "embedding size": (recorded.get("dimensions"), deployment.model.dimensions),
        "parts": (sorted(part.part for part in manifest.parts), _parts(changing)),
    }
    for what, (have, want) in pairs.items():
        if have != want:
            raise ArchiveError(
                f"{path} does not fit {changing.journal.name}: its {what} {_words(have)}, this one's {_words(want)}",
                code="archive-mismatch",
                where=str(path),
                suggestion="Nothing was touched. Restore it under another name: --name NEW makes a deployment for it.",
            )


def load(changing: Changing, path: Path, *, start_again: bool, replacing: Callable[[], object]) -> Manifest:
    """Service stopped, every part replaced, counts compared with the archive's. `replacing` is called before the first
    of them: until then all is as it was. Raises what went wrong; from then on the service is left stopped, for what it
    would serve is not what was saved."""
    with scratch(changing.place.folder, changing.journal.id) as folder:
        manifest = archive.unpack(path, folder)
        graph = changing.session.cloud.loading(folder)
        whole = start_again and not fact(changing.journal, RESTORING)
        with dataruns.running_again(changing, folder) if whole else nullcontext():
            dataruns.must(changing, graph, {dataruns.STOP})
        replacing()
        dataruns.must(changing, graph, dataruns.parts(graph, dataruns.LOAD))
        _compare(changing, manifest, path)
        if start_again:
            dataruns.start(changing, folder)
        return manifest


def _compare(changing: Changing, manifest: Manifest, path: Path) -> None:
    wrong = dataruns.differing(manifest.counts, dataruns.counts(changing))
    if wrong:
        raise Unhealthy(
            f"after the restore {len(wrong)} projects do not hold what {path.name} says: {'; '.join(wrong[:5])}",
            code="restore-counts",
            where="count",
            suggestion="Run the same command again.",
        )


def _parts(changing: Changing) -> list[str]:
    graph: Graph = changing.session.cloud.loading(changing.place.folder)
    return sorted(name.removeprefix(dataruns.LOAD) for name in dataruns.parts(graph, dataruns.LOAD))


def _words(value: object) -> str:
    return f"are {', '.join(value)}" if isinstance(value, list) else f"is {value}"
