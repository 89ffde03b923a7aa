"""ObjectMeta, and which annotations are fields in v2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

# Keys that v2 does not keep as annotations or labels: Service.annotations and Service.labels in run.v2.
_SYSTEM = ("run.googleapis.com/", "cloud.googleapis.com/", "serving.knative.dev/", "autoscaling.knative.dev/")
CLIENT, CLIENT_VERSION = "run.googleapis.com/client-name", "run.googleapis.com/client-version"
LOCATION = "cloud.googleapis.com/location"


@dataclass(frozen=True)
class Place:
    """Where a resource is, as v1 names it: `namespace` is the project's number."""

    namespace: str
    region: str


@dataclass(frozen=True)
class Field:
    """An annotation that is a field in v2; `path` is that field's, with dots."""

    annotation: str
    path: str
    read: Callable[[str], Any] = str
    write: Callable[[Any], str | None] = str
    "None: left out."


def yes(text: str) -> bool:
    return text.lower() == "true"


def if_true(value: Any) -> str | None:
    return "true" if value else None


LAUNCH_STAGE = Field(
    "run.googleapis.com/launch-stage", "launchStage", write=lambda stage: None if stage == "GA" else str(stage)
)


def from_annotations(fields: tuple[Field, ...], annotations: Json) -> dict[str, Any]:
    """The v2 fields that annotations set. ValueError: a text that is no such value."""
    found: dict[str, Any] = {}
    for field in fields:
        if field.annotation in annotations:
            *outer, last = field.path.split(".")
            at = found
            for name in outer:
                at = at.setdefault(name, {})
            at[last] = _read(field, str(annotations[field.annotation]))
    return found


def to_annotations(fields: tuple[Field, ...], body: Json) -> dict[str, str]:
    written = ((field.annotation, field.write(value)) for field, value in _present(fields, body))
    return {annotation: text for annotation, text in written if text is not None}


def own(pairs: Json | None) -> dict[str, Any]:
    """Annotations or labels that are the user's."""
    return {key: value for key, value in (pairs or {}).items() if not key.startswith(_SYSTEM)}


def of(place: Place, body: Json, *, path: str, annotations: Json, labels: Json | None = None) -> dict[str, Any]:
    """The metadata of a resource that is there. `path`: its part of the URL (`serving.knative.dev/v1`, `services`)."""
    name = str(body["name"]).rsplit("/", 1)[-1]
    group, kinds = path.rsplit("/", 1)
    made: dict[str, Any] = {
        "name": name,
        "namespace": place.namespace,
        "selfLink": f"/apis/{group}/namespaces/{place.namespace}/{kinds}/{name}",
        "uid": body.get("uid"),
        "resourceVersion": body.get("etag"),
        "generation": int(body.get("generation") or 1),
        "creationTimestamp": body.get("createTime"),
        "deletionTimestamp": body.get("deleteTime"),
        "labels": {**(body.get("labels") or {}), LOCATION: place.region, **(labels or {})},
        "annotations": {**(body.get("annotations") or {}), **_who(body, group.partition("/")[0]), **annotations},
    }
    return {key: value for key, value in made.items() if value is not None}


def authors(group: str) -> tuple[str, str]:
    """The annotations that say who made and who last changed it; `group`: `serving.knative.dev` for services."""
    return f"{group}/creator", f"{group}/lastModifier"


def _who(body: Json, group: str) -> dict[str, str]:
    creator, modifier = authors(group)
    written = {creator: "creator", modifier: "lastModifier", CLIENT: "client", CLIENT_VERSION: "clientVersion"}
    return {annotation: str(body[key]) for annotation, key in written.items() if body.get(key)}


def _read(field: Field, text: str) -> Any:
    try:
        return field.read(text)
    except (ValueError, KeyError):
        raise ValueError(f"metadata.annotations[{field.annotation}]: Invalid value: {text!r}") from None


def _present(fields: tuple[Field, ...], body: Json) -> Iterator[tuple[Field, Any]]:
    for field in fields:
        at: Any = body
        for name in field.path.split("."):
            at = at.get(name) if isinstance(at, Mapping) else None
        if at is not None:
            yield field, at
