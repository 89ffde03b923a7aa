"""The body of a request as it comes in: of a stated length, in chunks, or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase

BLOCK = 64 * 1024
KEPT = 1024 * 1024
"A body up to this many bytes is held in memory, so that the request can be sent again with a new token."
_LINE = 1024
_LENGTH = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,12}")
_ONCE = frozenset({"host", "origin", "content-length", "transfer-encoding"})


class BadBody(ValueError):
    """The client's framing makes no sense; nothing more can be read from it."""


class Blocks:
    """To be read once; `ended` when nothing of it is left on the connection."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self.ended = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._source
        self.ended = True


@dataclass
class Body:
    """`whole` where it is small enough to be sent twice, else `blocks`. `length` None: unknown, sent in chunks."""

    whole: bytes | None
    blocks: Blocks
    length: int | None

    @property
    def repeatable(self) -> bool:
        return self.whole is not None

    @property
    def ended(self) -> bool:
        """Whether what comes next on the connection is the next request."""
        return self.repeatable or self.blocks.ended


EMPTY = Body(b"", Blocks(iter(())), 0)


def fields(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By lower-case name. Raises `BadBody` for one said twice of which two servers could each believe another."""
    found: dict[str, str] = {}
    for name, value in headers:
        known = name.lower()
        if known in found and known in _ONCE:
            raise BadBody(f"{name} is there twice")
        found[known] = value
    return found


def read(headers: Mapping[str, str], stream: BufferedIOBase) -> Body:
    """`headers` by lower-case name. Raises `BadBody`."""
    coding, stated = headers.get("transfer-encoding", "").lower(), headers.get("content-length")
    if coding and (coding != "chunked" or stated is not None):
        raise BadBody("a body is sent either in chunks or with its length")
    if coding:
        return Body(None, Blocks(_chunks(stream)), None)
    if stated is None:
        return EMPTY
    if not _LENGTH.fullmatch(stated):
        raise BadBody("Content-Length is not a number")
    length = int(stated)
    if length <= KEPT:
        return Body(b"".join(_exactly(stream, length)), Blocks(iter(())), length)
    return Body(None, Blocks(_exactly(stream, length)), length)


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
    """Stricter than `int`, which takes a sign, `0x` and underscores; a line that was cut off would end as data."""
    stated = line.partition(b";")[0].strip()
    if not (line.endswith(b"\n") and _SIZE.fullmatch(stated)):
        raise BadBody("a chunk's length is not a number")
    return int(stated, 16)
