"""The model's key: where it is found, and what is said about it without showing it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from memdeploy.config import key
from memdeploy.config.errors import ConfigError
from memdeploy.config.model import KeySource, ModelOptions, ModelProvider
from memdeploy.secret import Secret

CANARY = "sk-canary-4711"


def model(**source: str) -> ModelOptions:
    return ModelOptions(key=KeySource(**source))


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> ModelOptions:
    path = folder / "key"
    path.write_bytes(content)
    path.chmod(mode)
    return model(file=str(path))


def test_from_the_environment() -> None:
    assert key.read(model(env="A_KEY"), {"A_KEY": CANARY}) == key.Key(Secret(CANARY))


def test_a_variable_that_is_not_set_is_no_key() -> None:
    assert key.read(model(env="A_KEY"), {}).value is None


def test_the_clouds_store_and_the_offline_model_need_nothing_here() -> None:
    offline = ModelOptions(provider=ModelProvider.OFFLINE)

    assert key.read(model(secret="name"), {}).value is None
    assert key.read(offline, {"OPENAI_API_KEY": CANARY}).value is None


def test_from_a_file_without_its_newline(tmp_path: Path) -> None:
    found = key.read(key_file(tmp_path, f"{CANARY}\r\n".encode()), {})

    assert found.value == Secret(CANARY)
    assert len(found.notices) == 1
    assert "newline" in found.notices[0]


def test_a_private_file_without_newline_needs_no_word(tmp_path: Path) -> None:
    assert key.read(key_file(tmp_path, CANARY.encode()), {}).notices == ()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_warned_about(tmp_path: Path, mode: int) -> None:
    (notice,) = key.read(key_file(tmp_path, CANARY.encode(), mode), {}).notices

    assert f"chmod 600 {tmp_path / 'key'}" in notice


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n", b"\r\n"])
def test_an_empty_key_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError, match="is empty"):
        key.read(key_file(tmp_path, content), {})
    with pytest.raises(ConfigError, match="is empty"):
        key.read(model(env="A_KEY"), {"A_KEY": content.decode()})


@pytest.mark.parametrize(
    "content",
    [f"{CANARY}\n{CANARY}".encode(), CANARY.encode() + b"\xff", CANARY.encode() * 2000, b"a\0" + CANARY.encode()],
)
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        key.read(key_file(tmp_path, content), {})

    assert CANARY not in f"{caught.value.message}{caught.value.suggestion}{caught.value.__cause__!r}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        key.read(model(file=str(tmp_path / "none")), {})


# -- Amazon Bedrock ---------------------------------------------------------------------------------------------------

WHOLE = {"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": CANARY}
INI = f"[other]\naws_access_key_id = x\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key = {CANARY}\n"


def bedrock(**source: str) -> ModelOptions:
    return ModelOptions(
        provider=ModelProvider.BEDROCK, region="us-east-1", chat="c", embedding="e", key=KeySource(**source)
    )


def stored(found: key.Key) -> object:
    assert found.value is not None
    return json.loads(found.value.reveal())


def test_aws_credentials_from_awss_own_variables() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": f"{CANARY}\n"}
    found = key.read(bedrock(), environ)
    assert (stored(found), found.notices) == (WHOLE, ())
    temporary = key.read(bedrock(), {**environ, "AWS_SESSION_TOKEN": "tok"})
    assert stored(temporary) == {**WHOLE, "SessionToken": "tok"}
    assert "end within hours" in temporary.notices[0]
    assert key.read(bedrock(), {"AWS_ACCESS_KEY_ID": "AKIA1"}).value is None


@pytest.mark.parametrize("text", [json.dumps(WHOLE), INI])
def test_aws_credentials_from_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(0o600)
    assert stored(key.read(bedrock(file=str(path)), {})) == WHOLE
    path.chmod(0o644)
    assert "chmod 600" in key.read(bedrock(file=str(path)), {}).notices[0]


def test_aws_credentials_whole_from_one_variable() -> None:
    assert stored(key.read(bedrock(env="ALL"), {"ALL": json.dumps(WHOLE)})) == WHOLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CANARY, "holds no AWS credentials"),
        (f"[other]\naws_secret_access_key = {CANARY}", "has no profile"),
        (f"[default]\naws_secret_access_key = {CANARY}", "the access key id is missing"),
        ("{" + CANARY, "holds no AWS credentials"),
        (json.dumps({**WHOLE, "AccessKeyId": 7}), "holds no AWS credentials"),
        (json.dumps({"AccessKeyId": "AKIA1"}), "the secret access key is missing"),
    ],
)
def test_what_are_no_aws_credentials_is_refused_without_being_shown(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        key.read(bedrock(file=str(path)), {})
    assert CANARY not in f"{caught.value.message}{caught.value.suggestion}{caught.value.__cause__!r}"


def test_a_secret_access_key_without_its_id_is_refused() -> None:
    with pytest.raises(ConfigError, match="the access key id is missing"):
        key.read(bedrock(), {"AWS_SECRET_ACCESS_KEY": CANARY})


def test_ollama_needs_no_key_and_may_have_one() -> None:
    ollama = {"provider": ModelProvider.OLLAMA, "base_url": "http://h/v1", "chat": "c", "embedding": "e"}
    assert key.read(ModelOptions(**ollama), {"OPENAI_API_KEY": CANARY}).value is None
    assert key.read(ModelOptions(**ollama, key=KeySource(env="A")), {"A": CANARY}).value == Secret(CANARY)


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_nothing_of_a_key_can_be_printed(tmp_path: Path) -> None:
    found = key.read(key_file(tmp_path, CANARY.encode()), {})

    assert CANARY not in f"{found} {found!r}"
