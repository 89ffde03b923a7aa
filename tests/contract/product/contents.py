"""What a project holds, as its APIs tell it: every body, every policy, every secret's value, to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.rehearsed import Rehearsed

#: Service -> where its resources' full names stand in a path.
_ROOTS: Mapping[str, str] = {
    "artifactregistry": "artifactregistry/v1",
    "cloudbuild": "cloudbuild/v1",
    "compute": "compute/compute/v1",
    "iam": "iam/v1",
    "run": "run/v2",
    "secretmanager": "secretmanager/v1",
    "sqladmin": "sqladmin/v1",
}
#: (service, type) -> the verb that reads its IAM policy.
_POLICIES: Mapping[tuple[str, str], str] = {
    ("artifactregistry", "Repository"): "GET",
    ("iam", "ServiceAccount"): "POST",
    ("run", "Job"): "GET",
    ("run", "Service"): "GET",
    ("secretmanager", "Secret"): "GET",
}
_PEERINGS = "services/servicenetworking.googleapis.com/connections"

Item = Mapping[str, Any]


def contents(cloud: Rehearsed, project: str, number: str, wanted: Callable[[Item], bool]) -> dict[str, str]:
    """Resource -> JSON of its body, with its policy and value, of those in the inventory that are `wanted`; the
    project's policy and what the lists of collections name besides are always there."""
    found = {}
    for item in cloud.inventory():
        if wanted(item):
            found[f"{item['service']} {item['type']} {item['name']}"] = _dump(_told(cloud, item, number))
    path = f"/cloudresourcemanager/v3/projects/{project}:getIamPolicy"
    found["policy of the project"] = _dump(cloud.ask("POST", path, {}))
    return found


def without(found: Mapping[str, str], base: str, shared: str) -> dict[str, str]:
    """As if this deployment had never been in what others share with it (the project's policy, and resources named
    `shared…`): no member of theirs, no subnet; a policy that loses a member gets another etag. All else as it is."""
    return {
        name: _dump(_freed(json.loads(text), base)) if name.startswith("policy") or f"/{shared}" in name else text
        for name, text in found.items()
    }


def _told(cloud: Rehearsed, item: Item, number: str) -> dict[str, Any]:
    service, type_, name = item["service"], item["type"], item["name"]
    if service == "servicenetworking":
        network = f"projects/{number}/global/networks/{name.rsplit('/', 1)[-1]}"
        return {"list": cloud.ask("GET", f"/servicenetworking/v1/{_PEERINGS}?network={network}")}
    place = f"/{_ROOTS[service]}/{name}"
    told: dict[str, Any] = {"body": cloud.ask("GET", place)}
    verb = _POLICIES.get((service, type_))
    if verb:
        told["policy"] = cloud.ask(verb, f"{place}:getIamPolicy", {} if verb == "POST" else None)
    if type_ == "SecretVersion" and item["state"] == "ENABLED":
        told["value"] = cloud.ask("GET", f"{place}:access")
    return told


def _freed(told: dict[str, Any], base: str) -> dict[str, Any]:
    policy = told if "etag" in told else told.get("policy", {})
    policy.pop("etag", None)
    kept = [
        {**binding, "members": members}
        for binding in policy.pop("bindings", [])
        if (members := [member for member in binding["members"] if base not in member])
    ]
    body = told.get("body", {})
    if "subnetworks" in body:  # a network names its subnets
        body["subnetworks"] = [link for link in body["subnetworks"] if base not in link]
    return {**told, "bindings": sorted(kept, key=_dump)}


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
