"""Services, their revisions, and the configuration and the route that v1 shows beside every service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.knative import conditions, meta, templates
from memdeploy.rehearsal.knative.meta import Field, Place, from_annotations, if_true, own, to_annotations, yes

Json = Mapping[str, Any]
API = "serving.knative.dev/v1"
_INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    "none": "INGRESS_TRAFFIC_NONE",
}
_LATEST, _REVISION = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
_FIELDS = (
    Field("run.googleapis.com/ingress", "ingress",
          lambda text: _INGRESS[text], lambda value: {v: k for k, v in _INGRESS.items()}[value]),
    Field("run.googleapis.com/description", "description"),
    meta.LAUNCH_STAGE,
    Field("run.googleapis.com/invoker-iam-disabled", "invokerIamDisabled", yes, if_true),
    Field("run.googleapis.com/default-url-disabled", "defaultUriDisabled", yes, if_true),
    Field("run.googleapis.com/custom-audiences", "customAudiences", json.loads, json.dumps),
    Field("run.googleapis.com/minScale", "scaling.minInstanceCount", int),
    Field("run.googleapis.com/maxScale", "scaling.maxInstanceCount", int),
    Field("run.googleapis.com/manualInstanceCount", "scaling.manualInstanceCount", int),
    Field("run.googleapis.com/scalingMode", "scaling.scalingMode", str.upper, str.lower),
    Field(meta.CLIENT, "client"),
    Field(meta.CLIENT_VERSION, "clientVersion"),
)  # fmt: skip
# Written by the server, and sent back by clients that replace what they read.
_OUTPUT = frozenset(
    {*meta.authors("serving.knative.dev"), "run.googleapis.com/urls", "run.googleapis.com/operation-id",
     "run.googleapis.com/ingress-status", "run.googleapis.com/image"}
)  # fmt: skip
ANNOTATIONS = frozenset(field.annotation for field in _FIELDS) | _OUTPUT


def from_v1(service: Json) -> dict[str, Any]:
    """A Service of v2 without a name. ValueError: an annotation's text is no value of its field."""
    header, spec = service.get("metadata") or {}, service.get("spec") or {}
    annotations = header.get("annotations") or {}
    made: dict[str, Any] = {
        "labels": own(header.get("labels")),
        "annotations": own(annotations),
        "ingress": "INGRESS_TRAFFIC_ALL",
        "etag": header.get("resourceVersion"),
        **from_annotations(_FIELDS, annotations),
        "template": templates.revision_from_v1(spec.get("template") or {}),
        "traffic": [_target_from_v1(target) for target in spec.get("traffic") or ({"latestRevision": True},)],
    }
    return {key: value for key, value in made.items() if value not in (None, "", {}, [])}


def to_v1(service: Json, place: Place) -> dict[str, Any]:
    template = service.get("template") or {}
    annotations, spec = templates.revision_to_v1(template)
    inner = {
        "labels": template.get("labels") or {},
        "annotations": {**(template.get("annotations") or {}), **annotations},
        **({"name": template["revision"]} if template.get("revision") else {}),
    }
    ours = to_annotations(_FIELDS, service)
    status = {"run.googleapis.com/ingress-status": ours["run.googleapis.com/ingress"]} if "ingress" in service else {}
    urls = {"run.googleapis.com/urls": json.dumps(service.get("urls") or [])}
    return {
        "apiVersion": API,
        "kind": "Service",
        "metadata": meta.of(place, service, path=f"{API}/services", annotations={**ours, **status, **urls}),
        "spec": {
            "template": {"metadata": inner, "spec": spec},
            "traffic": [_target_to_v1(target) for target in service.get("traffic") or ()],
        },
        "status": _status(service),
    }


def revision_to_v1(revision: Json, place: Place, *, active: bool = False) -> dict[str, Any]:
    """`active`: it takes the service's requests."""
    service = str(revision.get("service") or "").rsplit("/", 1)[-1]
    annotations, spec = templates.revision_to_v1(revision)
    labels = {
        "serving.knative.dev/service": service,
        "serving.knative.dev/configuration": service,
        "serving.knative.dev/route": service,
    }
    return {
        "apiVersion": API,
        "kind": "Revision",
        "metadata": meta.of(place, revision, path=f"{API}/revisions", annotations=annotations, labels=labels),
        "spec": spec,
        "status": {
            "observedGeneration": int(revision.get("generation") or 1),
            "conditions": conditions.of_revision(revision, active=active),
            "imageDigest": next((str(c["image"]) for c in revision.get("containers") or () if "@" in c["image"]), ""),
            "serviceName": service,
            "logUrl": revision.get("logUri") or "",
        },
    }


def configuration_to_v1(service: Json, place: Place) -> dict[str, Any]:
    shown = to_v1(service, place)
    status = shown["status"]
    kept = ("observedGeneration", "latestCreatedRevisionName", "latestReadyRevisionName")
    ready = next(one for one in status["conditions"] if one["type"] == "ConfigurationsReady")
    return {
        "apiVersion": API,
        "kind": "Configuration",
        "metadata": meta.of(place, service, path=f"{API}/configurations", annotations={}),
        "spec": {"template": shown["spec"]["template"]},
        "status": {**{key: status[key] for key in kept if key in status}, "conditions": [{**ready, "type": "Ready"}]},
    }


def route_to_v1(service: Json, place: Place) -> dict[str, Any]:
    shown = to_v1(service, place)
    status = shown["status"]
    kept = ("observedGeneration", "url", "address", "traffic")
    ready = next(one for one in status["conditions"] if one["type"] == "RoutesReady")
    return {
        "apiVersion": API,
        "kind": "Route",
        "metadata": meta.of(place, service, path=f"{API}/routes", annotations={}),
        "spec": {"traffic": shown["spec"]["traffic"]},
        "status": {**{key: status[key] for key in kept if key in status}, "conditions": [{**ready, "type": "Ready"}]},
    }


def _status(service: Json) -> dict[str, Any]:
    url = service.get("uri")
    made: dict[str, Any] = {
        "observedGeneration": int(service.get("observedGeneration") or 0) or None,
        "conditions": conditions.of_service(service),
        "latestCreatedRevisionName": str(service.get("latestCreatedRevision") or "").rsplit("/", 1)[-1],
        "latestReadyRevisionName": str(service.get("latestReadyRevision") or "").rsplit("/", 1)[-1],
        "url": url,
        "address": {"url": url} if url else None,
        "traffic": [_target_to_v1(target) for target in service.get("trafficStatuses") or ()],
    }
    return {key: value for key, value in made.items() if value not in (None, "", [])}


def _target_from_v1(target: Json) -> dict[str, Any]:
    made = {"type": _REVISION, "revision": target["revisionName"]} if target.get("revisionName") else {"type": _LATEST}
    made |= {key: target[key] for key in ("percent", "tag") if target.get(key)}
    return made if "percent" in made or "tag" in made else {**made, "percent": 100}


def _target_to_v1(target: Json) -> dict[str, Any]:
    made: dict[str, Any] = {key: target[key] for key in ("percent", "tag") if target.get(key)}
    if target.get("uri"):
        made["url"] = target["uri"]
    if target.get("revision"):
        made["revisionName"] = str(target["revision"]).rsplit("/", 1)[-1]
    if target.get("type") == _LATEST:
        made["latestRevision"] = True
    return made
