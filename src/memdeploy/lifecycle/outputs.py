"""`memdeploy outputs`: what a program needs to call the deployment. From the journal; asks no cloud."""

from __future__ import annotations

from memdeploy.engine.events import Sink
from memdeploy.errors import ExitCode, NoSuchDeployment
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.lifecycle.session import look


def outputs(request: Request, sink: Sink) -> Result:
    with look(request, sink) as session:
        found = dict(session.cloud.endpoints(session.outputs()))
        if "url" not in found:
            raise NoSuchDeployment(f"{session.journal.name} has no service yet", suggestion="`memdeploy up` makes it.")
        return Result("outputs", "success", ExitCode.DONE, {**session.header(), "outputs": found})
