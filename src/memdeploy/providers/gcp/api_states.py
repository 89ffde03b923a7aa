"""Google's APIs that a deployment calls, and which of them are on.

https://cloud.google.com/service-usage/docs/reference/rest/v1/services
"""

from __future__ import annotations

from typing import Any

from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.scope import Scope

APIS: tuple[str, ...] = tuple(
    f"{name}.googleapis.com"
    for name in (
        "artifactregistry",
        "cloudbilling",
        "cloudbuild",
        "cloudresourcemanager",
        "compute",
        "iam",
        "iamcredentials",
        "logging",
        "run",
        "secretmanager",
        "servicenetworking",
        "serviceusage",
        "sqladmin",
    )
)


def states(scope: Scope) -> dict[str, Any]:
    """`{"number": project's number or None, "off": [names]}`, for use inside `run.read`. Answers name the project by
    its number, so this also tells the number while Cloud Resource Manager is still off."""
    parent = scope.names.project_path
    answer = scope.clients.serviceusage(
        "services.batchGet", parent=parent, names=[f"{parent}/services/{name}" for name in APIS]
    )
    services = answer.get("services", [])
    on = {last(s["name"]) for s in services if s.get("state") == "ENABLED"}
    numbers = [str(s["name"]).split("/")[1] for s in services if str(s["name"]).split("/")[1].isdigit()]
    return {"number": numbers[0] if numbers else None, "off": [name for name in APIS if name not in on]}
