"""The service behind the proxy: one request to it, its answer as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memdeploy.proxy import headers
from memdeploy.proxy.bodies import BLOCK, Body
from memdeploy.proxy.headers import Headers
from memdeploy.proxy.tokens import Tokens
from memdeploy.secret import Secret

CONNECT, READ = 15.0, 3600.0
"Seconds. A stream may be silent as long as Cloud Run lets a request take at most: 60 minutes."
POOL = 64
UNAUTHORIZED = 401


class Upstream:
    """`address` may have a path, which every request's path is put behind. Thread-safe."""

    def __init__(self, address: str, tokens: Tokens | None) -> None:
        import urllib3

        self.address = address.rstrip("/")
        self._tokens = tokens
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=POOL, retries=False, timeout=urllib3.Timeout(connect=CONNECT, read=READ)
        )

    def send(self, method: str, target: str, given: Headers, body: Body) -> Any:
        """The answer, unread. A token that is not taken (its key was rotated, a clock is wrong) is replaced once, when
        the request can be sent again. Raises `urllib3.exceptions.HTTPError`, and what minting raises."""
        token = self._tokens.current() if self._tokens else None
        answer = self._once(method, target, given, body, token)
        if answer.status != UNAUTHORIZED or token is None or self._tokens is None or not body.repeatable:
            return answer
        answer.drain_conn()
        answer.release_conn()
        return self._once(method, target, given, body, self._tokens.refused(token))

    def _once(self, method: str, target: str, given: Headers, body: Body, token: Secret | None) -> Any:
        from urllib3 import HTTPHeaderDict

        sent = HTTPHeaderDict(headers.to_service(given, token.reveal() if token else None))
        if body.length is not None and not body.repeatable:
            sent["Content-Length"] = str(body.length)
        return self._pool.request(
            method,
            self.address + target,
            body=(body.whole or None) if body.repeatable else body.blocks,
            headers=sent,
            chunked=body.length is None,
            preload_content=False,
            decode_content=False,
            redirect=False,
        )

    def close(self) -> None:
        self._pool.clear()


def blocks(answer: Any) -> Iterator[bytes]:
    """The answer's body as it comes: an event stream is passed on event by event."""
    while block := answer.read1(BLOCK, decode_content=False):
        yield block
