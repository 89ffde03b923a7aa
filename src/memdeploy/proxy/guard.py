"""Who may use the proxy: programs of this machine, never a web page that its user happens to look at.

A page on any site can make a browser call 127.0.0.1: directly (it then sends its `Origin`), or under a name of its own
that it lets resolve to 127.0.0.1 (then `Host` carries that name). The MCP specification asks for the same check:
https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#security-warning
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why this request is not forwarded, or None. `headers` by lower-case name."""
    if _name(f"//{headers.get('host', '')}") not in LOOPBACK:
        return "the Host header is not this machine's loopback name"
    return "a web page of another site may not use this proxy" if _foreign(headers) else None


def _foreign(headers: Mapping[str, str]) -> bool:
    """To a page of localhost browsers call 127.0.0.1 another site: only where they name no origin, for an image, a
    script or a link, does that count."""
    origin = headers.get("origin")
    return headers.get("sec-fetch-site") == "cross-site" if origin is None else _name(origin) not in LOOPBACK


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
