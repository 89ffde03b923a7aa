"""A refusal in the words of the service that speaks it.

Two forms: google.rpc.Status (most APIs) and the older one with `errors[]` and no `status` (compute, sqladmin; recorded
traffic of k8s-config-connector). Where Google answers with ErrorInfo, `details` carries it in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Project
from memdeploy.rehearsal.http import Answer, json_answer
from memdeploy.rehearsal.refusal import Refusal, denied

OLD_FORM = frozenset({"compute", "sqladmin"})


def render(refusal: Refusal, service: str) -> Answer:
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if service in OLD_FORM:
        reason = refusal.reason or refusal.status.lower()
        domain = "usageLimits" if reason == "accessNotConfigured" else "global"
        error["errors"] = [{"message": refusal.message, "domain": domain, "reason": reason}]
    if service not in OLD_FORM or refusal.details:
        error["status"] = refusal.status
    if refusal.details:
        error["details"] = list(refusal.details)
    return json_answer(refusal.code, {"error": error})


def service_disabled(host: str, title: str, project: Project) -> Refusal:
    """https://cloud.google.com/service-usage/docs/enable-disable; the form as the APIs send it."""
    url = f"https://console.developers.google.com/apis/api/{host}/overview?project={project.number}"
    message = (
        f"{title} has not been used in project {project.number} before or it is disabled. Enable it by visiting {url}"
        " then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems"
        " and retry."
    )
    info: Mapping[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": host, "consumer": f"projects/{project.number}", "serviceTitle": title},
    }
    links = [{"description": "Google developers console API activation", "url": url}]
    help_ = {"@type": "type.googleapis.com/google.rpc.Help", "links": links}
    return denied(message, reason="accessNotConfigured", details=[info, help_])


def no_such_project(service: str, permission: str, project: str) -> Refusal:
    """A project that is missing or not ours to see: 403, never 404 (recorded traffic)."""
    return permission_denied(service, permission, f"projects/{project}")


def permission_denied(service: str, permission: str, resource: str) -> Refusal:
    if service == "cloudresourcemanager":
        return denied("The caller does not have permission")
    if service == "compute":
        return denied(f"Required '{permission}' permission for '{resource}'")
    if service == "sqladmin":
        return denied("The client is not authorized to make this request.", reason="notAuthorized")
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "IAM_PERMISSION_DENIED",
        "domain": f"{service}.googleapis.com",
        "metadata": {"permission": permission, "resource": resource},
    }
    return denied(f"Permission '{permission}' denied on resource '{resource}' (or it may not exist).", details=[info])
