"""The body of a request as it comes in: of a stated length, in chunks, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase

BLOCK = 64 * 1024
KEPT = 1024 * 1024
"A body up to this many bytes is held in memory, so that the request can be sent again with a new token."
_LINE = 1024


class BadBody(ValueError):
    """The client's framing makes no sense; nothing more can be read from it."""


@dataclass
class Body:
    """`whole` where it is small enough to be sent twice, else `blocks`, which can be read once. `length` None: unknown,
    to be sent in chunks."""

    whole: bytes | None
    blocks: Iterator[bytes]
    length: int | None

    @property
    def repeatable(self) -> bool:
        return self.whole is not None


def read(headers: Mapping[str, str], stream: BufferedIOBase) -> Body:
    """`headers` by lower-case name. Raises `BadBody`."""
    coding, stated = headers.get("transfer-encoding", "").lower(), headers.get("content-length")
    if coding and (coding != "chunked" or stated is not None):
        raise BadBody("a body is sent either in chunks or with its length")
    if coding:
        return Body(None, _chunks(stream), None)
    if stated is None:
        return Body(b"", iter(()), 0)
    if not (stated.isascii() and stated.isdigit()):
        raise BadBody("Content-Length is not a number")
    length = int(stated)
    if length <= KEPT:
        return Body(b"".join(_exactly(stream, length)), iter(()), length)
    return Body(None, _exactly(stream, length), length)


def _exactly(stream: BufferedIOBase, length: int) -> Iterator[bytes]:
    left = length
    while left:
        block = stream.read(min(BLOCK, left))
        if not block:
            raise BadBody("the client ended before its body did")
        left -= len(block)
        yield block


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := _size(stream.readline(_LINE)):
        yield from _exactly(stream, size)
        if stream.readline(_LINE).strip():
            raise BadBody("a chunk is longer than it said")
    while stream.readline(_LINE).strip():
        """Trailers say nothing that is passed on."""


def _size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0].strip(), 16)
    except ValueError:
        raise BadBody("a chunk's length is not a number") from None
