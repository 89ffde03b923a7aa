"""One HTTP session under every Google client: timeouts, no hidden re-sending, user agent, wire log.

httplib2 sends a request again by itself when a kept connection was closed without an answer (httplib2 0.22,
`Http._conn_request`), which is a lost answer to us: a create might take effect twice unrecorded. So googleapiclient is
given `Http`, a thin shim of the same `request` method over requests; GAPIC's REST transport uses requests already.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import google.auth.transport.requests
import httplib2
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from memdeploy.providers.gcp import redaction

CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
Record = Callable[[Mapping[str, Any]], None]


class Adapter(HTTPAdapter):
    """Sends once, takes secrets out of what comes back as an error, and hands a redacted record of the exchange to the
    wire log."""

    def __init__(self, record: Record | None, sent: redaction.Sent) -> None:
        self._record = record
        self._sent = sent
        super().__init__(max_retries=Retry(0, read=False))

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        timeout = timeout if timeout is not None else (CONNECT_SECONDS, READ_SECONDS)
        started = time.time()
        self._sent.note(request)
        try:
            response = super().send(request, stream, timeout, verify, cert, proxies)
        except Exception as error:
            if self._record:
                self._record(redaction.failure(request, error, started))
            raise
        self._sent.clean(response, stream=stream)
        if self._record:
            self._record(redaction.exchange(request, response, started))
        return response


class Http:
    """The part of `httplib2.Http` that googleapiclient calls, over a requests session."""

    def __init__(self, session: requests.Session, user_agent: str) -> None:
        self._session = session
        self._user_agent = user_agent

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> tuple[httplib2.Response, bytes]:
        sent = {**(headers or {}), "user-agent": self._user_agent}
        answer = self._session.request(
            method, uri, data=body, headers=sent, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False
        )
        found = httplib2.Response({k.lower(): v for k, v in answer.headers.items()} | {"status": answer.status_code})
        found.reason = answer.reason
        return found, answer.content


class Sessions:
    """Sessions by thread: requests promises nothing about sharing one. `loopback` ignores the environment's proxies."""

    def __init__(self, user_agent: str, *, loopback: bool, record: Record | None) -> None:
        self._user_agent = user_agent
        self._loopback = loopback
        self._record = record
        self._sent = redaction.Sent()
        self._local = threading.local()

    def authorized(self, credentials: Any) -> requests.Session:
        """With the credentials' token on each request; a 401 refreshes it and is sent again (it had no effect)."""
        found: requests.Session | None = getattr(self._local, "authorized", None)
        if found is None:
            found = self.dress(google.auth.transport.requests.AuthorizedSession(credentials))
            self._local.authorized = found
        return found

    def plain(self) -> requests.Session:
        """Without credentials: registries, the deployed service."""
        found: requests.Session | None = getattr(self._local, "plain", None)
        if found is None:
            found = self._local.plain = self.dress(requests.Session())
        return found

    def dress(self, session: requests.Session) -> requests.Session:
        """Gives a session (one that a GAPIC client made, too) our adapter and user agent."""
        for prefix in ("https://", "http://"):
            session.mount(prefix, Adapter(self._record, self._sent))
        session.headers["User-Agent"] = self._user_agent
        session.trust_env = not self._loopback
        return session
