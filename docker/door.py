"""Who may call a server that is there for one machine: its programs, never a web page that its user happens to look at.

A page on any site can make a browser call 127.0.0.1: directly (it then sends its `Origin`), or under a name of its own
that it lets resolve to 127.0.0.1 (then `Host` carries that name). MemMachine asks nobody who he is, and looks at
neither (memmachine-server 0.2.6 to 0.4.0); the MCP specification wants it done:
https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#security-warning

Standard library only: an ASGI application around another one (https://asgi.readthedocs.io/en/latest/specs/www.html).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

VARIABLE = "LOCAL_ONLY"
VALUES = ("", "yes")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Nobody can register these, so no site can let them lead here (RFC 6761; SAC113, for which IANA chose .internal).
PRIVATE = (".localhost", ".internal")

Headers = Iterable[tuple[bytes, bytes]]
Application = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]


def problems(environment: Mapping[str, str]) -> list[str]:
    return [] if environment.get(VARIABLE, "") in VALUES else [f"{VARIABLE} is neither empty nor yes"]


def apply(app: Any, environment: Mapping[str, str]) -> None:
    """`app`: Starlette's, which has not started yet. Ours is then the first to see a request."""
    if environment.get(VARIABLE):
        app.add_middleware(Door)


class Door:
    """Answers 403 in place of the application where a request is not to be let in."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        why = refusal(scope["headers"]) if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": why})
        else:
            await _forbid(send, why)


def refusal(headers: Headers) -> str | None:
    """Why a request is not let in, or None. `headers`: names in lower case, as ASGI has them."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    host = _address(f"//{_one(given, 'host')}")
    if host is None or not _is_ours(host.hostname or ""):
        return "the Host header is not a name of this machine"
    if "origin" not in given:  # an image, a script, a link: browsers name no origin for them
        foreign = "cross-site" in given.get("sec-fetch-site", ())
    else:  # and to a page of localhost they call 127.0.0.1 another site
        origin = _address(_one(given, "origin"))
        foreign = origin is None or not (origin.hostname in LOOPBACK or origin.netloc == host.netloc)
    return "a web page of another site may not use this server" if foreign else None


def _is_ours(name: str) -> bool:
    """An address, this machine's own name for itself, or that of a container: one word, or a private name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and ("." not in name or name.endswith(PRIVATE))
    return True


def _one(given: Mapping[str, list[str]], name: str) -> str:
    """A header that stands there twice is none: servers differ in which one they take."""
    values = given.get(name, [])
    return values[0] if len(values) == 1 else ""


def _address(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        return parts if parts.hostname and "@" not in parts.netloc else None
    except ValueError:
        return None


async def _forbid(send: Any, why: str) -> None:
    body = json.dumps({"detail": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
