"""The loopback server. The standard library's: what is forwarded is a handful of a user's own calls, and streams of any
length, which its one thread a connection suits; no framework of ours would be left unused."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from memdeploy.errors import MemdeployError
from memdeploy.proxy import bodies, guard, headers, upstream
from memdeploy.proxy.bodies import BadBody
from memdeploy.proxy.upstream import Upstream

LOOPBACK = "127.0.0.1"
IDLE = 600.0
"Seconds that a connection may stay open between requests."
_BODILESS = frozenset({204, 304})

Told = Callable[[str, str, int], None]
"""(method, path without its query, status): one request that was answered."""


class Proxy(ThreadingHTTPServer):
    """Bound when made, answers inside `serving()`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, service: Upstream, port: int, told: Told = lambda method, path, status: None) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.service = service
        self.told = told

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()
            self.service.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of our business; anything else was answered where it happened."""


class Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    disable_nagle_algorithm = True

    def _forward(self) -> None:
        try:
            self._exchange()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _forward  # noqa: N815

    def _exchange(self) -> None:
        try:
            given = bodies.fields(self.headers.items())
        except BadBody as error:
            self._refuse(400, "bad-request", str(error))
            return
        answer = self._asked(given) if self._fit(given) else None
        if answer is not None:
            try:
                self._answer(answer)
            finally:
                answer.release_conn()

    def _fit(self, given: Mapping[str, str]) -> bool:
        """Whether this request may go on; where not, that has been said."""
        if not self.path.startswith("/"):  # it is put behind the service's address: `@other.example/` would change that
            self._refuse(400, "bad-request", "what is asked for must be a path")
            return False
        reason = guard.refusal(given)
        if reason is not None:
            self._refuse(403, "not-allowed", reason)
        return reason is None

    def _asked(self, given: Mapping[str, str]) -> Any:
        """The service's answer; None when there is none, and that has been said."""
        from urllib3.exceptions import HTTPError

        try:
            body = bodies.read(given, self.rfile)
            answer = self.server.service.send(self.command, self.path, list(self.headers.items()), body)
            # answered before it was read whole: what is left of it must not be taken for the next request
            self.close_connection = self.close_connection or not body.ended
            return answer
        except BadBody as error:
            self._refuse(400, "bad-request", str(error))
        except HTTPError as error:
            self._refuse(502, "service-unreachable", f"the service does not answer: {type(error).__name__}")
        except MemdeployError as error:
            self._refuse(502, error.code, error.message)
        return None

    def _answer(self, answer: Any) -> None:
        self.send_response_only(answer.status, answer.reason)
        passed = headers.to_client(answer.headers.items(), self.server.service.address)
        sized = any(name.lower() == "content-length" for name, _ in passed)
        bodiless = self.command == "HEAD" or answer.status in _BODILESS
        chunked = not (sized or bodiless) and self.request_version != "HTTP/1.0"
        for name, value in passed:
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not (sized or bodiless):
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.server.told(self.command, self.path.partition("?")[0], answer.status)
        if not bodiless:
            self._stream(answer, chunked=chunked)

    def _stream(self, answer: Any, *, chunked: bool) -> None:
        """An answer that breaks off breaks off here too: without its end nobody takes it for whole."""
        from urllib3.exceptions import HTTPError

        try:
            for block in upstream.blocks(answer):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
        except HTTPError:
            self.close_connection = True
            return
        except OSError:
            answer.close()  # the client has left: the service need not go on
            raise
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """In JSON; the connection ends, as the request's body may not have been read."""
        text = json.dumps({"error": {"code": code, "message": message, "from": "memdeploy proxy"}}).encode()
        self.send_response_only(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(text)))):
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        self.server.told(self.command, self.path.partition("?")[0], status)

    def log_message(self, *unused: object) -> None:
        """`told` says what is said."""
