"""Whether a deployment of some name is in the project, and with which id and suffix: by markers, never by names alone.

Own names end in `-<suffix>-<role>`, neither of which has a dash in it: so a name says whose it is without doubt, once
the thing carries a marker at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from memdeploy.engine.step import Outputs, Run, Step
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Trace
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.looking import moment, question
from memdeploy.providers.marker import LABEL, NAME_LABEL

_DESCRIBED = re.compile(r"memdeploy/(?P<id>[a-z0-9]{12})")
Found = Iterator[tuple[str, str | None, str, str]]
"""Short name, marker id if it has one, what it is, since when (`Trace.since`)."""


def step(scope: Scope, *, thorough: bool) -> Step:
    """Secrets are made first and go last; accounts and subnets tell of what was begun, or is left, without any."""
    subnets = (_subnets,) if modes.network(scope.deployment) else ()
    lists = (_secrets, _accounts, *subnets) if thorough else (_secrets,)

    def ask(run: Run) -> Outputs:
        return {"traces": [trace.to_json() for listed in lists for trace in _of(scope, listed(scope, run))]}

    return question("traces", "What carries a marker", ask)


def _of(scope: Scope, found: Found) -> Iterator[Trace]:
    own = re.compile(rf"{re.escape(scope.deployment.name)}-(?P<suffix>[a-z0-9]{{4}})-[a-z0-9]{{1,4}}")
    for name, marker, what, since in found:
        match = own.fullmatch(name)
        if match and marker:
            yield Trace(marker, match["suffix"], f"{what} {name}", since)


def _secrets(scope: Scope, run: Run) -> Found:
    """https://cloud.google.com/secret-manager/docs/filtering"""
    wanted = f"labels.{NAME_LABEL}={scope.deployment.name}"
    parent = scope.names.project_path
    for secret in _all(run, lambda: list(scope.clients.secrets("list_secrets", parent=parent, filter=wanted))):
        yield last(secret.name), dict(secret.labels).get(LABEL), "secret", moment(secret.create_time)


def _accounts(scope: Scope, run: Run) -> Found:
    listed = lambda: scope.clients.iam.pages(  # noqa: E731
        "projects.serviceAccounts.list", "accounts", name=scope.names.project_path, pageSize=100
    )
    for account in _all(run, listed):
        yield str(account.get("email", "")).partition("@")[0], _described(account), "service account", ""


def _subnets(scope: Scope, run: Run) -> Found:
    listed = lambda: scope.clients.compute.pages(  # noqa: E731
        "subnetworks.list", "items", project=scope.project, region=scope.region
    )
    for subnet in _all(run, listed):
        since = moment(datetime.fromisoformat(subnet["creationTimestamp"])) if "creationTimestamp" in subnet else ""
        yield str(subnet.get("name", "")), _described(subnet), "subnet", since


def _described(thing: Mapping[str, Any]) -> str | None:
    match = _DESCRIBED.fullmatch(str(thing.get("description", "")))
    return match["id"] if match else None


def _all(run: Run, listed: Callable[[], list[Any]]) -> list[Any]:
    """Where an API is off there is nothing of it."""
    try:
        return run.read(listed)
    except CloudError as error:
        if error.kind is not ErrorKind.NOT_ENABLED:
            raise
        return []
