"""An identity token that is good now, minted again before it ends."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable

from memdeploy.secret import Secret

MARGIN = 300.0
"Seconds before its end from which on a token is not used any more: a request may take that long."
UNSTATED = 1800.0
"Seconds that a token is taken to be good for when it does not say; Google's are good for an hour."


class Tokens:
    """Thread-safe; `now` is seconds since the epoch."""

    def __init__(self, mint: Callable[[], Secret], now: Callable[[], float]) -> None:
        self._mint = mint
        self._now = now
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._until = 0.0

    def current(self) -> Secret:
        with self._lock:
            if self._token is None or self._now() >= self._until:
                self._renew()
            assert self._token is not None
            return self._token

    def refused(self, token: Secret) -> Secret:
        """Another one than this, which the service did not take; several requests may say so of the same one."""
        with self._lock:
            if self._token is token:
                self._renew()
            assert self._token is not None
            return self._token

    def _renew(self) -> None:
        self._token = self._mint()
        ends = expiry(self._token.reveal())
        self._until = ends - MARGIN if ends is not None else self._now() + UNSTATED


def expiry(token: str) -> float | None:
    """`exp` of a JSON web token, in seconds since the epoch; None when it says none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
