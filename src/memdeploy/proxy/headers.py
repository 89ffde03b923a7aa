"""What of a message's headers goes on to the other side. Names are compared without regard to case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]

#: https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1: they belong to one connection.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
#: At the start of a path a browser takes them for the start of a host's name.
_SLASHES = re.compile(r"^[/\\]{2,}")
#: Replaced by ours: the service's own name, the framing of the body, and the one token that counts (Cloud Run prefers
#: the second header: https://cloud.google.com/run/docs/authenticating/service-to-service).
OURS = frozenset({"host", "content-length", "authorization", "x-serverless-authorization"})


def to_service(given: Iterable[tuple[str, str]], token: str | None) -> Headers:
    """A client's headers, with the identity token in place of whatever it sent. `expect` was answered here."""
    kept = _passed(given, OURS | {"expect"})
    return [*kept, ("Authorization", f"Bearer {token}")] if token else kept


def to_client(given: Iterable[tuple[str, str]], service: str) -> Headers:
    """The service's headers. A redirect to itself (MemMachine sends one from /mcp to /mcp/) leads here instead."""
    return [(name, _here(value, service) if name.lower() == "location" else value) for name, value in _passed(given)]


def _passed(given: Iterable[tuple[str, str]], but: frozenset[str] = frozenset()) -> Headers:
    listed = list(given)
    named = {
        word.strip().lower() for name, value in listed if name.lower() == "connection" for word in value.split(",")
    }
    return [(name, value) for name, value in listed if name.lower() not in HOP_BY_HOP | named | but]


def _here(location: str, service: str) -> str:
    """Relative to this server: behind a TLS front a service may think that it is called over plain http."""
    target, own = urlsplit(location), urlsplit(service)
    if target.netloc not in ("", own.netloc):
        return location
    path = _SLASHES.sub("/", target.path.removeprefix(own.path.rstrip("/")) or "/")
    return path + (f"?{target.query}" if target.query else "")
