"""The configuration that MemMachine reads gives back exactly what the environment held."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import configure
import pytest
import yaml
from failures import Failure
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.certificates import Authority, self_signed
from tests.support.container import BEDROCK, COMPLETE

# An environment holds no NUL, and no character that has no UTF-8.
passwords = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1)
AWKWARD = ("@:/#%$\"'", "$HOME", "${HOME}", "$$", "%41%", "1234567890", "a\nb\n", "päß漢😀", " lead and trail ", "null")


def resolve(value: str, environment: dict[str, str]) -> str:
    """As MemMachine 0.4.0 does in passwords and keys (common/configuration/mixin_confs.py)."""
    return re.sub(r"\$(\w+)|\$\{(\w+)}", lambda m: environment.get(m.group(1) or m.group(2), m.group(0)), value)


def passwords_as_read(tmp_path: Path, **environment: str) -> tuple[str, str, str]:
    """Postgres, Neo4j and model secrets as MemMachine's clients see them in the end."""
    prepared = configure.write(configure.read({**COMPLETE, **environment}), tmp_path)
    resources = yaml.safe_load(prepared.configuration.read_text())["resources"]
    whole = {**os.environ, **environment, **prepared.environment}
    databases = resources["databases"]
    # SQLAlchemy's make_url decodes user, password and database name of the URL that they are pasted into.
    postgres = unquote(resolve(databases["postgres"]["config"]["password"], whole))
    graph = resolve(databases["graph"]["config"]["password"], whole)
    return postgres, graph, resolve(resources["embedders"]["embedder"]["config"]["api_key"], whole)


@given(postgres=passwords, neo4j=passwords)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_password_survives(tmp_path: Path, postgres: str, neo4j: str) -> None:
    read = passwords_as_read(tmp_path, POSTGRES_PASSWORD=postgres, NEO4J_PASSWORD=neo4j)
    assert read[:2] == (postgres, neo4j)


@pytest.mark.parametrize("password", AWKWARD)
def test_awkward_passwords_survive_and_stay_out_of_the_file(tmp_path: Path, password: str) -> None:
    read = passwords_as_read(tmp_path, POSTGRES_PASSWORD=password, NEO4J_PASSWORD=password)
    assert read[:2] == (password, password)
    document = json.loads((tmp_path / "memmachine.yml").read_text())
    assert document["resources"]["databases"]["graph"]["config"]["password"] == "${MEMDEPLOY_NEO4J_PASSWORD}"


@given(password=passwords)
def test_an_encoded_password_holds_nothing_that_a_url_or_memmachine_reads(password: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]+", configure.quote(password))


def test_the_url_that_sqlalchemy_would_read_has_each_part_in_its_place(tmp_path: Path) -> None:
    user, name, password = "us@er", "da/ta", "p@ss:w/o#r?d"
    config = {**COMPLETE, "POSTGRES_USER": user, "POSTGRES_DB": name, "POSTGRES_PASSWORD": password}
    prepared = configure.write(configure.read(config), tmp_path)
    fields = json.loads(prepared.configuration.read_text())["resources"]["databases"]["postgres"]["config"]
    secret = prepared.environment["MEMDEPLOY_POSTGRES_PASSWORD"]
    url = f"postgresql+asyncpg://{fields['user']}:{secret}@{fields['host']}:{fields['port']}/{fields['db_name']}"
    parts = re.fullmatch(r"postgresql\+asyncpg://([^:/]*):([^@]*)@([^/:]*):(\d+)/([^?/]*)", url)
    assert parts is not None
    assert [unquote(part) for part in parts.groups()] == [user, password, "10.0.0.3", "5432", name]


def test_a_line_end_after_the_key_is_taken_off(tmp_path: Path) -> None:
    assert passwords_as_read(tmp_path, MODEL_API_KEY="sk-abc\n")[2] == "sk-abc"


KEYS = {
    "aws_access_key_id": "${MEMDEPLOY_AWS_ACCESS_KEY_ID}",
    "aws_secret_access_key": "${MEMDEPLOY_AWS_SECRET_ACCESS_KEY}",
}


def models_of(tmp_path: Path, environment: Mapping[str, str]) -> tuple[Any, Any, Mapping[str, str]]:
    """The embedder and the language model of the written configuration, and what the server's environment gets."""
    prepared = configure.write(configure.read(environment), tmp_path)
    assert "canary" not in prepared.configuration.read_text()
    resources = json.loads(prepared.configuration.read_text())["resources"]
    return resources["embedders"]["embedder"], resources["language_models"]["chat"], prepared.environment


@pytest.mark.parametrize(
    ("variables", "url", "provider"),
    [
        ({}, "https://api.openai.com/v1", "openai-responses"),
        ({"MODEL_BASE_URL": "http://h/v1/"}, "http://h/v1", "openai-responses"),
        ({"MODEL_BASE_URL": "http://h/v1", "MODEL_API": "chat-completions"}, "http://h/v1", "openai-chat-completions"),
    ],
)
def test_openai_and_what_speaks_its_protocol(
    tmp_path: Path, variables: dict[str, str], url: str, provider: str
) -> None:
    embedder, chat, environment = models_of(tmp_path, {**COMPLETE, **variables})
    endpoint = {"api_key": "${MEMDEPLOY_MODEL_API_KEY}", "base_url": url}
    model = {"model": "text-embedding-3-small", "dimensions": 1536}
    assert embedder == {"provider": "openai", "config": {**model, **endpoint}}
    assert chat == {"provider": provider, "config": {"model": "gpt-4o-mini", **endpoint}}
    assert environment["MEMDEPLOY_MODEL_API_KEY"] == "sk-1"


def test_bedrock_has_a_region_and_three_secrets_of_which_one_may_be_missing(tmp_path: Path) -> None:
    """Fields of memmachine-server 0.4.0: AmazonBedrockEmbedderConf, AmazonBedrockLanguageModelConf."""
    embedder, chat, environment = models_of(tmp_path, BEDROCK)
    common = {"region": "us-east-1", **KEYS}
    titan = {"model_id": "amazon.titan-embed-text-v2:0", **common}
    assert embedder == {"provider": "amazon-bedrock", "config": titan}
    assert chat == {"provider": "amazon-bedrock", "config": {"model_id": "openai.gpt-oss-20b-1:0", **common}}
    read = {field: resolve(text, dict(environment)) for field, text in embedder["config"].items() if field in KEYS}
    assert read == {"aws_access_key_id": "AKIA$1", "aws_secret_access_key": "canary${2}"}
    assert "MEMDEPLOY_MODEL_API_KEY" not in environment
    whole = {**json.loads(BEDROCK["MODEL_API_KEY"]), "SessionToken": "canary-token"}
    embedder, _, environment = models_of(tmp_path, {**BEDROCK, "MODEL_API_KEY": json.dumps(whole)})
    assert embedder["config"]["aws_session_token"] == "${MEMDEPLOY_AWS_SESSION_TOKEN}"
    assert environment["MEMDEPLOY_AWS_SESSION_TOKEN"] == "canary-token"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({**COMPLETE, "MODEL_PROVIDER": "anthropic"}, "MODEL_PROVIDER is neither"),
        ({**COMPLETE, "MODEL_API": "assistants"}, "MODEL_API is neither"),
        ({**BEDROCK, "MODEL_REGION": ""}, "MODEL_REGION is missing"),
        ({**BEDROCK, "MODEL_API_KEY": "canary"}, "MODEL_API_KEY holds no AWS credentials"),
        ({**BEDROCK, "MODEL_API_KEY": '["canary"]'}, "MODEL_API_KEY holds no AWS credentials"),
        ({**BEDROCK, "MODEL_API_KEY": '{"AccessKeyId": "canary"}'}, "MODEL_API_KEY holds no AWS credentials"),
    ],
)
def test_a_model_that_cannot_be_is_named_without_its_secret(variables: dict[str, str], said: str) -> None:
    with pytest.raises(Failure, match=said) as caught:
        configure.read(variables)
    assert "canary" not in str(caught.value)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(Failure) as caught:
        configure.read({"POSTGRES_PORT": "x", "NEO4J_URI": "http://wrong"})
    assert caught.value.culprit == "environment"
    required = [name for name in configure.REQUIRED if name != "NEO4J_URI"]
    detail = "; ".join([*(f"{name} is missing" for name in required), "POSTGRES_PORT is not a number"])
    for part in detail.split("; ")[:6]:
        assert part in str(caught.value)
    assert "NEO4J_URI is not a bolt" in str(caught.value)


def test_a_certificate_that_is_none_is_refused() -> None:
    with pytest.raises(Failure, match="POSTGRES_CA_PEM holds no certificate"):
        configure.read({**COMPLETE, "POSTGRES_CA_PEM": "not a certificate"})


def test_bundles_hold_the_given_certificates_and_the_systems(tmp_path: Path) -> None:
    sql = Authority("sql").pem
    neo4j = self_signed("10.0.0.5")[1].decode()
    prepared = configure.write(configure.read({**COMPLETE, "POSTGRES_CA_PEM": sql, "NEO4J_CA_PEM": neo4j}), tmp_path)
    assert prepared.postgres_ca is not None
    assert prepared.bundle is not None
    assert prepared.postgres_ca.read_text() == sql
    bundle = prepared.bundle.read_text()
    assert neo4j in bundle
    assert bundle.count("BEGIN CERTIFICATE") > 1
    assert prepared.environment["PGSSLMODE"] == "verify-ca"
    assert prepared.environment["SSL_CERT_FILE"] == str(prepared.bundle)


def test_without_certificates_nothing_about_tls_is_set(tmp_path: Path) -> None:
    environment = configure.write(configure.read(COMPLETE), tmp_path).environment
    assert not {"PGSSLMODE", "PGSSLROOTCERT", "SSL_CERT_FILE"} & set(environment)


def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    prepared = configure.write(configure.read(COMPLETE), tmp_path)
    assert prepared.configuration.stat().st_mode & 0o777 == 0o600


def test_settings_that_make_it_fast_and_right_with_replicas() -> None:
    document = configure.document(configure.read(COMPLETE))
    graph = document["resources"]["databases"]["graph"]["config"]
    assert graph["vector_index_creation_threshold"] == graph["range_index_creation_threshold"] == 500
    assert document["episode_store"]["with_count_cache"] is False
    assert document["resources"]["databases"]["postgres"]["config"]["pool_pre_ping"] is True
    assert document["logging"]["path"].startswith("/tmp/")


def test_prepare_has_ingestion_off_and_serve_has_not() -> None:
    read = configure.read(COMPLETE)
    assert "ingestion_trigger_messages" not in configure.document(read)["semantic_memory"]
    assert configure.document(read, ingestion=False)["semantic_memory"]["ingestion_trigger_messages"] > 10**6


def test_settings_do_not_print_secrets() -> None:
    text = repr(configure.read({**COMPLETE, "POSTGRES_PASSWORD": "canary-1", "MODEL_API_KEY": "canary-2"}))
    assert "canary" not in text
