"""Records for the wire log, with everything secret taken out. Headers are left out but for a harmless few."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from memdeploy.secret import HIDDEN, Secret, hide

_KEYS = frozenset(
    {
        "accesstoken", "access_token", "apikey", "authorization", "clientsecret", "idtoken", "id_token", "key",
        "password", "privatekey", "privatekeydata", "refresh_token", "rootpassword", "signedblob", "signedjwt", "token",
    }
)  # fmt: skip
#: Of these the ones whose value is a secret wherever it stands; `key` and `token` are names of harmless things too.
_CARRIED = frozenset({"password", "privatekey", "privatekeydata", "rootpassword"})
_HEADERS = ("content-type", "etag", "docker-content-digest", "www-authenticate", "x-request-id")
_LIMIT = 64 * 1024


def json_value(value: Any, *, parent: str = "") -> Any:
    """A nested JSON value without secrets: by key, and `data` inside `payload` (Secret Manager)."""
    if isinstance(value, Mapping):
        return {key: _member(parent, str(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item, parent=parent) for item in value]
    return value


def _member(parent: str, key: str, item: Any) -> Any:
    lower = key.lower()
    if isinstance(item, str) and item and (lower in _KEYS or (parent == "payload" and lower == "data")):
        return HIDDEN
    return json_value(item, parent=lower)


def url(text: str) -> str:
    """The address without secret query parameters and without user info."""
    parts = urlsplit(text)
    query = [(k, HIDDEN if k.lower() in _KEYS else v) for k, v in parse_qsl(parts.query, keep_blank_values=True)]
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*/:,"), ""))


def body(content: bytes | str | None) -> Any:
    """JSON redacted; anything else only as its size."""
    if not content:
        return None
    if len(content) > _LIMIT:
        return f"<{len(content)} bytes>"
    try:
        return json_value(json.loads(content))
    except ValueError:
        return f"<{len(content)} bytes>"


class Sent:
    """The secrets that went out in requests. An API that refuses a value may repeat it (`Invalid value at
    'payload.data' (TYPE_BYTES), "…"`), at once or when its operation ends, and errors are shown and journalled."""

    def __init__(self) -> None:
        self._known: list[Secret] = []
        self._lock = threading.Lock()

    def note(self, request: requests.PreparedRequest) -> None:
        found = [Secret(value) for value in _carried(request)]
        with self._lock:
            self._known += [value for value in found if value not in self._known]

    def clean(self, response: requests.Response, *, stream: bool = False) -> None:
        """Takes them out of an answer that tells of an error; any other stays as it is."""
        if response.ok and (stream or b'"error"' not in response.content):
            return
        with self._lock:
            known = tuple(self._known)
        response._content = _without(response.content, known)


def _without(content: bytes, known: Sequence[Secret]) -> bytes:
    """In JSON string by string: what stands in one may be escaped in its own way before it was escaped as JSON."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", errors="surrogateescape")
        return hide(text, known).encode("utf-8", errors="surrogateescape")
    cleaned = _hidden(parsed, known)
    return content if cleaned == parsed else json.dumps(cleaned).encode()


def _hidden(value: Any, known: Sequence[Secret]) -> Any:
    if isinstance(value, dict):
        return {hide(key, known): _hidden(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, known) for item in value]
    return hide(value, known) if isinstance(value, str) else value


def _carried(request: requests.PreparedRequest) -> Iterator[str]:
    _, _, token = str(request.headers.get("Authorization", "")).partition(" ")
    if token:
        yield token
    if isinstance(request.body, bytes | str):
        with contextlib.suppress(ValueError):
            yield from _secrets_in(json.loads(request.body))


def _secrets_in(value: Any, parent: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets_in(item, parent)
    for key, item in value.items() if isinstance(value, Mapping) else ():
        lower = str(key).lower()
        if isinstance(item, str) and lower in _CARRIED:
            yield item
        elif isinstance(item, str) and (parent, lower) == ("payload", "data"):
            with contextlib.suppress(binascii.Error, UnicodeDecodeError):
                yield base64.b64decode(item).decode()
        else:
            yield from _secrets_in(item, lower)


def exchange(request: requests.PreparedRequest, response: requests.Response, started: float) -> dict[str, Any]:
    """Reads the answer's body (requests keeps it for the caller)."""
    return _asked(request, started) | {
        "status": response.status_code,
        "headers": {k: v for k, v in response.headers.items() if k.lower() in _HEADERS},
        "answer": body(response.content),
    }


def failure(request: requests.PreparedRequest, error: Exception, started: float) -> dict[str, Any]:
    """The error's type only: its text may hold the address with its query."""
    return _asked(request, started) | {"status": None, "error": type(error).__name__}


def _asked(request: requests.PreparedRequest, started: float) -> dict[str, Any]:
    sent = request.body if isinstance(request.body, bytes | str) else None
    return {
        "at": round(started, 3),
        "seconds": round(time.time() - started, 3),
        "method": request.method,
        "url": url(request.url or ""),
        "body": body(sent),
    }
