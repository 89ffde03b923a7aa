"""The container's environment -> MemMachine's configuration, certificate bundles and MemMachine's own environment.

Standard library only. The configuration holds references to passwords, never their values: MemMachine resolves
`${NAME}` once, in passwords and keys only, and does not look into the value (memmachine-server 0.2.6 to 0.4.0,
common/configuration/mixin_confs.py). So no character of a password can mean anything to YAML or to that expansion.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import door
import models
import on_disk
import release
from failures import Failure
from release import Release

SERVERS = (
    "POSTGRES_HOST", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "NEO4J_URI", "NEO4J_USER", "NEO4J_PASSWORD",
)  # fmt: skip
MODEL = ("MODEL_PROVIDER", "MODEL_CHAT", "MODEL_EMBEDDING", "MODEL_DIMENSIONS", "MODEL_API_KEY")
REQUIRED = (*SERVERS, *MODEL)
NUMBERS = (("POSTGRES_PORT", "5432"), ("PORT", "8080"), ("MODEL_DIMENSIONS", "1536"))
POSTGRES_SECRET = "MEMDEPLOY_POSTGRES_PASSWORD"  # noqa: S105 (a variable's name)
NEO4J_SECRET = "MEMDEPLOY_NEO4J_PASSWORD"  # noqa: S105
INDEX_THRESHOLD = 500  # MemMachine's own is 10,000: searching 9,000 memories is then four times slower
NEVER_MESSAGES, NEVER_SECONDS = 1_000_000_000, 36_500 * 86_400


@dataclass(frozen=True)
class Settings:
    """The environment, complete and well-formed. Passwords are raw; `repr` leaves them out."""

    postgres_host: str
    postgres_port: int
    postgres_db: str
    postgres_user: str
    postgres_password: str = field(repr=False)
    postgres_ca: str
    neo4j_uri: str
    neo4j_user: str
    neo4j_password: str = field(repr=False)
    neo4j_ca: str
    model_provider: str
    model_chat: str
    model_embedding: str
    model_dimensions: int
    model_base_url: str
    model_api: str
    model_region: str
    model_api_key: str = field(repr=False)
    port: int
    host: str
    release: Release
    data_folder: str
    run_folder: str

    @property
    def on_disk(self) -> bool:
        """There are no database servers: SQLite and an index in `data_folder`."""
        return bool(self.data_folder)

    @property
    def by_socket(self) -> bool:
        """The host is the directory of a unix socket, as Cloud SQL's connector makes it."""
        return self.postgres_host.startswith("/")

    @property
    def model_url(self) -> str:
        return (self.model_base_url or models.OPENAI_URL).rstrip("/")


@dataclass(frozen=True)
class Prepared:
    """Where things were written, and what the server's environment needs besides our own."""

    configuration: Path
    postgres_ca: Path | None
    bundle: Path | None
    environment: Mapping[str, str] = field(repr=False)


def read(environment: Mapping[str, str]) -> Settings:
    """Raises `Failure("environment")` that names everything missing or malformed at once."""
    required = MODEL if environment.get(on_disk.VARIABLE) else REQUIRED
    problems = [f"{name} is missing" for name in required if not environment.get(name)]
    numbers = {}
    for name, default in NUMBERS:
        value = environment.get(name) or default
        numbers[name] = int(value) if value.isascii() and value.isdigit() else 0
        if not 0 < numbers[name] <= 65535:
            problems.append(f"{name} is not a number from 1 to 65535")
    problems += [
        f"{name} holds no certificate in PEM form"
        for name in ("POSTGRES_CA_PEM", "NEO4J_CA_PEM")
        if environment.get(name) and not _certificates(environment[name])
    ]
    problems += models.problems(environment) + release.problems(environment) + door.problems(environment)
    scheme = urllib.parse.urlsplit(environment.get("NEO4J_URI", "")).scheme
    if environment.get("NEO4J_URI") and scheme not in ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"):
        problems.append("NEO4J_URI is not a bolt or neo4j address")
    if problems:
        raise Failure("environment", "; ".join(problems))
    return _settings(environment, numbers)


def _settings(environment: Mapping[str, str], numbers: Mapping[str, int]) -> Settings:
    def text(name: str, default: str = "") -> str:
        return environment.get(name) or default

    return Settings(
        postgres_host=text("POSTGRES_HOST"),
        postgres_port=numbers["POSTGRES_PORT"],
        postgres_db=text("POSTGRES_DB"),
        postgres_user=text("POSTGRES_USER"),
        postgres_password=text("POSTGRES_PASSWORD"),
        postgres_ca=text("POSTGRES_CA_PEM"),
        neo4j_uri=text("NEO4J_URI"),
        neo4j_user=text("NEO4J_USER"),
        neo4j_password=text("NEO4J_PASSWORD"),
        neo4j_ca=text("NEO4J_CA_PEM"),
        model_provider=text("MODEL_PROVIDER"),
        model_chat=text("MODEL_CHAT"),
        model_embedding=text("MODEL_EMBEDDING"),
        model_dimensions=numbers["MODEL_DIMENSIONS"],
        model_base_url=text("MODEL_BASE_URL"),
        model_api=text("MODEL_API", models.RESPONSES),
        model_region=text("MODEL_REGION"),
        # A key goes into an HTTP header: the line end that an editor or `echo` left behind would break every request.
        model_api_key=text("MODEL_API_KEY").strip(),
        port=numbers["PORT"],
        host=text("HOST", "0.0.0.0"),
        release=release.find(environment),
        data_folder=text(on_disk.VARIABLE),
        run_folder=text(on_disk.RUN_VARIABLE, "/tmp"),
    )


def _certificates(pem: str) -> bool:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pem)
        return context.cert_store_stats()["x509"] > 0
    except (ssl.SSLError, ValueError):
        return False


def document(settings: Settings, *, ingestion: bool = True) -> dict[str, Any]:
    """MemMachine's configuration, as far as this release knows it. Resource ids are stored with every project in the
    database: never rename one.

    `ingestion=False` keeps the background ingestion that starts with MemMachine from finding any work.
    """
    embedder, chat, reranker = "embedder", "chat", "reranker"
    storage = _on_disk(settings) if settings.on_disk else _on_servers(settings)
    semantic: dict[str, Any] = {
        "llm_model": chat, "embedding_model": embedder, **storage.semantic, "with_config_cache": False,
    }  # fmt: skip
    if not ingestion:
        semantic |= {"ingestion_trigger_messages": NEVER_MESSAGES, "ingestion_trigger_age": NEVER_SECONDS}
    whole = {
        "logging": {"path": storage.log, "level": "info"},
        # Counts cached in one instance are wrong in every other.
        "episode_store": {"database": storage.sql, "with_count_cache": False},
        "session_manager": {"database": storage.sql},
        "episodic_memory": {
            "long_term_memory": {"embedder": embedder, "reranker": reranker, **storage.long_term},
            "short_term_memory": {"llm_model": chat, "message_capacity": 500},
        },
        "semantic_memory": semantic,
        "retrieval_agent": {"llm_model": chat, "reranker": reranker},
        "prompt": {"default_project_categories": ["profile_prompt"]},
        "resources": {
            "databases": storage.databases,
            "embedders": {embedder: models.embedder(settings)},
            "language_models": {chat: models.language_model(settings)},
            "rerankers": {
                reranker: {"provider": "rrf-hybrid", "config": {"reranker_ids": ["identity", "bm25"]}},
                "identity": {"provider": "identity"},
                "bm25": {"provider": "bm25"},
            },
        },
    }
    return settings.release.known(whole)


@dataclass(frozen=True)
class _Storage:
    """Where memories are kept: the parts of the configuration that say so. `sql` is a resource's id."""

    sql: str
    databases: Mapping[str, Any]
    long_term: Mapping[str, Any]
    semantic: Mapping[str, Any]
    log: str


def _on_servers(settings: Settings) -> _Storage:
    postgres, graph = "postgres", "graph"
    return _Storage(
        postgres,
        databases={postgres: _postgres(settings), graph: _graph(settings)},
        long_term={"vector_graph_store": graph},
        semantic={"database": postgres, "config_database": postgres},
        log="/tmp/memmachine.log",
    )


def _on_disk(settings: Settings) -> _Storage:
    return _Storage(
        on_disk.SQL,
        databases=on_disk.databases(settings),
        long_term=on_disk.long_term(),
        semantic=on_disk.profiles(),
        log=on_disk.no_log(Path(settings.run_folder)),
    )


def _postgres(settings: Settings) -> dict[str, Any]:
    # User, host and name are pasted into a URL as they are; only the password is resolved from the environment.
    # With a socket's directory host and port stay out of that URL: asyncpg then takes PGHOST (run with 0.4.0).
    place = {"host": ""} if settings.by_socket else {"host": settings.postgres_host, "port": settings.postgres_port}
    return {
        "provider": "postgres",
        "config": {
            **place,
            "user": quote(settings.postgres_user),
            "password": f"${{{POSTGRES_SECRET}}}",
            "db_name": quote(settings.postgres_db),
            "pool_size": 5,
            "max_overflow": 10,
            "pool_recycle": 1800,
            "pool_pre_ping": True,
        },
    }


def _graph(settings: Settings) -> dict[str, Any]:
    return {
        "provider": "neo4j",
        "config": {
            "uri": settings.neo4j_uri,
            "user": settings.neo4j_user,
            "password": f"${{{NEO4J_SECRET}}}",
            "max_connection_lifetime": 3000,
            "liveness_check_timeout": 60,
            "range_index_creation_threshold": INDEX_THRESHOLD,
            "vector_index_creation_threshold": INDEX_THRESHOLD,
        },
    }


def quote(text: str) -> str:
    """For MemMachine's database URL, which SQLAlchemy decodes again: every byte but letters, digits and `_.-~`."""
    return urllib.parse.quote(text, safe="")


def write(settings: Settings, folder: Path | None = None, *, ingestion: bool = True) -> Prepared:
    """Writes configuration and bundles (readable by this user only; into `folder`, else into the settings' own) and
    says what the server's environment needs.

    The configuration is JSON, every text of which is also a YAML document with the same meaning.
    """
    folder = folder or Path(settings.run_folder)
    configuration = _file(folder / "memmachine.yml", json.dumps(document(settings, ingestion=ingestion), indent=1))
    environment = {
        "MEMORY_CONFIG": str(configuration),
        "HOST": settings.host,
        "PORT": str(settings.port),
        **({} if settings.on_disk else _passwords(settings)),
        **models.environment(settings),
    }
    if settings.by_socket:
        environment["PGHOST"] = settings.postgres_host
    postgres_ca = bundle = None
    if settings.postgres_ca:
        postgres_ca = _file(folder / "postgres-ca.pem", settings.postgres_ca)
        environment |= {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": str(postgres_ca)}
    if settings.neo4j_ca:
        bundle = _file(folder / "ca-bundle.pem", system_certificates() + "\n" + settings.neo4j_ca)
        # The OpenAI client and the Neo4j driver both ask OpenSSL for its default file, which this names.
        environment |= {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
    return Prepared(configuration, postgres_ca, bundle, environment)


def _passwords(settings: Settings) -> dict[str, str]:
    return {POSTGRES_SECRET: quote(settings.postgres_password), NEO4J_SECRET: settings.neo4j_password}


def reread(environment: Mapping[str, str]) -> tuple[Settings, Prepared]:
    """Of the databases, what `read` and `write` said, from the environment that `write` made: the server's own, which
    has no raw secret. Of the model's key nothing."""
    numbers = {name: int(environment.get(name) or default) for name, default in NUMBERS}
    again = {
        **environment,
        "POSTGRES_PASSWORD": urllib.parse.unquote(environment[POSTGRES_SECRET]),
        "NEO4J_PASSWORD": environment[NEO4J_SECRET],
    }
    ca = environment.get("PGSSLROOTCERT")
    prepared = Prepared(Path(environment["MEMORY_CONFIG"]), Path(ca) if ca else None, None, {})
    return _settings(again, numbers), prepared


def system_certificates() -> str:
    """The authorities this image trusts: Debian's bundle, or certifi's where a base has none."""
    for name in (
        os.environ.get("SSL_CERT_FILE"),
        "/etc/ssl/certs/ca-certificates.crt",
        ssl.get_default_verify_paths().cafile,
    ):
        if name and Path(name).is_file():
            return Path(name).read_text()
    import certifi

    return Path(certifi.where()).read_text()


def _file(path: Path, text: str) -> Path:
    """Written whole or not at all; 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Path(name).rename(path)
