"""Files as streams: whole or not at all, counted and hashed on the way."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient

from memdeploy.errors import CloudError
from memdeploy.providers.local.containers import streams


@pytest.mark.parametrize("size", [0, 1, 512, 513, 3_000_001])
def test_a_file_becomes_a_tar_that_anybody_reads(tmp_path: Path, size: int) -> None:
    path = tmp_path / "neo4j.dump"
    path.write_bytes(bytes(index % 251 for index in range(size)))
    packed = b"".join(streams._archived(path, 7474))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        (member,) = archive.getmembers()
        content = archive.extractfile(member)
        assert content is not None
        assert content.read() == path.read_bytes()
    assert (member.name, member.uid, member.mode) == ("neo4j.dump", 7474, 0o600)


class Api:
    """The engine's part: an archive in chunks of any size, a command's output and how it ended."""

    def __init__(self, content: bytes = b"", code: int = 0) -> None:
        self.content, self.code = content, code

    def get_archive(self, container: str, path: str) -> Any:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(path.rpartition("/")[2])
            member.size = len(self.content)
            archive.addfile(member, io.BytesIO(self.content))
        packed = buffer.getvalue()
        return (packed[start : start + 777] for start in range(0, len(packed), 777)), {}

    def exec_create(self, container: str, argv: list[str]) -> dict[str, str]:
        return {"Id": "1"}

    def exec_start(self, exec_id: str, *, stream: bool, demux: bool) -> Any:
        yield self.content[:10], None
        yield self.content[10:], b"pg_dump: error: the disk is full\n"

    def exec_inspect(self, exec_id: str) -> dict[str, int]:
        return {"ExitCode": self.code}


def client(api: Api) -> DockerClient:
    return cast(DockerClient, SimpleNamespace(api=api))


CONTENT = bytes(index % 256 for index in range(20_000))


def check(written: streams.Written, path: Path) -> None:
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert written.to_json() == {
        "file": path.name, "bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }  # fmt: skip


def test_a_file_of_a_container(tmp_path: Path) -> None:
    path = tmp_path / "neo4j.dump"
    check(streams.member_to_file(client(Api(CONTENT)), "once", "/tmp/neo4j.dump", path), path)


def test_a_commands_output(tmp_path: Path) -> None:
    path = tmp_path / "postgres.dump"
    check(streams.output_to_file(client(Api(CONTENT)), "pg", ("pg_dump",), path), path)


def test_of_a_command_that_failed_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CloudError) as raised:
        streams.output_to_file(client(Api(CONTENT, 1)), "pg", ("pg_dump",), tmp_path / "postgres.dump")
    assert "the disk is full" in raised.value.message
    assert list(tmp_path.iterdir()) == []
