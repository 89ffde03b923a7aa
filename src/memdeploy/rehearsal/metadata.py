"""A VM's metadata server, for the backing's relay: `/_rehearsal/metadata/<project>/<zone>/<vm>/computeMetadata/v1/…`.

https://cloud.google.com/compute/docs/metadata/querying-metadata and …/manage-guest-attributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from memdeploy.rehearsal import identity
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.http import Answer, Request
from memdeploy.rehearsal.store import Row

PATH = re.compile(
    r"/_rehearsal/metadata/(?P<project>[^/]+)/(?P<zone>[^/]+)/(?P<vm>[^/]+)/computeMetadata/v1/(?P<key>.*)"
)
FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}
GUEST = "instance/guest-attributes/"
# https://cloud.google.com/compute/docs/metadata/manage-guest-attributes#limitations
MAX_GUEST_VALUE = 128 * 1024


def answer(cloud: Cloud, request: Request) -> Answer | None:
    """None: not a metadata path. Inside a transaction."""
    found = PATH.fullmatch(request.path)
    if found is None:
        return None
    if request.headers.get("metadata-flavor") != "Google":
        return _text(403, "Missing Metadata-Flavor:Google header.")
    row = cloud.store.get("compute", f"projects/{found['project']}/zones/{found['zone']}/instances/{found['vm']}")
    if row is None:
        return _text(404, "no such machine")
    if request.verb == "PUT" and found["key"].startswith(GUEST):
        return _put_guest(cloud, row, found["key"].removeprefix(GUEST), request.body.decode())
    if request.verb != "GET":
        return _text(405, "Method not allowed")
    return _get(cloud, row, found["key"], request)


def _get(cloud: Cloud, row: Row, key: str, request: Request) -> Answer:
    account = row.hidden.get("account", "")
    leaf = re.fullmatch(r"instance/service-accounts/([^/]+)/(token|email|scopes|identity|aliases)?/?", key)
    if leaf:
        if leaf[1] not in ("default", account) or not account:
            return _text(404, "no such account")
        return _account(cloud, account, leaf[2] or "", request)
    value: Any = _tree(cloud, row)
    for part in key.strip("/").split("/") if key.strip("/") else []:
        value = _step(value, part)
        if value is None:
            return _text(404, "not found")
    if isinstance(value, dict | list):
        if "recursive" in request.query:
            return Answer(200, json.dumps(value).encode(), {**FLAVOR, "Content-Type": "application/json"})
        names = value if isinstance(value, dict) else range(len(value))
        return _text(200, "".join(f"{n}\n" for n in names))
    return _text(200, str(value))


def _step(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and part.isdigit() and int(part) < len(value):
        return value[int(part)]
    return None


def _account(cloud: Cloud, email: str, leaf: str, request: Request) -> Answer:
    if leaf == "token":
        token = {
            "access_token": identity.access_token(cloud, email),
            "expires_in": int(identity.ACCESS_LIFETIME) - 1,
            "token_type": "Bearer",
        }
        return Answer(200, json.dumps(token).encode(), {**FLAVOR, "Content-Type": "application/json"})
    if leaf == "identity":
        audience = parse_qs(request.query).get("audience", [""])[0]
        if not audience:
            return _text(400, "non-empty audience parameter required")
        return _text(200, identity.id_token(cloud, email, audience))
    texts = {"email": email, "scopes": "https://www.googleapis.com/auth/cloud-platform\n", "aliases": "default\n"}
    return _text(200, texts.get(leaf, "aliases\nemail\nidentity\nscopes\ntoken\n"))


def _tree(cloud: Cloud, row: Row) -> Mapping[str, Any]:
    _, project, _, zone, _, name = row.name.split("/")
    owner = cloud.project(project)
    number = owner.number if owner else ""
    items = {i["key"]: i.get("value", "") for i in (row.body.get("metadata") or {}).get("items") or ()}
    interfaces = [
        {
            "ip": i.get("networkIP", ""),
            "network": f"projects/{number}/networks/{i.get('network', '').rsplit('/', 1)[-1]}",
        }
        for i in row.body.get("networkInterfaces") or ()
    ]
    # `disks/N` has no id: only what the machine can see of itself.
    disks = [
        {"device-name": d["deviceName"], "index": n, "interface": d.get("interface", "SCSI"),
         "mode": d.get("mode", "READ_WRITE"), "type": "PERSISTENT"}
        for n, d in enumerate(row.body.get("disks") or ())
    ]  # fmt: skip
    instance = {
        "attributes": items,
        "disks": disks,
        "guest-attributes": guest_attributes(row),
        "hostname": f"{name}.{zone}.c.{project}.internal",
        "id": row.body.get("id", ""),
        "machine-type": f"projects/{number}/machineTypes/{row.body.get('machineType', '').rsplit('/', 1)[-1]}",
        "name": name,
        "network-interfaces": interfaces,
        "tags": (row.body.get("tags") or {}).get("items") or [],
        "zone": f"projects/{number}/zones/{zone}",
    }
    project_tree = {"attributes": {}, "numeric-project-id": number, "project-id": project}
    return {"instance": instance, "project": project_tree}


def guest_attributes(row: Row) -> dict[str, dict[str, str]]:
    """namespace -> key -> value."""
    found: dict[str, dict[str, str]] = row.hidden.get("guest", {})
    return found


def guest_enabled(row: Row) -> bool:
    items = {i["key"]: i.get("value", "") for i in (row.body.get("metadata") or {}).get("items") or ()}
    return str(items.get("enable-guest-attributes", "")).upper() == "TRUE"


def _put_guest(cloud: Cloud, row: Row, key: str, value: str) -> Answer:
    if not guest_enabled(row):
        return _text(403, "Guest attributes endpoint access is disabled.")
    namespace, slash, name = key.partition("/")
    if not slash or not name or len(value) > MAX_GUEST_VALUE:
        return _text(400, "Invalid namespace/key or value.")
    write_guest(cloud, row, namespace, {name: value})
    return _text(200, "")


def write_guest(cloud: Cloud, row: Row, namespace: str, values: Mapping[str, str]) -> Row:
    guest = guest_attributes(row)
    changed = {**guest, namespace: {**guest.get(namespace, {}), **values}}
    return cloud.store.put(row.with_hidden(guest=changed), cloud.now)


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {**FLAVOR, "Content-Type": "application/text"})
