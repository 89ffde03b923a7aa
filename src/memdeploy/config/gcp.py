"""Options that only Google Cloud knows."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _space(value: str) -> str:
    network = ipaddress.ip_network(value)
    if network.version != 4 or network.prefixlen != 15 or not network.is_private:
        raise ValueError("must be a private IPv4 /15, such as 10.70.0.0/15")
    return str(network)


class NetworkOptions(BaseModel):
    """`space`: a /15; its lower /16 is the peering range of Cloud SQL, its upper /16 holds a /24 a deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    space: Annotated[str, AfterValidator(_space)] | None = None  # None: 10.70.0.0/15


class GcpOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")
    region: str = Field(default="us-central1", pattern=r"^[a-z]+-[a-z]+[0-9]+$")
    zone: str | None = Field(default=None, pattern=r"^[a-z]+-[a-z]+[0-9]+-[a-z]$")  # None: the region's first
    labels: dict[str, str] = Field(default_factory=dict)
    network: NetworkOptions = NetworkOptions()
    caller: str | None = None  # IAM member that may verify, where credentials do not tell (`--caller`)
