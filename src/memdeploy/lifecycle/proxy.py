"""`memdeploy proxy`: a loopback address for any client, with the identity token that a private service asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from memdeploy.engine.events import EventKind, Sink
from memdeploy.errors import ExitCode, NoSuchDeployment, UsageError
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.session import Session, look
from memdeploy.proxy.server import Proxy
from memdeploy.proxy.tokens import Tokens
from memdeploy.proxy.upstream import Upstream
from memdeploy.secret import Secret


def proxy(request: Request, sink: Sink) -> Result:
    """Serves until it is interrupted, which is its usual end: exit 0."""
    with look(request, sink) as session:
        server, answered = _opened(session), Counter[str]()

        def told(method: str, path: str, status: int) -> None:
            answered["all"] += 1
            session.tell(EventKind.NOTICE, text=f"{status} {method} {path}", level="info")

        server.told = told
        with server.serving():
            session.tell(EventKind.NOTICE, text=_greeting(session, server.url), level="info")
            request.cancel.event.wait()
        data = {**session.header(), "url": server.url, "service": server.service.address, "requests": answered["all"]}
        return Result("proxy", "success", ExitCode.DONE, data)


def _opened(session: Session) -> Proxy:
    """Raises before anything is announced: no service, no right to call it, the port taken."""
    uri = session.outputs().get("service", {}).get("uri")
    if not uri:
        raise NoSuchDeployment(f"{session.journal.name} has no service yet", suggestion="`memdeploy up` makes it.")
    tokens = _tokens(session)
    try:
        return Proxy(Upstream(uri, tokens), session.request.port)
    except OSError as error:
        raise UsageError(
            f"port {session.request.port} cannot be used: {error.strerror}",
            code="port-taken",
            where="--port",
            suggestion="Name another, or --port 0 for any.",
        ) from error


def _tokens(session: Session) -> Tokens | None:
    mint = session.cloud.identity_tokens(session.outputs())
    if mint is None:
        return None
    tokens = Tokens(_classified(session, mint), session.clock.now)
    tokens.current()
    return tokens


def _classified(session: Session, mint: Callable[[], Secret]) -> Callable[[], Secret]:
    def minted() -> Secret:
        try:
            return mint()
        except Exception as raised:
            error = session.cloud.classify(raised)
            if error is None:
                raise
            raise error from raised

    return minted


def _greeting(session: Session, url: str) -> str:
    note = "  REHEARSAL" if session.stage.target else ""
    return f"{url} leads to {session.journal.name}{note}; MCP: {url}/mcp/; Ctrl-C ends it"
