"""A backup's archive: what was written is what is read, and nothing else is taken."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import ArchiveError, Manifest, Part

CONTENT = {"postgres": b"PGDMP" * 9000, "neo4j": b"\x00neo" * 50_000}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parts = tmp_path / "parts"
    parts.mkdir()
    for name, content in CONTENT.items():
        (parts / f"{name}.dump").write_bytes(content)
    return parts


@pytest.fixture
def written(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "x.memdeploy.tar"
    archive.write(path, manifest(), folder)
    return path


def manifest(**changes: object) -> Manifest:
    parts = tuple(
        Part(name, f"{name}.dump", len(content), hashlib.sha256(content).hexdigest())
        for name, content in CONTENT.items()
    )
    fields = {
        "deployment": "memmachine", "id": "abcdefghijkl", "provider": "local", "release": "0.4.0",
        "created": "2026-11-26T04:20:00+00:00", "parts": parts, "counts": {"projects": {"o/p": {"stored": 3}}},
    }  # fmt: skip
    return Manifest(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_was_written_is_read_again(written: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()

    assert archive.check(written) == archive.read(written) == archive.unpack(written, target) == manifest()
    assert {file.name: file.read_bytes() for file in target.iterdir()} == {
        f"{name}.dump": content for name, content in CONTENT.items()
    }


def test_only_its_owner_may_read_it(written: Path) -> None:
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_nothing_new(written: Path, folder: Path) -> None:
    before = written.read_bytes()
    (folder / "neo4j.dump").unlink()

    with pytest.raises(ArchiveError, match=r"neo4j\.dump") as raised:
        archive.write(written, manifest(), folder)

    assert (raised.value.code, bool(raised.value.suggestion)) == ("archive-files", True)
    assert written.read_bytes() == before
    assert sorted(path.name for path in written.parent.iterdir()) == ["parts", written.name]


@pytest.mark.parametrize("part", CONTENT)
def test_a_flipped_bit_is_found_and_its_part_named(written: Path, part: str) -> None:
    data = bytearray(written.read_bytes())
    data[data.index(CONTENT[part][:20]) + 7] ^= 1
    written.write_bytes(data)

    with pytest.raises(ArchiveError, match=rf"its part {part} is not what was written") as raised:
        archive.check(written)
    assert (raised.value.code, int(raised.value.exit_code)) == ("archive-damaged", 3)


@pytest.mark.parametrize("size", [0, 100, 700, 3_000, 200_000])
def test_a_cut_off_archive_is_refused(written: Path, size: int) -> None:
    written.write_bytes(written.read_bytes()[:size])

    with pytest.raises(ArchiveError):
        archive.check(written)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no file") as raised:
        archive.check(tmp_path / "none.tar")
    assert raised.value.code == "no-archive"


def test_a_foreign_tar_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.tar"
    with tarfile.open(path, "w") as made:
        made.addfile(tarfile.TarInfo("readme"))

    with pytest.raises(ArchiveError, match="does not begin with a manifest"):
        archive.read(path)


def test_one_of_a_newer_version_is_refused_by_name(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "newer.tar"
    archive.write(path, manifest(format=archive.FORMAT + 1), folder)

    with pytest.raises(ArchiveError, match="newer memdeploy"):
        archive.read(path)


@pytest.mark.parametrize("file", ["../../etc/cron.d/x", "/etc/passwd", "..", "a/b"])
def test_a_part_cannot_be_written_elsewhere(tmp_path: Path, file: str) -> None:
    part = {"part": "x", "file": file, "bytes": 1, "sha256": ""}
    content = json.dumps({**vars(manifest()), "parts": [part]}).encode()
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as made:
        for name, data in (("manifest.json", content), (f"parts/{file}", b"x")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))

    with pytest.raises(ArchiveError, match="its manifest cannot be read"):
        archive.unpack(path, tmp_path)


def test_a_folder_in_the_place_of_an_archive_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as raised:
        archive.check(tmp_path)
    assert (raised.value.code, bool(raised.value.suggestion)) == ("archive-files", True)
