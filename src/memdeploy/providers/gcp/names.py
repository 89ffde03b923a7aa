"""What things are called on Google Cloud. Pure functions of the deployment's identity; nothing here asks the cloud.

Own names are `<deployment>-<suffix>-<role>`, role at most 4 letters, so that the longest fits an account id's limit of
30. Shared names are fixed and hold the region: networks, global ranges and account ids are project-wide.
"""

from __future__ import annotations

from dataclasses import dataclass

from memdeploy.config.gcp import GcpOptions

_WITHOUT_ZONE_A = frozenset({"us-east1", "europe-west1"})  # https://cloud.google.com/compute/docs/regions-zones


def default_zone(region: str) -> str:
    """The region's first zone: `a`, but for the two regions that have none."""
    return f"{region}-b" if region in _WITHOUT_ZONE_A else f"{region}-a"


def relative(link: str) -> str:
    """`projects/…` out of any form of link: answers hold full URLs, whose host and version are not ours to compare."""
    start = link.find("projects/")
    return link[start:] if start >= 0 else link


def last(link: str) -> str:
    """The last part of a path or link."""
    return link.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Names:
    """`project` is the project's id, never its number (Secret Manager answers with the number: compare `last` only)."""

    project: str
    region: str
    zone: str
    deployment: str
    suffix: str

    @classmethod
    def of(cls, options: GcpOptions, project: str, deployment: str, suffix: str) -> Names:
        return cls(project, options.region, options.zone or default_zone(options.region), deployment, suffix)

    # -- the deployment's own ----------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        return f"{self.deployment}-{self.suffix}"

    def own(self, role: str) -> str:
        if not 1 <= len(role) <= 4:
            raise ValueError(f"a role has 1 to 4 letters: {role!r}")
        return f"{self.base}-{role}"

    def account_email(self, role: str) -> str:
        return f"{self.own(role)}@{self.project}.iam.gserviceaccount.com"

    # -- shared by all deployments of a project and region -----------------------------------------------------------

    @property
    def shared(self) -> str:
        """Network and image repository."""
        return f"memdeploy-{self.region}"

    @property
    def shared_hub(self) -> str:
        return f"memdeploy-{self.region}-hub"

    @property
    def shared_range(self) -> str:
        return f"memdeploy-{self.region}-range"

    # -- paths -------------------------------------------------------------------------------------------------------

    @property
    def project_path(self) -> str:
        return f"projects/{self.project}"

    @property
    def location(self) -> str:
        return f"{self.project_path}/locations/{self.region}"

    def network(self, name: str) -> str:
        return f"{self.project_path}/global/networks/{name}"

    def subnet(self, name: str) -> str:
        return f"{self.project_path}/regions/{self.region}/subnetworks/{name}"

    def repository(self, name: str) -> str:
        return f"{self.location}/repositories/{name}"

    def secret(self, name: str) -> str:
        return f"{self.project_path}/secrets/{name}"

    def account(self, email: str) -> str:
        return f"{self.project_path}/serviceAccounts/{email}"
