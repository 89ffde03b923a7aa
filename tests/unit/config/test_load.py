"""Flags over environment over file over defaults, and errors that say where, what and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from memdeploy.config.errors import ConfigError
from memdeploy.config.load import Loaded, load, override, validate
from memdeploy.config.model import Deployment, KeySource, Neo4jMode, Profile, Protection, Provider
from memdeploy.config.options import BY_PATH
from memdeploy.errors import ExitCode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(
    folder: Path, text: str | None = None, flags: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
) -> Loaded:
    if text is not None:
        (folder / "memdeploy.yaml").write_text(text)
    return load(file=None, flags=flags or {}, environ=env or {}, folder=folder)


def refused(folder: Path, text: str | None = None, **sources: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **sources)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


DESIGN_EXAMPLE = """
# yaml-language-server: $schema=memdeploy.schema.json
version: 1
name: support-memory
provider: gcp
profile: standard               # small | standard | production
release: 0.4.0                  # see: memdeploy releases
gcp:
  project: acme-prod-1
  region: europe-west1
  labels: {team: support}
model:
  provider: openai
  chat: gpt-4o-mini
  embedding: text-embedding-3-small
  key: {env: OPENAI_API_KEY}
postgres: {tier: db-custom-1-3840, disk_gb: 10, deletion_protection: on}
neo4j: {mode: vm, machine: e2-medium, disk_gb: 20}
service:
  instances: {min: 0, max: 4}
  access: invokers
  invokers: ["serviceAccount:agent@acme-prod-1.iam.gserviceaccount.com"]
"""


def test_the_published_example_is_read_as_it_looks(folder: Path) -> None:
    deployment = read(folder, DESIGN_EXAMPLE).deployment

    assert deployment is not None
    assert deployment.name == "support-memory"
    assert deployment.release == "0.4.0"
    assert deployment.gcp.labels == {"team": "support"}
    assert deployment.postgres.deletion_protection is Protection.ON
    assert deployment.service.instances.max == 4
    assert deployment.service.invokers == ("serviceAccount:agent@acme-prod-1.iam.gserviceaccount.com",)


@pytest.mark.parametrize(
    ("file", "variable", "flag", "expected"),
    [
        (None, None, None, "us-central1"),
        ("europe-west1", None, None, "europe-west1"),
        (None, "europe-west2", None, "europe-west2"),
        (None, None, "europe-west3", "europe-west3"),
        ("europe-west1", "europe-west2", None, "europe-west2"),
        ("europe-west1", None, "europe-west3", "europe-west3"),
        (None, "europe-west2", "europe-west3", "europe-west3"),
        ("europe-west1", "europe-west2", "europe-west3", "europe-west3"),
        ("europe-west1", "", None, "europe-west1"),
    ],
)
def test_precedence(folder: Path, file: str | None, variable: str | None, flag: str | None, expected: str) -> None:
    text = f"provider: gcp\ngcp: {{region: {file}}}\n" if file else "provider: gcp\n"
    env = {} if variable is None else {"MEMDEPLOY_GCP_REGION": variable}

    loaded = read(folder, text, flags={"gcp.region": flag} if flag else {}, env=env)

    assert loaded.deployment is not None
    assert loaded.deployment.gcp.region == expected
    assert loaded.given == ({"gcp.region": expected} if flag or variable else {})


def test_origins_name_flag_variable_and_line(folder: Path) -> None:
    loaded = read(
        folder,
        "provider: gcp\nprofile: small\nrelease: 0.4.0\nname: abc\n",
        flags={"name": "from-flag"},
        env={"MEMDEPLOY_PROFILE": "production"},
    )

    assert loaded.origins["name"] == "--name"
    assert loaded.origins["profile"] == "MEMDEPLOY_PROFILE"
    assert loaded.origins["release"] == "memdeploy.yaml:3"


def test_without_a_provider_the_deployment_is_the_journals(folder: Path) -> None:
    loaded = read(folder, flags={"name": "known", "service.instances.max": 3})

    assert loaded.deployment is None
    assert loaded.name == "known"
    assert loaded.given == {"name": "known", "service.instances.max": 3}


def test_without_a_name_nobody_is_named(folder: Path) -> None:
    assert read(folder, "provider: gcp\n").name is None


def test_wrong_values_are_found_without_a_provider_too(folder: Path) -> None:
    assert refused(folder, env={"MEMDEPLOY_PROFILE": "huge"}).where == "MEMDEPLOY_PROFILE"


@pytest.mark.parametrize(
    ("text", "where", "message", "advice"),
    [
        ("provider: gcp\ngcp:\n  projct: x\n", "memdeploy.yaml:3", "gcp.projct is no option", "gcp.project?"),
        ("provider: gcp\ngcp:\n  projct:\n", "memdeploy.yaml:3", "gcp.projct is no option", "gcp.project?"),
        ("provider: gcp\nprojct:\n", "memdeploy.yaml:2", "projct is no option", "Did you mean"),
        ("provider: gcp\nprojct: x\n", "memdeploy.yaml:2", "projct is no option", "Did you mean"),
        ("provider: gcp\nproject: x\n", "memdeploy.yaml:2", "project is no option", "gcp.project?"),
        ("provider: gcp\nzzz: 1\n", "memdeploy.yaml:2", "zzz is no option", "Known here: gcp, image"),
        ("provider: gcp\nprofile: tiny\n", "memdeploy.yaml:2", "profile: 'tiny'", "small, standard or production"),
        ("provider: gcp\nname: Bad_Name\n", "memdeploy.yaml:2", "name: 'Bad_Name'", "3 to 20 characters"),
        ("provider: gcp\nneo4j:\n  disk_gb: 5\n", "memdeploy.yaml:3", "neo4j.disk_gb: 5", "from 10 to 65536"),
        ("provider: gcp\nneo4j:\n  disk_gb: big\n", "memdeploy.yaml:3", "neo4j.disk_gb: 'big'", "from 10 to 65536"),
        ("provider: gcp\npostgres: {version: 15}\n", "memdeploy.yaml:2", "postgres.version: 15", "16 or 17"),
        ("provider: gcp\ngcp: {network: {space: 10.0.0.0/8}}\n", "memdeploy.yaml:2", "private IPv4 /15", "/15"),
        ("provider: gcp\ngcp: {network: {space: there}}\n", "memdeploy.yaml:2", "private IPv4 /15", "/15"),
        ("provider: gcp\ngcp: {zone: us-east1-b}\n", "memdeploy.yaml:2", "not in region us-central1", "doc"),
        ("provider: gcp\nservice: {instances: {min: 5, max: 2}}\n", "memdeploy.yaml:2", "min (5) is greater", "doc"),
        ("provider: gcp\nservice: {access: invokers}\n", "memdeploy.yaml:2", "at least one", "doc"),
        ("provider: gcp\nservice: {access: invokers, invokers: [allUsers]}\n", "memdeploy.yaml:2", "allUsers", "IAM"),
        ("provider: gcp\ngcp: flat\n", "memdeploy.yaml:2", "gcp: 'flat'", "doc"),
        ("provider: gcp\nversion: 2\n", "memdeploy.yaml:2", "version: 2", "doc"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(folder: Path, text: str, where: str, message: str, advice: str) -> None:
    error = refused(folder, text)

    assert error.where == where
    assert message in error.message
    assert advice in (error.suggestion or "")


def test_every_wrong_value_is_named_at_once(folder: Path) -> None:
    error = refused(folder, "provider: gcp\nprofile: tiny\nname: A\n", env={"MEMDEPLOY_NEO4J_DISK_GB": "2"})

    assert "profile: 'tiny'" in error.message
    assert "name: 'A'" in error.message
    assert "MEMDEPLOY_NEO4J_DISK_GB" in f"{error.where} {error.message}"


def test_a_variable_that_is_no_number_is_refused_by_its_name(folder: Path) -> None:
    error = refused(folder, env={"MEMDEPLOY_SERVICE_INSTANCES_MAX": "four"})

    assert error.where == "MEMDEPLOY_SERVICE_INSTANCES_MAX"
    assert "from 1 to 100" in (error.suggestion or "")


def test_a_key_pasted_in_the_place_of_its_source_is_not_repeated(folder: Path) -> None:
    for text in ("model: {key: sk-canary-1}", "model: {key: {env: [sk-canary-1]}}", "model: {key: {env: sk-canary-1}}"):
        error = refused(folder, f"provider: gcp\n{text}\n")
        assert "sk-canary-1" not in f"{error.message} {error.suggestion} {error.where}"


@pytest.mark.parametrize("path", ["model.base_url", "neo4j.uri"])
@pytest.mark.parametrize("address", ["http://user:hunter2@host/v1", "bolt://user:hunter2@host", "https://hunter2@host"])
def test_an_address_with_a_login_is_refused_and_not_repeated(folder: Path, path: str, address: str) -> None:
    """It would be journalled, and shown."""
    flags = {"provider": "gcp", path: address, **({"neo4j.mode": "external"} if path == "neo4j.uri" else {})}
    with pytest.raises(ConfigError) as raised:
        load(file=None, flags=flags, environ={}, folder=folder)
    assert "hunter2" not in f"{raised.value} {raised.value.suggestion}"


@pytest.mark.parametrize("address", ["http://127.0.0.1:11434/v1", "https://gw.example/a@b/v1", "https://api.example"])
def test_other_addresses_of_a_model_are_taken(folder: Path, address: str) -> None:
    loaded = load(file=None, flags={"provider": "gcp", "model.base_url": address}, environ={}, folder=folder)
    assert loaded.deployment is not None
    assert loaded.deployment.model.base_url == address


@pytest.mark.parametrize("caller", ["ann@example.com", "allUsers", "user:", "user:a b", "user:a\x1b[2J@x.org"])
def test_a_caller_that_is_no_member_is_refused_before_a_policy_refuses_it(folder: Path, caller: str) -> None:
    with pytest.raises(ConfigError):
        load(file=None, flags={"provider": "gcp", "gcp.caller": caller}, environ={}, folder=folder)


def test_control_characters_of_a_wrong_value_do_not_reach_the_terminal(folder: Path) -> None:
    assert "\x1b" not in refused(folder, 'provider: gcp\nprofile: "\\e[31mred"\n').message


def test_lists_and_pairs_from_variables(folder: Path) -> None:
    loaded = read(
        folder,
        env={
            "MEMDEPLOY_PROVIDER": "gcp",
            "MEMDEPLOY_GCP_LABELS": "team=support, env=prod",
            "MEMDEPLOY_SERVICE_ACCESS": "invokers",
            "MEMDEPLOY_SERVICE_INVOKERS": "user:a@x.org,group:b@x.org",
        },
    )

    assert loaded.deployment is not None
    assert loaded.deployment.gcp.labels == {"team": "support", "env": "prod"}
    assert loaded.deployment.service.invokers == ("user:a@x.org", "group:b@x.org")


def test_numbers_where_texts_belong_and_the_other_way_round(folder: Path) -> None:
    loaded = read(folder, 'provider: gcp\nservice: {cpu: 4, instances: {max: "3"}}\ngcp: {labels: {cost: 42}}\n')

    assert loaded.deployment is not None
    assert loaded.deployment.service.cpu == "4"
    assert loaded.deployment.service.instances.max == 3
    assert loaded.deployment.gcp.labels == {"cost": "42"}


def test_one_way_to_name_the_key_takes_the_place_of_another(folder: Path) -> None:
    text = "provider: gcp\nmodel: {key: {file: k}}\n"

    by_flag = read(folder, text, flags={"model.key.env": "A"}, env={"MEMDEPLOY_MODEL_KEY_SECRET": "s"}).deployment
    by_variable = read(folder, text, env={"MEMDEPLOY_MODEL_KEY_SECRET": "s"}).deployment

    assert by_flag is not None
    assert by_flag.model.key == KeySource(env="A")
    assert by_variable is not None
    assert by_variable.model.key == KeySource(secret="s")


def test_two_ways_to_name_the_key_on_one_line_are_refused(folder: Path) -> None:
    error = refused(folder, flags={"model.key.env": "A", "model.key.file": "f"})

    assert "only one of model.key.env, model.key.file" in error.message


def test_a_key_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    place = tmp_path / "conf"
    place.mkdir()
    (place / "x.yaml").write_text("provider: gcp\nmodel: {key: {file: keys/openai}}\n")

    loaded = load(file=Path("conf/x.yaml"), flags={}, environ={}, folder=tmp_path)

    assert loaded.deployment is not None
    assert loaded.deployment.model.key.file == str(place / "keys/openai")


def test_a_key_file_of_a_flag_is_relative_to_the_working_directory(folder: Path) -> None:
    loaded = read(folder, flags={"provider": "gcp", "model.key.file": "k"})

    assert loaded.deployment is not None
    assert loaded.deployment.model.key.file == str(folder / "k")


def test_a_file_that_was_named_must_be_there(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file=Path("none.yaml"), flags={}, environ={}, folder=folder)


def test_misspelt_variables_are_told_and_others_left_alone(folder: Path) -> None:
    env = {"MEMDEPLOY_GCP_PROJEKT": "x", "MEMDEPLOY_GCP_ENDPOINT": "http://127.0.0.1:1", "PATH": "/bin"}

    loaded = load(file=None, flags={}, environ=env, folder=folder, others=["MEMDEPLOY_GCP_ENDPOINT"])

    assert loaded.notices == ("MEMDEPLOY_GCP_PROJEKT is no variable of memdeploy; did you mean MEMDEPLOY_GCP_PROJECT?",)


def test_options_laid_over_a_journals_configuration() -> None:
    journalled = Deployment(provider=Provider.GCP, profile=Profile.SMALL, name="abc")

    changed = override(journalled, {"neo4j.mode": "sidecar", "model.key.secret": "s"})

    assert changed.profile is Profile.SMALL
    assert changed.neo4j.mode is Neo4jMode.SIDECAR
    assert changed.model.key == KeySource(secret="s")
    assert override(journalled, {}) == journalled


def test_a_wrong_option_over_a_journals_configuration_is_named_by_its_flag() -> None:
    with pytest.raises(ConfigError) as caught:
        override(Deployment(provider=Provider.GCP), {"service.memory": "lots"})

    assert caught.value.where == "--memory"


BEDROCK = {"provider": "amazon-bedrock", "region": "us-east-1", "chat": "c", "embedding": "e"}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({**BEDROCK, "region": None}, "needs region"),
        ({**BEDROCK, "base_url": "http://h/v1"}, "OpenAI-compatible"),
        ({**BEDROCK, "api": "responses"}, "OpenAI-compatible"),
        ({"provider": "amazon-bedrock", "region": "us-east-1"}, "have to name models of amazon-bedrock"),
        ({"region": "us-east-1"}, "only amazon-bedrock has one"),
        ({"provider": "ollama", "chat": "c", "embedding": "e"}, "needs base_url"),
        ({"provider": "ollama", "base_url": "http://h/v1", "chat": "c"}, "have to name models of ollama"),
        ({"key": {"env": "A", "file": "b"}}, "exactly one"),
    ],
)
def test_what_a_provider_of_models_needs_is_said(model: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate({"provider": "gcp", "model": model}, lambda path: path)
    assert said in f"{caught.value.message} {caught.value.suggestion}"


@pytest.mark.parametrize(
    ("model", "api"),
    [
        ({}, "responses"),
        ({"base_url": "http://h/v1"}, "chat-completions"),
        ({"base_url": "http://h/v1", "api": "responses"}, "responses"),
        ({"api": "chat-completions"}, "chat-completions"),
    ],
)
def test_a_server_of_ones_own_has_chat_completions_as_a_rule(model: dict[str, object], api: str) -> None:
    assert validate({"model": model}, str).model.chat_api == api


def test_another_provider_leaves_address_region_and_key_of_the_one_before_behind() -> None:
    before = validate({"model": {**BEDROCK, "key": {"file": "/k"}}}, str)
    given = {"model.provider": "ollama", "model.base_url": "http://h/v1"}
    after = override(before, given).model
    assert (after.region, after.base_url, after.key.ways, after.chat) == (None, "http://h/v1", 0, "c")
    same = override(before, {"model.provider": "amazon-bedrock", "model.chat": "d"}).model
    assert (same.region, same.key.file, same.chat) == ("us-east-1", "/k", "d")
    assert override(before, {**given, "model.key.env": "A"}).model.key.env == "A"


def test_an_option_without_a_value_says_nothing(tmp_path: Path) -> None:
    def made(text: str) -> Any:
        (tmp_path / "memdeploy.yaml").write_text(text)
        return load(file=None, flags={"provider": "gcp"}, environ={}, folder=tmp_path).deployment

    usual, blocks = made(""), {path.rpartition(".")[0] for path in BY_PATH} - {""}
    for path in {*BY_PATH, *blocks, "version"} - {path for path in BY_PATH if path.startswith("neo4j.password.")}:
        lines = [f"{'  ' * depth}{room}:" for depth, room in enumerate(path.split("."))]
        assert made("\n".join(lines) + "\n") == usual, path


def test_a_key_and_a_password_are_named_in_one_line(tmp_path: Path) -> None:
    """Two ways of one thing contradict each other; ways of two things do not."""
    flags = {
        "provider": "gcp", "neo4j.mode": "external", "neo4j.uri": "neo4j+s://db.example",
        "model.key.env": "MY_KEY", "neo4j.password.env": "MY_PASSWORD",
    }  # fmt: skip
    found = load(file=None, flags=flags, environ={}, folder=tmp_path).deployment
    assert found is not None
    assert (found.model.key.env, found.neo4j.password.env) == ("MY_KEY", "MY_PASSWORD")
    with pytest.raises(ConfigError, match="only one of") as raised:
        load(file=None, flags={**flags, "neo4j.password.file": "/p"}, environ={}, folder=tmp_path)
    assert raised.value.where == "neo4j.password"
