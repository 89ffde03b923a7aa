"""The permissions that our calls need: which, for what, and for which deployments.

Spellings and which call needs which: https://cloud.google.com/iam/docs/permissions-reference and the reference page of
each method; compared with the public data set iann0036/iam-dataset (gcp/map.json and gcp/roles, 2026-08-22), in which
roles/owner holds every one of them. Where a page says less than the API asks for, the source stands at the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from memdeploy.config.model import Deployment
from memdeploy.providers.gcp import modes


@dataclass(frozen=True)
class Part:
    """What some deployments have and others have not. `steps`: its steps' names begin so; a journal may hold them of a
    mode that the deployment had before, and then they have yet to be removed."""

    applies: Callable[[Deployment], bool]
    steps: tuple[str, ...] = ()

    def is_of(self, deployment: Deployment, recorded: Iterable[str]) -> bool:
        return self.applies(deployment) or any(name.startswith(self.steps) for name in recorded)


EVERY = Part(lambda deployment: True)
MACHINE = Part(modes.vm, ("neo4j.address", "neo4j.disk", "neo4j.snapshots", "neo4j.vm"))
PRIVATE = Part(lambda deployment: not modes.connector(deployment), ("postgres.authority",))
NETWORK = Part(modes.network, ("network.",))


@dataclass(frozen=True)
class Need:
    """`used` names the files that make the calls."""

    resource: str
    verbs: str
    used: str
    part: Part = EVERY

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.resource}.{verb}" for verb in self.verbs.split())


NEEDS: tuple[Need, ...] = (
    Need("artifactregistry.packages", "delete get list", "image, registry"),
    Need(
        "artifactregistry.repositories",
        "create delete get getIamPolicy setIamPolicy uploadArtifacts downloadArtifacts",
        # a deployer of a service must be able to read its image:
        # https://cloud.google.com/run/docs/reference/iam/roles#additional-configuration
        "registry, iam, image, image_registry",
    ),
    Need("cloudbuild.builds", "create get list", "build_cloud"),
    Need("cloudsql.databases", "create get", "postgres_parts"),
    # operations.get asks for cloudsql.instances.get: https://cloud.google.com/sql/docs/postgres/iam-permissions
    Need("cloudsql.instances", "create delete get update", "postgres, operations"),
    Need("cloudsql.instances", "listServerCas", "postgres_parts", PRIVATE),
    Need("cloudsql.users", "create get update", "postgres_parts"),
    # https://cloud.google.com/compute/docs/ip-addresses/reserve-static-internal-ip-address#permissions
    Need("compute.addresses", "createInternal deleteInternal get useInternal", "network", MACHINE),
    Need(
        "compute.disks",
        "addResourcePolicies create createSnapshot delete get resize setLabels use",
        "neo4j_storage, neo4j_vm",
        MACHINE,
    ),
    Need("compute.firewalls", "create delete get update", "network", MACHINE),
    Need("compute.globalAddresses", "createInternal deleteInternal get", "peering", NETWORK),
    Need("compute.globalOperations", "get", "operations", NETWORK),
    # of an insert: https://cloud.google.com/compute/docs/instances/create-start-instance#permissions
    Need(
        "compute.instances",
        "create delete get getGuestAttributes getSerialPortOutput setDeletionProtection setLabels setMachineType"
        " setMetadata setServiceAccount start stop",
        "neo4j_vm, neo4j_machine, logs",
        MACHINE,
    ),
    Need("compute.machineTypes", "get", "checks/place", MACHINE),
    Need("compute.networks", "create delete get removePeering updatePolicy use", "network, peering", NETWORK),
    Need("compute.projects", "get", "checks/place", NETWORK),
    Need("compute.regionOperations", "get", "operations", NETWORK),
    Need("compute.regions", "get", "checks/place"),
    Need("compute.resourcePolicies", "create delete get update use", "neo4j_storage", MACHINE),
    Need("compute.snapshots", "create get setLabels", "neo4j_storage", MACHINE),
    Need("compute.subnetworks", "create delete get list setPrivateIpGoogleAccess use", "network", NETWORK),
    Need("compute.zoneOperations", "get", "operations", MACHINE),
    Need(
        "iam.serviceAccounts", "actAs create delete enable get getIamPolicy list setIamPolicy update",
        "accounts, iam, service, prepare, build_cloud, neo4j_vm, traces",
    ),
    Need("logging.logEntries", "list", "logs, last_words"),
    # projects.getBillingInfo asks for resourcemanager.projects.get:
    # https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo
    Need("resourcemanager.projects", "get getIamPolicy setIamPolicy", "checks/project, iam"),
    Need("run.executions", "get", "prepare"),
    # a startExecutionToken runs the job: https://cloud.google.com/run/docs/reference/iam/permissions
    Need("run.jobs", "create delete get run update", "prepare"),
    Need("run.operations", "get", "operations"),
    Need("run.revisions", "get", "service, run_failure"),
    Need("run.services", "create delete get getIamPolicy setIamPolicy update", "service, access"),
    Need("run.tasks", "list", "prepare"),
    Need(
        "secretmanager.secrets", "create delete get getIamPolicy list setIamPolicy update",
        "secrets, tls_secret, iam, traces",
    ),
    Need("secretmanager.versions", "access add get list", "vault, secrets"),
    Need("servicenetworking.operations", "get", "operations", NETWORK),
    Need("servicenetworking.services", "addPeering deleteConnection get", "peering", NETWORK),
    Need("serviceusage.operations", "get", "operations"),
    # use: a user's credentials name the project as the one that counts: https://cloud.google.com/docs/quotas/quota-project
    Need("serviceusage.services", "enable get use", "apis, clients"),
)  # fmt: skip


def permissions(deployment: Deployment, recorded: Iterable[str] = ()) -> tuple[str, ...]:
    """In the order of the alphabet. `recorded`: the steps that the journal knows."""
    known = tuple(recorded)
    return tuple(sorted(name for need in NEEDS if need.part.is_of(deployment, known) for name in need.names))
