"""Options that only Google Cloud knows."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _space(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError("must be a private IPv4 /15, such as 10.70.0.0/15") from error
    if network.version != 4 or network.prefixlen != 15 or not network.is_private:
        raise ValueError("must be a private IPv4 /15, such as 10.70.0.0/15")
    return str(network)


# https://cloud.google.com/resource-manager/docs/labels-overview#requirements (at most 64 labels a resource; ours too)
LabelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")]

Member = Annotated[
    str, Field(pattern=r"^(user|group|serviceAccount|domain|principal|principalSet):[^\s\x00-\x1f\x7f-\x9f]+$")
]
"""As IAM writes it. `allUsers` is access: public-unauthenticated, so that nobody gives it by accident."""


class NetworkOptions(BaseModel):
    """`space`: a /15; its lower /16 is the peering range of Cloud SQL, its upper /16 holds a /24 a deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    space: Annotated[str, AfterValidator(_space)] | None = None  # None: 10.70.0.0/15


class GcpOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")
    region: str = Field(default="us-central1", pattern=r"^[a-z]+-[a-z]+[0-9]+$")
    zone: str | None = Field(default=None, pattern=r"^[a-z]+-[a-z]+[0-9]+-[a-z]$")  # None: the region's first
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, max_length=60)
    network: NetworkOptions = NetworkOptions()
    caller: Member | None = None  # who may verify, where credentials do not tell (`--caller`)

    @model_validator(mode="after")
    def _zone_in_region(self) -> Self:
        if self.zone is not None and not self.zone.startswith(f"{self.region}-"):
            raise ValueError(f"zone {self.zone} is not in region {self.region}")
        return self
