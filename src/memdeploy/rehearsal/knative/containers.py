"""Containers and volumes. What both versions write alike passes as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
_ALIKE = ("image", "command", "args", "ports", "workingDir")
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_GCS = "gcsfuse.run.googleapis.com"
# The volume that Cloud SQL's sockets are in: an annotation in v1 (cloudsql-instances), a volume in v2.
SOCKETS, SOCKETS_AT = "cloudsql", "/cloudsql"


def from_v1(container: Json, aliases: Mapping[str, str]) -> dict[str, Any]:
    """`aliases`: secrets of other projects by the short names that they have in this template."""
    made = {key: container[key] for key in ("name", *_ALIKE) if container.get(key)}
    if container.get("env"):
        made["env"] = [_env_from_v1(entry, aliases) for entry in container["env"]]
    limits = (container.get("resources") or {}).get("limits")
    if limits:
        made["resources"] = {"limits": dict(limits)}
    for key in _PROBES:
        if container.get(key):
            made[key] = _probe_from_v1(container[key])
    if container.get("volumeMounts"):
        made["volumeMounts"] = [
            {key: mount[key] for key in ("name", "mountPath", "subPath") if key in mount}
            for mount in container["volumeMounts"]
        ]
    return made


def to_v1(container: Json, secret: Mapping[str, str]) -> dict[str, Any]:
    """`secret`: the name that a secret of v2 (`projects/…/secrets/…`) has in v1."""
    made = {key: container[key] for key in ("name", *_ALIKE, *_PROBES) if container.get(key)}
    if container.get("env"):
        made["env"] = [_env_to_v1(entry, secret) for entry in container["env"]]
    limits = (container.get("resources") or {}).get("limits")
    if limits:
        made["resources"] = {"limits": dict(limits)}
    mounts = [mount for mount in container.get("volumeMounts") or () if mount.get("name") != SOCKETS]
    if mounts:
        made["volumeMounts"] = mounts
    return made


def volume_from_v1(volume: Json, aliases: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": volume.get("name")}
    if volume.get("secret") is not None:
        sent = volume["secret"]
        made["secret"] = {"secret": aliases.get(sent.get("secretName"), sent.get("secretName"))}
        made["secret"] |= {key: sent[key] for key in ("defaultMode",) if key in sent}
        if sent.get("items"):
            made["secret"]["items"] = [_renamed(item, key="version") for item in sent["items"]]
    elif volume.get("emptyDir") is not None:
        sent = dict(volume["emptyDir"])
        made["emptyDir"] = sent | ({"medium": sent["medium"].upper()} if sent.get("medium") else {})
    elif (volume.get("csi") or {}).get("driver") == _GCS:
        attributes = volume["csi"].get("volumeAttributes") or {}
        options = attributes.get("mountOptions")
        made["gcs"] = {"bucket": attributes.get("bucketName"), "readOnly": bool(volume["csi"].get("readOnly"))}
        made["gcs"] |= {"mountOptions": options.split(",")} if options else {}
    elif volume.get("nfs") is not None:
        made["nfs"] = dict(volume["nfs"])
    return made


def volume_to_v1(volume: Json, secret: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": volume.get("name")}
    if volume.get("secret") is not None:
        kept = volume["secret"]
        made["secret"] = {"secretName": secret.get(kept.get("secret"), kept.get("secret"))}
        made["secret"] |= {key: kept[key] for key in ("defaultMode",) if key in kept}
        if kept.get("items"):
            made["secret"]["items"] = [_renamed(item, version="key") for item in kept["items"]]
    elif volume.get("emptyDir") is not None:
        kept = dict(volume["emptyDir"])
        made["emptyDir"] = kept | ({"medium": kept["medium"].capitalize()} if kept.get("medium") else {})
    elif volume.get("gcs") is not None:
        kept = volume["gcs"]
        attributes = {"bucketName": kept.get("bucket")}
        attributes |= {"mountOptions": ",".join(kept["mountOptions"])} if kept.get("mountOptions") else {}
        made["csi"] = {"driver": _GCS, "readOnly": bool(kept.get("readOnly")), "volumeAttributes": attributes}
    elif volume.get("nfs") is not None:
        made["nfs"] = dict(volume["nfs"])
    return made


def secret_names(containers: Sequence[Json], volumes: Sequence[Json]) -> list[str]:
    """Every secret that a template of v2 refers to, as it is written there."""
    found = [
        str(entry["valueSource"]["secretKeyRef"].get("secret"))
        for container in containers
        for entry in container.get("env") or ()
        if (entry.get("valueSource") or {}).get("secretKeyRef")
    ]
    return found + [str(volume["secret"].get("secret")) for volume in volumes if volume.get("secret")]


def _env_from_v1(entry: Json, aliases: Mapping[str, str]) -> dict[str, Any]:
    reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
    if not reference:
        return {key: entry[key] for key in ("name", "value") if key in entry}
    name = str(reference.get("name") or "")
    source = {"secret": aliases.get(name, name), "version": reference.get("key")}
    return {"name": entry.get("name"), "valueSource": {"secretKeyRef": source}}


def _env_to_v1(entry: Json, secret: Mapping[str, str]) -> dict[str, Any]:
    reference = (entry.get("valueSource") or {}).get("secretKeyRef")
    if not reference:
        return {key: entry[key] for key in ("name", "value") if key in entry}
    kept = str(reference.get("secret") or "")
    source = {"name": secret.get(kept, kept), "key": reference.get("version") or "latest"}
    return {"name": entry.get("name"), "valueFrom": {"secretKeyRef": source}}


def _probe_from_v1(probe: Json) -> dict[str, Any]:
    """v1 has fields that Cloud Run does not support: host, scheme, successThreshold."""
    made = {key: value for key, value in probe.items() if key not in ("exec", "successThreshold")}
    for action in ("httpGet", "tcpSocket"):
        if made.get(action) is not None:
            made[action] = {key: value for key, value in made[action].items() if key not in ("host", "scheme")}
    return made


def _renamed(item: Json, **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in item.items()}
