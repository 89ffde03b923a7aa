"""What v1 alone refuses, and how it words what v2 refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from memdeploy.rehearsal.knative import services, templates
from memdeploy.rehearsal.refusal import Refusal, invalid

Json = Mapping[str, Any]
# run.v1, ObjectMeta.annotations: these namespaces "are restricted, and the accepted annotations will be different
# depending on the resource type", with the list of each.
_RESTRICTED = ("run.googleapis.com/", "autoscaling.knative.dev/")
# On the list, and nothing that the rehearsal does depends on them.
_OTHER = frozenset(
    f"run.googleapis.com/{name}"
    for name in (
        "base-images", "binary-authorization", "binary-authorization-breakglass", "build-base-image",
        "build-enable-automatic-updates", "build-environment-variables", "build-function-target", "build-id",
        "build-image-uri", "build-name", "build-service-account", "build-source-location", "build-worker-pool",
        "gc-traffic-tags", "encryption-key-shutdown-hours", "gpu-zonal-redundancy-disabled",
        "post-key-revocation-action-type", "secure-session-agent",
    )
)  # fmt: skip


def service(body: Json) -> None:
    """Of a create or replacement, before anything is translated."""
    meta, template = body.get("metadata") or {}, ((body.get("spec") or {}).get("template") or {})
    inner = template.get("metadata") or {}
    found = [
        *_unsupported("metadata.annotations", meta, services.ANNOTATIONS),
        *_unsupported("spec.template.metadata.annotations", inner, templates.ANNOTATIONS),
    ]
    if body.get("kind") not in (None, "", "Service") or body.get("apiVersion") not in (None, "", services.API):
        found.append(("kind", f"expected {services.API} Service"))
    if found:
        raise _errors(found)


def worded(refusal: Refusal) -> Refusal:
    """v2 names fields of its request (`CreateServiceRequest.service.template.containers[0]`), v1 those of the resource
    (`spec.template.spec.containers[0]`)."""
    if refusal.code != 400 or not refusal.message.startswith(("Violation in ", "template.")):
        return refusal
    parts = refusal.message.split("; Violation in ")
    return invalid("; ".join(_field(part.removeprefix("Violation in ")) for part in parts), details=refusal.details)


def _field(text: str) -> str:
    bare = re.sub(r"^\w+Request\.\w+\.", "", text)
    bare = re.sub(r"^template\.template\.", "spec.template.spec.template.spec.", bare)
    bare = re.sub(r"^template\.(?=containers|volumes|timeout|max_instance)", "spec.template.spec.", bare)
    bare = re.sub(r"^template(?=[:.])", "spec.template", bare)
    return re.sub(r"^name:", "metadata.name:", bare)


def _unsupported(field: str, meta: Json, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    # GoogleCloudPlatform/magic-modules#4068: the field and the words
    for key in meta.get("annotations") or {}:
        if key.startswith(_RESTRICTED) and key not in known and key not in _OTHER:
            yield field, f"'{key}' is not a supported annotation."


def _errors(found: list[tuple[str, str]]) -> Refusal:
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field, "description": text} for field, text in found],
    }
    return invalid("The request has errors", reason="badRequest", details=[detail])
