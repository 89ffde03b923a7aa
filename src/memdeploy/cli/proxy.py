"""memdeploy proxy."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes

PORT = 8080


@takes("proxy", config=IDENTITY, run=COMMON)
def proxy(
    call: Call,
    port: Annotated[
        int,
        typer.Option("--port", metavar="N", envvar="MEMDEPLOY_PORT", min=0, max=65535, help="On 127.0.0.1; 0: any."),
    ] = PORT,
) -> None:
    """Let HTTP and MCP clients use a private deployment.

    Until Ctrl-C. Requests to 127.0.0.1 go on to the service with an identity token of the verifier account, minted anew
    before it ends. Whoever may connect to this machine's loopback may use it; web pages of other sites may not.
    """
    invoke(call, {"port": port})
