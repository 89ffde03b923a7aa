"""What the machine is made of: the body of instances.insert and the metadata that its boot script reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from memdeploy.config.model import Protection
from memdeploy.config.profiles import sizes
from memdeploy.providers.gcp.compute import JSON
from memdeploy.providers.gcp.names import last, relative
from memdeploy.providers.gcp.neo4j_machine import memory_mb
from memdeploy.providers.gcp.scope import Scope
from memdeploy.secret import SecretRef

FORMAT = "memdeploy-format"
BOOT_IMAGE = "projects/cos-cloud/global/images/family/cos-stable"

_FIXED: Mapping[str, str] = {
    "enable-guest-attributes": "TRUE",
    "block-project-ssh-keys": "TRUE",
    "serial-port-enable": "FALSE",
    "google-logging-enabled": "true",
}
REFERENCE = "memdeploy-image"
"Of Neo4j's image, by digest."
METADATA_KEYS = (
    *_FIXED,
    "startup-script",
    "memdeploy-device",
    "memdeploy-password",
    "memdeploy-tls",
    REFERENCE,
    "memdeploy-address",
    "memdeploy-sources",
    "memdeploy-memory",
    "memdeploy-generation",
)
"""All that memdeploy sets and compares. `memdeploy-format` is not among them: it is set at the insert alone."""


def boot_script() -> str:
    return files("memdeploy.providers.gcp").joinpath("neo4j_boot.sh").read_text("utf-8")


def metadata(scope: Scope, inputs: Mapping[str, Any], attempt: int) -> dict[str, str]:
    """Metadata of the instance, `memdeploy-format` aside. Names secrets, holds none."""
    memory = memory_mb(sizes(scope.deployment).neo4j_machine)
    items = {
        **_FIXED,
        "startup-script": boot_script(),
        "memdeploy-device": f"neo4j-{inputs['disk_id']}",
        "memdeploy-password": version_path(scope, inputs["password"]),
        "memdeploy-tls": version_path(scope, inputs["tls"]),
        REFERENCE: inputs["image"],
        "memdeploy-address": inputs["address"],
        "memdeploy-sources": inputs["cidr"],
        **({"memdeploy-memory": str(memory)} if memory else {}),
    }
    # A disk that has grown needs a boot for its file system to follow, though the script is told nothing new.
    told = {**items, "attempt": str(attempt), "disk_gb": str(inputs["disk_gb"])}
    return {**items, "memdeploy-generation": digest(told)}


def digest(items: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]


def version_path(scope: Scope, reference: Mapping[str, str]) -> str:
    ref = SecretRef.from_json(reference)
    return f"{scope.names.secret(last(ref.name))}/versions/{ref.version}"


def changed_metadata(live: JSON, items: Mapping[str, str]) -> JSON:
    """Body of setMetadata: ours replaced, others' kept, guarded by the fingerprint that was read."""
    found = live.get("metadata", {})
    kept = {i["key"]: i.get("value", "") for i in found.get("items", []) if i["key"] not in METADATA_KEYS}
    return {"fingerprint": found.get("fingerprint"), "items": listed({**kept, **items})}


def listed(items: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(items.items())]


def machine_type(scope: Scope, machine: str) -> str:
    return f"zones/{scope.zone}/machineTypes/{machine}"


def instance_body(scope: Scope, name: str, inputs: Mapping[str, Any], attempt: int = 0) -> JSON:
    """Body of instances.insert. The disk's device name carries its numeric id, which a machine cannot read itself."""
    device = f"neo4j-{inputs['disk_id']}"
    items = metadata(scope, inputs, attempt)
    if inputs["fresh"]:
        items[FORMAT] = device
    return {
        "name": name,
        "description": "Neo4j for MemMachine, made by memdeploy",
        "machineType": machine_type(scope, sizes(scope.deployment).neo4j_machine),
        "labels": scope.marker.labels,
        "deletionProtection": scope.deployment.neo4j.deletion_protection is not Protection.OFF,
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "initializeParams": {
                    "sourceImage": BOOT_IMAGE,
                    "diskSizeGb": "10",
                    "diskType": f"zones/{scope.zone}/diskTypes/pd-balanced",
                    "labels": scope.marker.labels,
                },
            },
            {
                "source": relative(inputs["disk"]),
                "deviceName": device,
                "mode": "READ_WRITE",
                "autoDelete": False,
            },
        ],
        "networkInterfaces": [{"subnetwork": relative(inputs["subnet"]), "networkIP": inputs["address"]}],
        "serviceAccounts": [{"email": inputs["account"], "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        "shieldedInstanceConfig": {
            "enableSecureBoot": True,
            "enableVtpm": True,
            "enableIntegrityMonitoring": True,
        },
        "scheduling": {"automaticRestart": True, "onHostMaintenance": "MIGRATE"},
        "metadata": {"items": listed(items)},
    }


def without_format(live: JSON) -> JSON:
    """Body of setMetadata that takes `memdeploy-format` away and keeps all else."""
    found = live.get("metadata", {})
    kept = {i["key"]: i.get("value", "") for i in found.get("items", []) if i["key"] != FORMAT}
    return {"fingerprint": found.get("fingerprint"), "items": listed(kept)}
