"""The table of options: one name per idea. The command line, the environment and docs/configuration.md are made of it.

Plain data without pydantic, so that `memdeploy --help` stays quick; a test holds it against the model. The variable
follows from the path: `gcp.project` is `MEMDEPLOY_GCP_PROJECT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "MEMDEPLOY_"

Kind = Literal["text", "integer", "list", "mapping"]


@dataclass(frozen=True)
class Option:
    """`choices` are all values; `form` says in words what a value looks like, where choices and kind do not.
    `default` is for people (`the profile's`); `metavar` names the value in help. `group` heads it in help and docs.
    `instead_of` names the branch that this option replaces as a whole: one way to name a key excludes the others."""

    path: str
    flag: str
    help: str
    group: str
    kind: Kind = "text"
    default: str = ""
    choices: tuple[str, ...] = ()
    form: str = ""
    metavar: str = "TEXT"
    instead_of: str | None = None

    @property
    def env(self) -> str:
        return PREFIX + self.path.upper().replace(".", "_")

    @property
    def parameter(self) -> str:
        """The name as a Python identifier."""
        return self.path.replace(".", "_")

    @property
    def allowed(self) -> str:
        """What a value may be, for errors and docs."""
        if self.choices:
            return (
                ", ".join(self.choices[:-1]) + f" or {self.choices[-1]}" if len(self.choices) > 1 else self.choices[0]
            )
        words = {"text": "text", "integer": "a whole number", "list": "a list of texts", "mapping": "pairs of texts"}
        return self.form or words[self.kind]


DEPLOYMENT, GCP, LOCAL, MODEL, POSTGRES, NEO4J, SERVICE = (
    "Deployment",
    "Google Cloud",
    "This machine",
    "Model",
    "PostgreSQL",
    "Neo4j",
    "Service",
)
_PROTECTION = ("off", "on", "locked")
_OF_PROFILE = "the profile's"

OPTIONS: tuple[Option, ...] = (
    Option(
        "name", "--name", "Name of the deployment.", DEPLOYMENT, default="memmachine", metavar="NAME",
        form="3 to 20 characters: a-z, 0-9 and dashes, first a letter, last no dash",
    ),
    Option(
        "provider", "--provider", "Where it lives. This version: gcp, local.", DEPLOYMENT,
        choices=("gcp", "aws", "azure", "local"), metavar="P",
    ),
    Option(
        "profile", "--profile", "A set of sizes; single sizes may differ from it.", DEPLOYMENT,
        default="standard", choices=("small", "standard", "production"), metavar="PROFILE",
    ),
    Option(
        "release", "--release", "MemMachine version; see `memdeploy releases`.", DEPLOYMENT,
        default="0.4.0", metavar="VERSION", form="a version such as 0.4.0",
    ),
    Option(
        "image.source", "--image-source", "Where the container image comes from.", DEPLOYMENT,
        default="auto", choices=("auto", "upstream", "pypi"), metavar="SOURCE",
    ),
    Option(
        "gcp.project", "--project", "Project id.", GCP, metavar="PROJECT",
        form="a project id (not its number): 6 to 30 characters, a-z, 0-9 and dashes, first a letter, last no dash",
    ),
    Option(
        "gcp.region", "--region", "Region of everything.", GCP, default="us-central1", metavar="REGION",
        form="a region such as europe-west1",
    ),
    Option(
        "gcp.zone", "--zone", "Zone of the Neo4j VM and its disk.", GCP, default="the region's first", metavar="ZONE",
        form="a zone such as europe-west1-b",
    ),
    Option(
        "gcp.labels", "--label", "Label of your own on every resource that takes labels; repeatable.", GCP,
        kind="mapping", metavar="KEY=VALUE", form="pairs such as team=support",
    ),
    Option(
        "gcp.network.space", "--network-space", "Address space of the shared network.", GCP,
        default="10.70.0.0/15", metavar="CIDR", form="a private IPv4 /15, such as 10.70.0.0/15",
    ),
    Option(
        "gcp.caller", "--caller", "IAM member that may run the memory check, where the credentials do not tell.", GCP,
        default="read from the credentials", metavar="MEMBER", form="an IAM member such as user:ann@example.com",
    ),
    Option(
        "local.runtime", "--runtime",
        "docker: all servers in containers; embedded: MemMachine alone as a process, no engine needed.", LOCAL,
        default="docker when an engine answers", choices=("docker", "embedded"), metavar="RUNTIME",
    ),
    Option(
        "local.port", "--local-port", "Port of the loopback address that the service listens on.", LOCAL,
        kind="integer", default="the first free one from 8080", metavar="N", form="a whole number from 1024 to 65535",
    ),
    Option(
        "local.folder", "--local-folder", "Folder for its secrets and, embedded, its data.", LOCAL,
        default="your user's data folder", metavar="DIR", form="a path; in a file relative to that file's folder",
    ),
    Option(
        "local.python", "--local-python", "Python 3.12 or newer for the embedded runtime.", LOCAL,
        default="found on this machine, else fetched with uv", metavar="PATH", form="a path to an interpreter",
    ),
    Option(
        "model.provider", "--model-provider",
        "openai: also any server that speaks its protocol, at model.base_url; offline is a toy, to try it out.", MODEL,
        default="openai", choices=("openai", "amazon-bedrock", "ollama", "offline"), metavar="PROVIDER",
    ),
    Option("model.chat", "--chat-model", "Chat model.", MODEL, default="gpt-4o-mini", metavar="MODEL"),
    Option(
        "model.embedding", "--embedding-model", "Embedding model; fixed after the first up.", MODEL,
        default="text-embedding-3-small", metavar="MODEL",
    ),
    Option(
        "model.dimensions", "--embedding-dimensions", "Size of the embedding model's vectors; fixed too.", MODEL,
        kind="integer", default="1536", metavar="N", form="a whole number from 1 to 16384",
    ),
    Option(
        "model.base_url", "--model-url", "Any OpenAI-compatible endpoint; Ollama's.", MODEL,
        default="the provider's own", metavar="URL", form="an http or https address, such as http://10.0.0.9:11434/v1",
    ),
    Option(
        "model.api", "--model-api", "Which of OpenAI's APIs that server has for answers.", MODEL,
        default="responses; with base_url chat-completions", metavar="API", choices=("responses", "chat-completions"),
    ),
    Option(
        "model.region", "--model-region", "AWS region of Amazon Bedrock.", MODEL, metavar="REGION",
        form="an AWS region such as us-east-1",
    ),
    Option(
        "model.key.env", "--model-key-env", "Environment variable that holds the model's key.", MODEL,
        default="OPENAI_API_KEY; of amazon-bedrock AWS_SECRET_ACCESS_KEY", metavar="VARIABLE", instead_of="model.key",
        form="the name of an environment variable",
    ),
    Option(
        "model.key.file", "--model-key-file", "File that holds the model's key.", MODEL,
        metavar="PATH", instead_of="model.key", form="a path; in a file relative to that file's folder",
    ),
    Option(
        "model.key.secret", "--model-key-secret", "Secret in the cloud's own store that holds the model's key.", MODEL,
        metavar="NAME", instead_of="model.key", form="a secret's name in the cloud's store",
    ),
    Option(
        "postgres.version", "--postgres-version", "Major version of PostgreSQL.", POSTGRES,
        kind="integer", default="17", choices=("16", "17"), metavar="N",
    ),
    Option(
        "postgres.connectivity", "--postgres-connectivity",
        "private: an address in our network; connector: no network, Google's connector alone reaches it.", POSTGRES,
        default="private", choices=("private", "connector"), metavar="HOW",
    ),
    Option(
        "postgres.tier", "--postgres-tier", "Machine type of Cloud SQL.", POSTGRES,
        default=_OF_PROFILE, metavar="TIER", form="a tier such as db-custom-1-3840",
    ),
    Option(
        "postgres.disk_gb", "--postgres-disk-gb", "Size of its disk; it can only grow.", POSTGRES,
        kind="integer", default=_OF_PROFILE, metavar="N", form="a whole number from 10 to 65536",
    ),
    Option(
        "postgres.deletion_protection", "--postgres-deletion-protection", "locked: destroy refuses.", POSTGRES,
        default="on", choices=_PROTECTION, metavar="MODE",
    ),
    Option(
        "neo4j.mode", "--neo4j",
        "Where Neo4j runs: on a machine of its own, at an address of yours, or as a throw-away sidecar.", NEO4J,
        default="vm", choices=("vm", "external", "sidecar", "cloud-run"), metavar="MODE",
    ),
    Option(
        "neo4j.uri", "--neo4j-uri", "Address of your Neo4j, with mode external.", NEO4J, metavar="URI",
        form="bolt, neo4j, bolt+s, neo4j+s, bolt+ssc or neo4j+ssc, such as neo4j+s://xxxx.databases.neo4j.io",
    ),
    Option("neo4j.user", "--neo4j-user", "Its user.", NEO4J, default="neo4j", metavar="USER"),
    Option(
        "neo4j.password.env", "--neo4j-password-env", "Environment variable that holds its password.", NEO4J,
        default="NEO4J_PASSWORD", metavar="VARIABLE", instead_of="neo4j.password",
        form="the name of an environment variable",
    ),
    Option(
        "neo4j.password.file", "--neo4j-password-file", "File that holds its password.", NEO4J, metavar="PATH",
        instead_of="neo4j.password", form="a path; in a file relative to that file's folder",
    ),
    Option(
        "neo4j.password.secret", "--neo4j-password-secret", "Secret in the cloud's own store that holds it.", NEO4J,
        metavar="NAME", instead_of="neo4j.password", form="a secret's name in the cloud's store",
    ),
    Option(
        "neo4j.machine", "--neo4j-machine", "Machine type of the Neo4j VM.", NEO4J,
        default=_OF_PROFILE, metavar="TYPE", form="a machine type such as e2-medium",
    ),
    Option(
        "neo4j.disk_gb", "--neo4j-disk-gb", "Size of its data disk; it can only grow.", NEO4J,
        kind="integer", default=_OF_PROFILE, metavar="N", form="a whole number from 10 to 65536",
    ),
    Option(
        "neo4j.deletion_protection", "--neo4j-deletion-protection", "locked: destroy refuses.", NEO4J,
        default="on", choices=_PROTECTION, metavar="MODE",
    ),
    Option(
        "service.instances.min", "--min-instances", "Instances that always run.", SERVICE,
        kind="integer", default=_OF_PROFILE, metavar="N", form="a whole number from 0 to 100",
    ),
    Option(
        "service.instances.max", "--max-instances", "At most so many instances.", SERVICE,
        kind="integer", default=_OF_PROFILE, metavar="N", form="a whole number from 1 to 100",
    ),
    Option(
        "service.cpu", "--cpu", "CPUs of an instance.", SERVICE, default=_OF_PROFILE, metavar="N",
        form="1, 2, 4, 6 or 8",
    ),
    Option(
        "service.memory", "--memory", "Memory of an instance.", SERVICE, default=_OF_PROFILE, metavar="SIZE",
        form="a size such as 2Gi or 1024Mi",
    ),
    Option(
        "service.access", "--access", "Who may call it.", SERVICE,
        default="private", choices=("private", "invokers", "public-unauthenticated"), metavar="ACCESS",
    ),
    Option(
        "service.invokers", "--invoker", "IAM member that may call it, with access: invokers; repeatable.", SERVICE,
        kind="list", metavar="MEMBER",
        form="IAM members such as serviceAccount:agent@acme-prod-1.iam.gserviceaccount.com",
    ),
)  # fmt: skip

BY_PATH = {option.path: option for option in OPTIONS}
