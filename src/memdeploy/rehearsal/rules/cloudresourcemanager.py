"""Resource Manager v3, and v1's `projects.get`. https://cloud.google.com/resource-manager/reference/rest/v3/projects

Unlike other services' policies a project's is set with the whole policy in `policy`, under the same etag rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import policies
from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.rules import orgpolicies

CREATED = "2024-01-01T00:00:00.000Z"


def get(call: Call) -> Mapping[str, Any]:
    return {
        "name": f"projects/{call.project.number}",
        "projectId": call.project.id,
        "state": "ACTIVE",
        "displayName": call.project.id,
        "createTime": CREATED,
        "etag": 'W/"1"',
    }


def get_v1(call: Call) -> Mapping[str, Any]:
    return {
        "projectNumber": call.project.number,
        "projectId": call.project.id,
        "lifecycleState": "ACTIVE",
        "name": call.project.id,
        "createTime": CREATED,
    }


def get_policy(call: Call) -> Mapping[str, Any]:
    return policies.get_policy(call, _resource(call))


def set_policy(call: Call) -> Mapping[str, Any]:
    return policies.set_policy(call, _resource(call))


def held_permissions(call: Call) -> Mapping[str, Any]:
    return policies.held_permissions(call, _resource(call))


def _resource(call: Call) -> str:
    return f"projects/{call.project.id}"


RULES: Mapping[str, Handler] = {
    **orgpolicies.RULES,
    "cloudresourcemanager.projects.get": get,
    "cloudresourcemanager.projects.get@v1": get_v1,
    "cloudresourcemanager.projects.getIamPolicy": get_policy,
    "cloudresourcemanager.projects.setIamPolicy": set_policy,
    "cloudresourcemanager.projects.testIamPermissions": held_permissions,
}
