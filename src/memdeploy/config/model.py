"""The one validated description of a deployment, whatever it was read from.

Plain data: no file is read here and no environment looked at. It is journalled as JSON, so it holds no secret: a key is
named by where it is found (`KeySource`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memdeploy.config.gcp import GcpOptions, Member
from memdeploy.config.local import LocalOptions

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
    """Where a key is found, never a value. At most one is set; none: the provider's usual variable."""

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    file: str | None = Field(default=None, min_length=1)
    secret: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.ways > 1:
            raise ValueError("needs exactly one of env, file or secret")
        return self

    @property
    def ways(self) -> int:
        return sum(way is not None for way in (self.env, self.file, self.secret))


class PasswordSource(KeySource):
    """The same of an external Neo4j's password; exactly one is set."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.ways:
            raise ValueError("needs exactly one of env, file or secret")
        return self


class ModelProvider(StrEnum):
    OPENAI = "openai"  # and whatever speaks its protocol, at base_url
    BEDROCK = "amazon-bedrock"
    OLLAMA = "ollama"  # at base_url; needs no key
    OFFLINE = "offline"  # our deterministic toy: in rehearsals, and on this machine to try it out


class ChatApi(StrEnum):
    """Which of OpenAI's two APIs for answers a server has."""

    RESPONSES = "responses"
    CHAT_COMPLETIONS = "chat-completions"


CHAT, EMBEDDING = "gpt-4o-mini", "text-embedding-3-small"
KEYLESS = frozenset({ModelProvider.OLLAMA, ModelProvider.OFFLINE})
_KEYS: Mapping[ModelProvider, KeySource] = MappingProxyType(
    {
        ModelProvider.OPENAI: KeySource(env="OPENAI_API_KEY"),
        ModelProvider.BEDROCK: KeySource(env="AWS_SECRET_ACCESS_KEY"),
    }
)


class ModelOptions(Options):
    """`base_url`: any OpenAI-compatible endpoint, else the provider's own. `dimensions` belongs to the embedding.
    `region` is Bedrock's. What a server other than OpenAI's own calls its models has to be said."""

    provider: ModelProvider = ModelProvider.OPENAI
    chat: str = Field(default=CHAT, min_length=1)
    embedding: str = Field(default=EMBEDDING, min_length=1)
    dimensions: int = Field(default=1536, ge=1, le=16384)
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/\S*)?$")
    api: ChatApi | None = None  # None: see `chat_api`
    region: str | None = Field(default=None, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    key: KeySource = KeySource()

    @model_validator(mode="after")
    def _fits_the_provider(self) -> Self:
        bedrock, ollama = self.provider is ModelProvider.BEDROCK, self.provider is ModelProvider.OLLAMA
        if bedrock and self.region is None:
            raise ValueError("provider amazon-bedrock needs region, such as us-east-1")
        if bedrock and (self.base_url or self.api):
            raise ValueError("base_url and api are for OpenAI-compatible servers, not for amazon-bedrock")
        if not bedrock and self.region is not None:
            raise ValueError(f"region is given, but provider is {self.provider}: only amazon-bedrock has one")
        if ollama and self.base_url is None:
            raise ValueError("provider ollama needs base_url, such as http://10.0.0.9:11434/v1")
        if (bedrock or ollama) and (self.chat == CHAT or self.embedding == EMBEDDING):
            raise ValueError(f"chat and embedding have to name models of {self.provider}, and dimensions its size")
        return self

    @property
    def chat_api(self) -> ChatApi:
        """OpenAI's own has both; compatible servers (vLLM, Ollama, LiteLLM, …) have chat completions as a rule."""
        if self.api is not None:
            return self.api
        return ChatApi.CHAT_COMPLETIONS if self.base_url else ChatApi.RESPONSES

    @property
    def source(self) -> KeySource | None:
        """Where the key is found; None when none is needed."""
        return self.key if self.key.ways else _KEYS.get(self.provider)


class Protection(StrEnum):
    OFF = "off"
    ON = "on"
    LOCKED = "locked"  # `destroy` refuses


class Connectivity(StrEnum):
    PRIVATE = "private"  # an address in our network, by peering
    CONNECTOR = "connector"  # no network: only the cloud's own connector reaches it


class PostgresOptions(Options):
    version: Literal[16, 17] = 17
    connectivity: Connectivity = Connectivity.PRIVATE
    tier: str | None = Field(default=None, pattern=r"^[a-z][a-zA-Z0-9-]+$")  # None: the profile's
    disk_gb: int | None = Field(default=None, ge=10, le=65536)
    deletion_protection: Protection = Protection.ON


class Neo4jMode(StrEnum):
    VM = "vm"
    EXTERNAL = "external"
    SIDECAR = "sidecar"
    CLOUD_RUN = "cloud-run"  # refused, with the reason


class Neo4jOptions(Options):
    """`uri`, `user` and `password` belong to mode external: a server that is there already."""

    mode: Neo4jMode = Neo4jMode.VM
    uri: str | None = Field(default=None, pattern=r"^(bolt|neo4j)(\+s|\+ssc)?://[^\s/@]+/?$")
    user: str = Field(default="neo4j", min_length=1)
    password: PasswordSource = PasswordSource(env="NEO4J_PASSWORD")
    machine: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]+$")  # None: the profile's
    disk_gb: int | None = Field(default=None, ge=10, le=65536)
    deletion_protection: Protection = Protection.ON

    @model_validator(mode="after")
    def _uri_fits(self) -> Self:
        external = self.mode is Neo4jMode.EXTERNAL
        if external and self.uri is None:
            raise ValueError("mode: external needs uri, such as neo4j+s://xxxx.databases.neo4j.io")
        if not external and self.uri is not None:
            raise ValueError(f"uri is given, but mode is {self.mode}: only external has one")
        return self


class Instances(Options):
    min: int | None = Field(default=None, ge=0, le=100)
    max: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min}) is greater than max ({self.max})")
        return self


class Access(StrEnum):
    PRIVATE = "private"
    INVOKERS = "invokers"
    PUBLIC_UNAUTHENTICATED = "public-unauthenticated"


class ServiceOptions(Options):
    instances: Instances = Instances()
    cpu: Literal["1", "2", "4", "6", "8"] | None = None  # Cloud Run's whole CPUs: instance-based billing has no others
    memory: str | None = Field(default=None, pattern=r"^[1-9][0-9]*(Mi|Gi)$")
    access: Access = Access.PRIVATE
    invokers: tuple[Member, ...] = ()

    @model_validator(mode="after")
    def _invokers_fit(self) -> Self:
        if self.access is Access.INVOKERS and not self.invokers:
            raise ValueError("access: invokers needs at least one entry in service.invokers")
        if self.access is not Access.INVOKERS and self.invokers:
            raise ValueError("service.invokers are given, but service.access is not invokers")
        return self


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
    release: str = Field(default="0.4.0", pattern=r"^[0-9]+(\.[0-9]+){1,3}$")
    gcp: GcpOptions = GcpOptions()
    local: LocalOptions = LocalOptions()
    model: ModelOptions = ModelOptions()
    postgres: PostgresOptions = PostgresOptions()
    neo4j: Neo4jOptions = Neo4jOptions()
    service: ServiceOptions = ServiceOptions()
    image: ImageOptions = ImageOptions()
