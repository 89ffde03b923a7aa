"""MemMachine's API of a deployment, as this machine reaches it."""

from __future__ import annotations

from typing import Any

from memdeploy.lifecycle.session import Session
from memdeploy.memmachine.api import Client
from memdeploy.proxy.tokens import Tokens


def client(session: Session) -> Client:
    """The service must stand. With an identity token where it asks for one."""
    outputs = session.outputs()
    mint = session.cloud.identity_tokens(outputs)
    return Client(_Session(Tokens(mint, session.clock.now) if mint else None), outputs["service"]["uri"])


class _Session:
    """`memmachine.api.Http`; no proxy variable of the user's leads it elsewhere, nor does a redirect."""

    def __init__(self, tokens: Tokens | None) -> None:
        import requests

        self._tokens = tokens
        self._session = requests.Session()
        self._session.trust_env = False

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Any:
        headers = {"Authorization": f"Bearer {self._tokens.current().reveal()}"} if self._tokens else None
        return self._session.request(method, url, json=json, timeout=timeout, headers=headers, allow_redirects=False)
