"""What a revision or a job's task needs before it can start, and the container it becomes.

Problems found here do not refuse the request: Cloud Run accepts it, and the revision (or the job) fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memdeploy.rehearsal import images
from memdeploy.rehearsal.access import Target, allows
from memdeploy.rehearsal.backing.protocol import ContainerSpec
from memdeploy.rehearsal.call import Call, Cloud
from memdeploy.rehearsal.refusal import denied, invalid
from memdeploy.rehearsal.rules import peerings, run_resources
from memdeploy.rehearsal.rules.run_base import account_of, default_account
from memdeploy.rehearsal.rules.run_checks import seconds
from memdeploy.rehearsal.store import Row

SECRETS = "secretmanager"
# The message's own `[host/]repo-path[:tag and/or @digest]`; parts as in the distribution reference's grammar.
_IMAGE = re.compile(
    r"([\w.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """`reason`: Condition.reason or revisionReason's word."""

    reason: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message}


def check_request(call: Call, template: Json) -> None:
    """What is refused at once: an account that is not there, an image from elsewhere."""
    email = account_of(call, template)
    if template.get("serviceAccount") and not _account_exists(call.cloud, call.project.id, email):
        raise denied(
            f"Permission 'iam.serviceaccounts.actAs' denied on service account {email} (or it may not exist).",
            reason="IAM_PERMISSION_DENIED",
        )
    for index, container in enumerate(template.get("containers") or ()):
        image = str(container.get("image") or "")
        if not _IMAGE.fullmatch(image) or not _host_allowed(call.cloud, image):  # ko-build/terraform-provider-ko#205
            raise invalid(
                f"template.containers[{index}].image: Expected an image path like "
                "[host/]repo-path[:tag and/or @digest], where host is one of"
                f" [region.]gcr.io, [region-]docker.pkg.dev or docker.io but obtained {image}"
            )


def subnetworks(call: Call, template: Json) -> list[str]:
    """Names of the subnets that Direct VPC egress takes addresses from; those that exist."""
    rows = (peerings.subnetwork(call.cloud, link, call.project.id, _region(call)) for link in _subnet_links(template))
    return [row.name for row in rows if row]


def problem(call: Call, template: Json) -> Problem | None:
    """The first of: network, image, secrets."""
    for link in _subnet_links(template):
        if peerings.subnetwork(call.cloud, link, call.project.id, _region(call)) is None:
            text = f"VPC network or subnetwork '{link}' was not found."
            return Problem("VPC_NETWORK_NOT_FOUND", text)
    for container in template.get("containers") or ():
        if images.digest_of(call.cloud, container["image"]) is None:
            # google-github-actions/deploy-cloudrun#465
            return Problem("CONTAINER_MISSING", f"Image '{container['image']}' not found.")
    denials = list(_secret_denials(call, template))
    return Problem("SECRETS_ACCESS_CHECK_FAILED", " ".join(denials)) if denials else None


def container_spec(
    cloud: Cloud,
    key: str,
    project: str,
    template: Json,
    env: Mapping[str, str],
    *,
    container: Json,
    port: int | None,
    subnets: Sequence[str],
) -> ContainerSpec:
    """One container of the template. `env`: what Cloud Run itself sets."""
    limits = (container.get("resources") or {}).get("limits") or {}
    cpu = run_resources.cpus(limits.get("cpu", run_resources.DEFAULT_CPU))
    memory = run_resources.memory(limits.get("memory", run_resources.DEFAULT_MEMORY))
    own = {entry["name"]: _value(cloud, project, entry) for entry in container.get("env") or ()}
    return ContainerSpec(
        key=key,
        image=container["image"],
        command=tuple(container.get("command") or ()),
        args=tuple(container.get("args") or ()),
        env={**own, **env},
        networks=(*subnets, *_peered(cloud, subnets)),
        port=port,
        cpu=float(cpu or 1),
        memory_mb=(memory or 0) // 2**20,
        timeout=seconds(template.get("timeout"), 600.0),
        name=str(container.get("name") or ""),
        sockets=_sockets(cloud, project, template, container),
    )


def ingress(template: Json) -> Json:
    """The container that takes the requests."""
    containers: Sequence[Json] = template["containers"]
    return next((one for one in containers if one.get("ports")), containers[0])


def port_of(template: Json) -> int:
    """https://cloud.google.com/run/docs/container-contract#port: 8080 unless said."""
    ports = ingress(template).get("ports") or ()
    return int(ports[0].get("containerPort") or 8080) if ports else 8080


def _account_exists(cloud: Cloud, project: str, email: str) -> bool:
    home = email.partition("@")[2].partition(".")[0] if email.endswith(".iam.gserviceaccount.com") else project
    row = cloud.store.get("iam", f"projects/{home}/serviceAccounts/{email}")
    return row is not None and not row.hidden.get("deleted") and cloud.now >= row.hidden.get("known_from", 0.0)


def _host_allowed(cloud: Cloud, image: str) -> bool:
    first = image.partition("/")[0]
    if not ("." in first or ":" in first) or "/" not in image:
        return bool(image)  # no host: Docker Hub
    google = first.endswith(("gcr.io", "docker.pkg.dev"))
    return google or first == "docker.io" or images.is_ours(cloud, first)


def _region(call: Call) -> str:
    return call.name.split("/")[3]


def _subnet_links(template: Json) -> list[str]:
    interfaces = (template.get("vpcAccess") or {}).get("networkInterfaces") or ()
    # NetworkInterface: "If subnetwork is not specified, the subnetwork with the same name with the network is used."
    return [one.get("subnetwork") or str(one.get("network", "")).rsplit("/", 1)[-1] for one in interfaces]


def _secret_denials(call: Call, template: Json) -> Iterator[str]:
    email = account_of(call, template)
    for c, container in enumerate(template.get("containers") or ()):
        for e, entry in enumerate(container.get("env") or ()):
            reference = (entry.get("valueSource") or {}).get("secretKeyRef")
            if not reference:
                continue
            where = f"spec.template.spec.containers[{c}].env[{e}].value_from.secret_key_ref.name"
            text = _denial(call, email, reference)
            if text:
                yield f"{where}: {text}"


def _denial(call: Call, email: str, reference: Json) -> str | None:
    secret = secret_name(call.cloud, call.project.id, reference["secret"])
    project = call.cloud.project(secret.split("/")[1])
    number = project.number if project else secret.split("/")[1]
    public = f"projects/{number}/{secret.split('/', 2)[2]}/versions/{reference.get('version') or 'latest'}"
    needed, member = "secretmanager.versions.access", f"serviceAccount:{email}"
    if project is None or not allows(call.cloud, member, needed, project, Target(SECRETS, secret)):
        # terraform-google-modules/terraform-docs-samples#168, sourcegraph#59045
        return (
            f"Permission denied on secret: {public} for Revision service account {email}. The service account used "
            "must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the "
            "secret, project or higher level."
        )
    version = _version(call.cloud, secret, reference.get("version"))
    if version is None or version.body["state"] != "ENABLED":
        return f"Secret {public} was not found"
    return None


def secret_name(cloud: Cloud, project: str, sent: str) -> str:
    """SecretKeySelector.secret: a bare name in the same project, or projects/…/secrets/…"""
    full = sent if sent.startswith("projects/") else f"projects/{project}/secrets/{sent}"
    return peerings.resource(cloud, full)


def _version(cloud: Cloud, secret: str, wanted: str | None) -> Row | None:
    row = cloud.store.get(SECRETS, secret)
    if row is None:
        return None
    number = row.hidden.get("versions", 0) if wanted in (None, "", "latest") else wanted
    return cloud.store.get(SECRETS, f"{secret}/versions/{number}")


def _value(cloud: Cloud, project: str, entry: Json) -> str:
    reference = (entry.get("valueSource") or {}).get("secretKeyRef")
    if not reference:
        return str(entry.get("value") or "")
    version = _version(cloud, secret_name(cloud, project, reference["secret"]), reference.get("version"))
    return (cloud.store.secrets.get(version.name) or b"").decode() if version else ""


def _sockets(cloud: Cloud, project: str, template: Json, container: Json) -> dict[str, str]:
    """The connector's: `<mountPath>/<connection name>`, for an account that may connect; another finds no socket.
    https://cloud.google.com/sql/docs/postgres/connect-run#public-ip-default_1"""
    volumes = {one.get("name"): one.get("cloudSqlInstance") or {} for one in template.get("volumes") or ()}
    found = {}
    for mount in container.get("volumeMounts") or ():
        for connection in (volumes.get(mount.get("name")) or {}).get("instances") or ():
            where, _, short = str(connection).partition(":")
            key = f"projects/{where}/instances/{short.rpartition(':')[2]}"
            if _may_connect(cloud, project, where, template, key):
                found[f"{mount['mountPath'].rstrip('/')}/{connection}"] = key
    return found


def _may_connect(cloud: Cloud, project: str, where: str, template: Json, instance: str) -> bool:
    home, at = cloud.project(project), cloud.project(where)
    if home is None or at is None or cloud.store.get("sqladmin", instance) is None:
        return False
    member = f"serviceAccount:{template.get('serviceAccount') or default_account(home)}"
    return allows(cloud, member, "cloudsql.instances.connect", at, Target("sqladmin", instance))


def _peered(cloud: Cloud, subnets: Sequence[str]) -> list[str]:
    """Peering networks behind the subnets' networks, where a database has an address."""
    keys: list[str] = []
    for name in subnets:
        row = cloud.store.get(peerings.COMPUTE, name)
        network = peerings.network(cloud, row.body["network"]) if row else None
        if network and any(
            sql.hidden.get("vpc") == network.name for sql in cloud.store.below("sqladmin", "", "Instance")
        ):
            keys.append(peerings.peering_key(network.name))
    return keys
