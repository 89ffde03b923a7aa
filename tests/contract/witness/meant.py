"""What memdeploy meant, by the fields that gcloud shows: out of the journals, which hold what each step was to make and
what others made for it. Pure; nothing here knows the rehearsal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_ACCOUNT = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Meant:
    """`deployment` and `shared`: the journals' steps. Names are those of the configuration."""

    deployment: Json
    shared: Json
    number: str

    def applied(self, step: str) -> Json:
        return dict((self.deployment.get(step) or self.shared[step])["applied"])

    def output(self, step: str, name: str) -> Any:
        return (self.deployment.get(step) or self.shared[step])["outputs"][name]


def secret(meant: Meant, step: str) -> dict[str, Any]:
    wanted = meant.applied(step)
    return {
        "name": f"projects/{meant.number}/secrets/{meant.output(step, 'secret')['secret']}",
        "labels": wanted["labels"],
        "replication": {"automatic": {}},
    }


def secret_told(shown: Json) -> dict[str, Any]:
    return {key: shown[key] for key in ("name", "labels", "replication")}


def repository(meant: Meant) -> dict[str, Any]:
    wanted = meant.applied("shared.registry")
    region = str(meant.output("shared.registry", "name")).split("/")[3]
    return {
        "name": meant.output("shared.registry", "name"),
        "registryUri": meant.output("shared.registry", "registry_uri"),
        "format": wanted["format"],
        "mode": wanted["mode"],
        "labels": {"memdeploy": f"shared-{region}"},
    }


def repository_told(shown: Json) -> dict[str, Any]:
    return {key: shown[key] for key in ("name", "registryUri", "format", "mode", "labels")}


#: The journal's own words -> where gcloud shows them, and how they are written there.
_SQL: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "postgres.version": ("databaseVersion", lambda version: f"POSTGRES_{version}"),
    "postgres.tier": ("settings.tier", str),
    "postgres.disk_gb": ("settings.dataDiskSizeGb", str),
    "postgres.deletion_protection": ("settings.deletionProtectionEnabled", bool),
}


def instance(meant: Meant) -> dict[str, Any]:
    """Every field of the journal, under gcloud's path, and what came of it: the private address, that it runs."""
    wanted: dict[str, Any] = {}
    for name, value in meant.applied("postgres.instance").items():
        path, write = _SQL.get(name, (name, lambda as_it_is: as_it_is))
        wanted[path] = write(value)
    address = {"ipAddress": meant.output("postgres.instance", "address"), "type": "PRIVATE"}
    return {
        **wanted,
        "name": meant.output("postgres.instance", "name"),
        "connectionName": meant.output("postgres.instance", "connection"),
        "ipAddresses": [address],
        "state": "RUNNABLE",
        "settings.ipConfiguration.allocatedIpRange": meant.output("shared.range", "name"),
    }


def instance_told(shown: Json, meant: Meant) -> dict[str, Any]:
    empty: Mapping[str, Any] = {"settings.ipConfiguration.authorizedNetworks": []}  # JSON leaves empty lists out
    return {path: at(shown, path, empty.get(path)) for path in instance(meant)}


def machine(meant: Meant, zone: str) -> dict[str, Any]:
    wanted = meant.applied("neo4j.vm")
    reference = meant.output("neo4j.image", "reference")
    secrets = {step: meant.output(step, "secret") for step in ("secret.neo4j", "secret.tls")}
    project = str(meant.output("neo4j.disk", "link")).split("/")[1]
    version = {step: f"projects/{project}/secrets/{ref['secret']}/versions/{ref['version']}"
               for step, ref in secrets.items()}  # fmt: skip
    return {
        "name": meant.output("neo4j.vm", "name"),
        "zone": f"projects/{project}/zones/{zone}",
        "machineType": f"projects/{project}/zones/{zone}/machineTypes/{wanted['neo4j.machine']}",
        "deletionProtection": wanted["neo4j.deletion_protection"],
        "labels": wanted["labels"],
        "networkIP": meant.output("neo4j.address", "address"),
        "subnetwork": wanted["subnetwork"],
        "public": [],
        "data disk": (meant.output("neo4j.disk", "link"), wanted["disk"], False),
        "serviceAccounts": [{"email": wanted["serviceAccount"], "scopes": [_ACCOUNT]}],
        "secure boot": wanted["shieldedInstanceConfig.enableSecureBoot"],
        "memdeploy-image": reference,
        "memdeploy-address": meant.output("neo4j.address", "address"),
        "memdeploy-device": wanted["disk"],
        "memdeploy-password": version["secret.neo4j"],
        "memdeploy-tls": version["secret.tls"],
        "memdeploy-sources": meant.output("network.subnet", "cidr"),
        "status": "RUNNING",
    }


def machine_told(shown: Json) -> dict[str, Any]:
    (card,) = shown["networkInterfaces"]
    (data,) = [disk for disk in shown["disks"] if not disk.get("boot")]
    metadata = {item["key"]: item["value"] for item in shown["metadata"]["items"]}
    keys = ("image", "address", "device", "password", "tls", "sources")
    return {
        **{key: shown[key] for key in ("name", "deletionProtection", "labels", "serviceAccounts", "status")},
        **{key: relative(shown[key]) for key in ("zone", "machineType")},
        "networkIP": card["networkIP"],
        "subnetwork": relative(card["subnetwork"]),
        "public": card.get("accessConfigs", []),
        "data disk": (relative(data["source"]), data["deviceName"], data["autoDelete"]),
        "secure boot": shown["shieldedInstanceConfig"]["enableSecureBoot"],
        **{f"memdeploy-{key}": metadata[f"memdeploy-{key}"] for key in keys},
    }


def service(meant: Meant) -> dict[str, Any]:
    wanted = meant.applied("service")
    names = wanted["container.env"]
    low, high = wanted["service.instances.min"], wanted["service.instances.max"]
    return {
        "name": meant.output("service", "name"),
        "url": meant.output("service", "uri"),
        "revision": meant.output("service", "revision"),
        "ready": "True",
        "labels": wanted["labels"],
        "ingress": {"INGRESS_TRAFFIC_ALL": "all"}[wanted["ingress"]],
        "open to all": wanted["invokerIamDisabled"],
        "instances": (low, high),
        "limits": {"cpu": wanted["service.cpu"], "memory": wanted["service.memory"]},
        "throttled": wanted["container.cpuIdle"],
        "serviceAccountName": wanted["template.serviceAccount"],
        "timeoutSeconds": int(str(wanted["template.timeout"]).removesuffix("s")),
        "containerConcurrency": wanted["template.maxInstanceRequestConcurrency"],
        "egress": {"PRIVATE_RANGES_ONLY": "private-ranges-only"}[wanted["template.vpcAccess"]["egress"]],
        "interfaces": wanted["template.vpcAccess"]["networkInterfaces"],
        "volumes": wanted["template.volumes"],
        "containers": wanted["containers"],
        "image": meant.output("image", "reference"),
        "probe": wanted["container.startupProbe.path"],
        "env": {name: wanted[f"container.env.{name}"] for name in names},
    }


def service_told(shown: Json) -> dict[str, Any]:
    spec, header = shown["spec"]["template"]["spec"], shown["spec"]["template"]["metadata"]
    outer, inner = shown["metadata"]["annotations"], header["annotations"]
    (container,) = spec["containers"]
    ready = next(one["status"] for one in shown["status"]["conditions"] if one["type"] == "Ready")
    scale = [int(inner.get(f"autoscaling.knative.dev/{end}Scale", 0)) for end in ("min", "max")]
    own = {key: text for key, text in shown["metadata"]["labels"].items() if "/" not in key}
    return {
        "name": shown["metadata"]["name"],
        "url": shown["status"]["url"],
        "revision": shown["status"]["latestReadyRevisionName"],
        "ready": ready,
        "labels": own,
        "ingress": outer["run.googleapis.com/ingress"],
        "open to all": outer.get("run.googleapis.com/invoker-iam-disabled") == "true",
        "instances": tuple(scale),
        "limits": container["resources"]["limits"],
        "throttled": inner["run.googleapis.com/cpu-throttling"] == "true",
        **{key: spec[key] for key in ("serviceAccountName", "timeoutSeconds", "containerConcurrency")},
        "egress": inner["run.googleapis.com/vpc-access-egress"],
        "interfaces": json.loads(inner["run.googleapis.com/network-interfaces"]),
        "volumes": spec.get("volumes", []),
        "containers": [container["name"]],
        "image": container["image"],
        "probe": container["startupProbe"]["httpGet"]["path"],
        "env": {entry["name"]: _value(entry) for entry in container["env"]},
    }


def _value(entry: Json) -> Any:
    if "valueFrom" not in entry:
        return entry["value"]
    reference = entry["valueFrom"]["secretKeyRef"]
    return {"secret": reference["name"], "version": reference["key"]}


def relative(link: str) -> str:
    return link[link.index("projects/") :]


def at(shown: Json, path: str, default: Any = None) -> Any:
    found: Any = shown
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return default if found is None else found
