"""A backup as one file: a tar archive that begins with its manifest. Written whole or not at all, readable by its owner
alone, since it holds every memory.

    manifest.json     what it is, of which release, with which counts, and the size and SHA-256 of each part
    parts/<file>      one file for each part of the data: a dump of PostgreSQL, of Neo4j; embedded: files of SQLite
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from memdeploy import private
from memdeploy.errors import Refused

FORMAT = 1
MANIFEST, PARTS = "manifest.json", "parts"
_CHUNK = 1024 * 1024
_LARGEST_MANIFEST = 64 * 1024 * 1024  # counts of a hundred thousand projects


class ArchiveError(Refused):
    """No archive of ours, damaged, or of something else than what it should be put into. Nothing was touched."""

    code = "archive"


@dataclass(frozen=True)
class Part:
    """`part` is a stable word (`postgres`, `neo4j`, …), `file` a plain name."""

    part: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`created` in ISO 8601, UTC; `counts` as the container's word `count` prints them; `configuration` is the
    deployment's own, which holds no secret."""

    deployment: str
    id: str
    provider: str
    release: str
    created: str
    parts: tuple[Part, ...]
    counts: Mapping[str, Any] = field(default_factory=dict)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    memdeploy: str = ""
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


def write(path: Path, manifest: Manifest, folder: Path) -> None:
    """`folder`, on the disk of `path`, holds the parts, and what is written until it is whole. Raises `ArchiveError`;
    there is then no file of that name, or the one from before."""
    with _files(path), private.whole(path, drafts=folder) as file:
        _fill(file, manifest, folder)


def read(path: Path) -> Manifest:
    """Raises `ArchiveError` for what is none of ours, or of a later version."""
    with _opened(path) as archive:
        return _manifest(path, archive)


def check(path: Path) -> Manifest:
    """Reads every byte of every part. Raises `ArchiveError` that names what is missing or differs."""
    with _opened(path) as archive:
        manifest = _manifest(path, archive)
        for part in manifest.parts:
            _copy(path, archive, part, None)
    return manifest


def unpack(path: Path, folder: Path) -> Manifest:
    """The parts as files in `folder`, checked while they are written."""
    with _files(folder), _opened(path) as archive:
        manifest = _manifest(path, archive)
        for part in manifest.parts:
            with open(folder / part.file, "wb", opener=_private) as target:
                _copy(path, archive, part, target)
    return manifest


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _fill(file: IO[bytes], manifest: Manifest, folder: Path) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        content = json.dumps(asdict(manifest), indent=1).encode()
        archive.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
        for part in manifest.parts:
            with (folder / part.file).open("rb") as source:
                archive.addfile(_member(f"{PARTS}/{part.file}", part.bytes), source)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


@contextlib.contextmanager
def _files(place: Path) -> Iterator[None]:
    """A full disk, a right that is missing: told as what it is."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"{error.filename or place}: {error.strerror or error}",
            code="archive-files",
            where=str(place),
            suggestion="Make room, or name a place that you may write to and read from; then run it again.",
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    try:
        with _files(path) if path.exists() else contextlib.nullcontext(), tarfile.open(path, mode="r:") as archive:
            yield archive
    except FileNotFoundError:
        raise ArchiveError(f"there is no file {path}", code="no-archive", where=str(path)) from None
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(path, f"it is no whole tar archive ({type(error).__name__})") from error


def _manifest(path: Path, archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    source = archive.extractfile(first) if first is not None and first.isfile() else None
    if first is None or source is None or first.name != MANIFEST or first.size > _LARGEST_MANIFEST:
        raise _damaged(path, "it does not begin with a manifest of memdeploy")
    try:
        found = json.loads(source.read())
        if found["format"] > FORMAT:
            raise ArchiveError(
                f"{path} was written by a newer memdeploy (format {found['format']}, this one knows {FORMAT})",
                code="archive-newer", where=str(path), suggestion="Use the newer version.",
            )  # fmt: skip
        known = {name: found[name] for name in Manifest.__dataclass_fields__ if name in found}
        return Manifest(**{**known, "parts": _parts(found["parts"])})
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its manifest cannot be read ({type(error).__name__})") from error


def _parts(found: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    parts = tuple(Part(**one) for one in found)
    if any(Path(part.file).name != part.file or part.file in ("", ".", "..") for part in parts):
        raise ValueError("a part's file is no plain name")
    return parts


def _copy(path: Path, archive: tarfile.TarFile, part: Part, target: IO[bytes] | None) -> None:
    try:
        member = archive.getmember(f"{PARTS}/{part.file}")
    except KeyError:
        raise _damaged(path, f"its part {part.part} is missing") from None
    source = archive.extractfile(member) if member.isfile() else None
    if source is None or member.size != part.bytes:
        raise _damaged(path, f"its part {part.part} has {member.size} bytes, not {part.bytes}")
    digest, size = hashlib.sha256(), 0
    while block := source.read(_CHUNK):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    if size != part.bytes or digest.hexdigest() != part.sha256:
        raise _damaged(path, f"its part {part.part} is not what was written")


def _damaged(path: Path, why: str) -> ArchiveError:
    return ArchiveError(
        f"{path} cannot be used: {why}",
        code="archive-damaged",
        where=str(path),
        suggestion="Nothing was touched. Use another copy of it, or another backup.",
    )
