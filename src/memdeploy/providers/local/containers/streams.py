"""Files of this machine out of a container and into it, as streams: neither is held in memory, no folder is shared."""

from __future__ import annotations

import hashlib
import socket
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from memdeploy import private
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.secret import heard

if TYPE_CHECKING:
    from docker import DockerClient

CHUNK = 1024 * 1024
_SAID = 2000
"Bytes of what a failed command said."


@dataclass(frozen=True)
class Written:
    file: str
    bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "bytes": self.bytes, "sha256": self.sha256}


def output_to_file(client: DockerClient, container: str, argv: Sequence[str], path: Path) -> Written:
    """What a command in a container prints goes into `path`, which appears when it ended well. `CloudError` else."""
    started = client.api.exec_create(container, list(argv))
    errors = b""

    def printed() -> Iterator[bytes]:
        nonlocal errors
        for out, err in client.api.exec_start(started["Id"], stream=True, demux=True):
            errors = (errors + (err or b""))[-_SAID:]
            if out:
                yield out

    with private.whole(path) as draft:
        written = _write(draft, printed(), path.name)
        _check(client, started["Id"], argv[0], errors)
    return written


def file_to_input(client: DockerClient, container: str, argv: Sequence[str], path: Path) -> None:
    """A command in a container reads `path`. Raises `CloudError` when it ends badly."""
    started = client.api.exec_create(container, list(argv), stdin=True)
    answer = client.api.exec_start(started["Id"], socket=True)
    wire = cast(socket.socket, getattr(answer, "_sock", answer))
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                wire.sendall(chunk)
        wire.shutdown(socket.SHUT_WR)
        said = b""
        while more := wire.recv(CHUNK):
            said = (said + more)[-_SAID:]
    except OSError as error:
        said = f"it did not take all of the file ({type(error).__name__})".encode()
    finally:
        answer.close()
    _check(client, started["Id"], argv[0], said)


def _check(client: DockerClient, exec_id: str, what: str, said: bytes) -> None:
    code = client.api.exec_inspect(exec_id)["ExitCode"]
    if code != 0:
        text = heard(said.decode(errors="replace").strip())
        last = "".join(c for c in (text.splitlines() or [""])[-1] if c.isprintable())
        raise CloudError(f"{what} ended with {code}: {last}", kind=ErrorKind.INVALID, service="engine")


def member_to_file(client: DockerClient, container: str, source: str, path: Path) -> Written:
    """One file of a container, running or not."""
    chunks, _ = client.api.get_archive(container, source)
    with tarfile.open(fileobj=cast(IO[bytes], _Reader(chunks)), mode="r|") as archive:
        member = archive.next()
        content = archive.extractfile(member) if member is not None else None
        if content is None:
            raise CloudError(f"{source} is no file", kind=ErrorKind.NOT_FOUND, service="engine")
        with private.whole(path) as draft:
            return _write(draft, iter(lambda: content.read(CHUNK), b""), path.name)


def file_to_member(client: DockerClient, container: str, path: Path, folder: str, owner: int) -> None:
    """A file into a folder of a container that does not run yet, under its own name."""
    client.api.put_archive(container, folder, _archived(path, owner))


def _archived(path: Path, owner: int) -> Iterator[bytes]:
    member = tarfile.TarInfo(path.name)
    member.size, member.mode, member.uid, member.gid = path.stat().st_size, 0o600, owner, owner
    yield member.tobuf(tarfile.GNU_FORMAT)
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            yield chunk
    yield bytes(-member.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _write(file: IO[bytes], chunks: Iterable[bytes], name: str) -> Written:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        file.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return Written(name, size, digest.hexdigest())


class _Reader:
    """A stream of chunks as a file, for tarfile."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
