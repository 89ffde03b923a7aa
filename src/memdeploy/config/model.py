"""The one validated description of a deployment, whatever it was read from.

Plain data: no file is read here and no environment looked at. It is journalled as JSON, so it holds no secret: a key is
named by where it is found (`KeySource`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from memdeploy.config.gcp import GcpOptions

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,18}[a-z0-9]$")]


class Options(BaseModel):
    """Unknown keys are errors, so that a misspelt one is not silently a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Provider(StrEnum):
    GCP = "gcp"
    AWS = "aws"
    AZURE = "azure"
    LOCAL = "local"


class Profile(StrEnum):
    SMALL = "small"
    STANDARD = "standard"
    PRODUCTION = "production"


class KeySource(Options):
    """Where the model's key is found; exactly one is set. Never a value."""

    env: str | None = None
    file: str | None = None
    secret: str | None = None


class ModelProvider(StrEnum):
    OPENAI = "openai"
    OFFLINE = "offline"  # our deterministic toy, in rehearsals only


class ModelOptions(Options):
    """`base_url`: any OpenAI-compatible endpoint, else the provider's own. `dimensions` belongs to the embedding."""

    provider: ModelProvider = ModelProvider.OPENAI
    chat: str = "gpt-4o-mini"
    embedding: str = "text-embedding-3-small"
    dimensions: int = Field(default=1536, ge=1, le=16384)
    base_url: str | None = None
    key: KeySource = KeySource(env="OPENAI_API_KEY")


class Protection(StrEnum):
    OFF = "off"
    ON = "on"
    LOCKED = "locked"  # `destroy` refuses


class PostgresOptions(Options):
    version: Literal[16, 17] = 17
    tier: str | None = None  # None: the profile's
    disk_gb: int | None = Field(default=None, ge=10, le=65536)
    deletion_protection: Protection = Protection.ON


class Neo4jMode(StrEnum):
    VM = "vm"
    EXTERNAL = "external"
    SIDECAR = "sidecar"
    CLOUD_RUN = "cloud-run"  # refused, with the reason


class Neo4jOptions(Options):
    mode: Neo4jMode = Neo4jMode.VM
    machine: str | None = None  # None: the profile's
    disk_gb: int | None = Field(default=None, ge=10, le=65536)
    deletion_protection: Protection = Protection.ON


class Instances(Options):
    min: int | None = Field(default=None, ge=0, le=100)
    max: int | None = Field(default=None, ge=1, le=100)


class Access(StrEnum):
    PRIVATE = "private"
    INVOKERS = "invokers"
    PUBLIC_UNAUTHENTICATED = "public-unauthenticated"


class ServiceOptions(Options):
    instances: Instances = Instances()
    cpu: str | None = None
    memory: str | None = None
    access: Access = Access.PRIVATE
    invokers: tuple[str, ...] = ()


class ImageSource(StrEnum):
    AUTO = "auto"
    UPSTREAM = "upstream"
    PYPI = "pypi"


class ImageOptions(Options):
    source: ImageSource = ImageSource.AUTO


class Deployment(Options):
    version: Literal[1] = 1
    name: Name = "memmachine"
    provider: Provider
    profile: Profile = Profile.STANDARD
    release: str = "0.4.0"
    gcp: GcpOptions = GcpOptions()
    model: ModelOptions = ModelOptions()
    postgres: PostgresOptions = PostgresOptions()
    neo4j: Neo4jOptions = Neo4jOptions()
    service: ServiceOptions = ServiceOptions()
    image: ImageOptions = ImageOptions()
