"""Google's discovery documents, as data: found beside google-api-python-client without importing it."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from memdeploy.rehearsal.call import Method

# Service (first label of the API's host) -> documents, the preferred version first.
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "artifactregistry": ("artifactregistry.v1", "artifactregistry.v1beta2"),
    "cloudbilling": ("cloudbilling.v1",),
    "cloudbuild": ("cloudbuild.v1",),
    "cloudresourcemanager": ("cloudresourcemanager.v3", "cloudresourcemanager.v1"),
    "compute": ("compute.v1",),
    "iam": ("iam.v1",),
    "iamcredentials": ("iamcredentials.v1",),
    "logging": ("logging.v2",),
    "oauth2": ("oauth2.v2",),
    "run": ("run.v2", "run.v1"),
    "secretmanager": ("secretmanager.v1",),
    "servicenetworking": ("servicenetworking.v1",),
    "serviceusage": ("serviceusage.v1",),
    "sqladmin": ("sqladmin.v1", "sqladmin.v1beta4"),
}
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A method's published path, ready to be compared: segments (None: a parameter) and the custom verb after `:`."""

    method: Method
    segments: tuple[str | None, ...]
    parameters: re.Pattern[str]
    "Over the decoded path; groups are the names in `path` (`parent`, `name`, `project`, …)."


@dataclass(frozen=True)
class Document:
    service: str
    version: str
    title: str
    schemas: Mapping[str, Schema]
    common: frozenset[str]
    templates: Mapping[tuple[str, int, str], tuple[Template, ...]]
    "By (HTTP verb, number of segments, custom verb)."


def folder() -> Path:
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("google-api-python-client is not installed; it ships the discovery documents")
    return Path(next(iter(spec.submodule_search_locations))) / "discovery_cache" / "documents"


@cache
def read(service: str, name: str) -> Document:
    """Parses one document, once a process; about 0.1 s for compute, a few ms for the others."""
    raw = json.loads((folder() / f"{name}.json").read_bytes())
    raw["resources"]["extra"] = {"methods": {str(i): extra for i, extra in enumerate(EXTRA.get(name, ()))}}
    templates: dict[tuple[str, int, str], list[Template]] = {}
    for method in _methods(service, raw):
        segments, verb = _segments(method.flat_path)
        found = Template(method, segments, _parameters(method.path))
        templates.setdefault((method.verb, len(segments), verb), []).append(found)
    return Document(
        service=service,
        version=raw["version"],
        title=raw.get("title", service),
        schemas=raw.get("schemas", {}),
        common=frozenset(raw.get("parameters", {})),
        templates={key: tuple(sorted(group, key=_parameter_count)) for key, group in templates.items()},
    )


# https://developers.google.com/identity/protocols/oauth2: not in any discovery document
EXTRA: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "oauth2.v2": tuple(
        {
            "id": "oauth2.tokeninfo",
            "httpMethod": verb,
            "path": path,
            "parameters": {name: {"location": "query", "type": "string"} for name in ("access_token", "id_token")},
        }
        for verb in ("GET", "POST")
        for path in ("tokeninfo", "oauth2/v3/tokeninfo")
    )
}


def _methods(service: str, raw: Mapping[str, Any]) -> Iterator[Method]:
    prefix = raw.get("servicePath", "")
    pending: list[Mapping[str, Any]] = [raw]
    while pending:
        node = pending.pop()
        pending.extend(node.get("resources", {}).values())
        for spec in node.get("methods", {}).values():
            parameters = spec.get("parameters", {})
            yield Method(
                service=service,
                version=raw["version"],
                id=spec["id"],
                verb=spec["httpMethod"],
                flat_path=prefix + spec.get("flatPath", spec["path"]),
                path=prefix + spec["path"],
                request=spec.get("request", {}).get("$ref"),
                response=spec.get("response", {}).get("$ref"),
                query={k: p for k, p in parameters.items() if p["location"] == "query"},
                path_params=frozenset(k for k, p in parameters.items() if p["location"] == "path"),
            )


def _segments(flat_path: str) -> tuple[tuple[str | None, ...], str]:
    path, colon, verb = flat_path.rpartition(":") if ":" in flat_path.rsplit("/", 1)[-1] else (flat_path, "", "")
    return tuple(None if "{" in part else part for part in path.split("/")), verb if colon else ""


def _parameters(path: str) -> re.Pattern[str]:
    pattern = ""
    for literal, plus, name in re.findall(r"([^{]*)(?:\{(\+?)(\w+)\})?", path):
        pattern += re.escape(literal)
        if name:
            pattern += f"(?P<{name}>{'.+' if plus else '[^/]+'})"
    return re.compile(pattern)


def _parameter_count(template: Template) -> int:
    return template.segments.count(None)
