"""What is written for each release and each provider of models, held against MemMachine's own configuration and clients
in its image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docker
import pytest

from memdeploy.memmachine import offline_model, releases
from tests.e2e.stack import IMAGE_OF, put
from tests.support.container import BEDROCK, COMPLETE

pytestmark = pytest.mark.engine

FILES = (
    *sorted(Path("docker").glob("*.py")),
    Path("docker/exit_codes.json"),
    Path(offline_model.__file__),
    Path(__file__).with_name("models_inside.py"),
)
KEY = {"Version": 1, "AccessKeyId": "AKIA$1", "SecretAccessKey": "canary${2}", "SessionToken": "token"}
ENVIRONMENTS = {
    "openai": COMPLETE,
    "compatible": {**COMPLETE, "MODEL_BASE_URL": "http://10.0.0.9:11434/v1", "MODEL_API": "chat-completions"},
    "bedrock": {**BEDROCK, "MODEL_DIMENSIONS": "8", "MODEL_API_KEY": json.dumps(KEY)},
}


@pytest.fixture(scope="module", params=IMAGE_OF)
def found(engine: docker.DockerClient, request: pytest.FixtureRequest) -> Any:
    """Of each release, without any network: Bedrock is on the container's own loopback."""
    container = engine.containers.create(
        IMAGE_OF[request.param],
        ["/tmp/models_inside.py", json.dumps(ENVIRONMENTS)],
        entrypoint=["python"],
        network_mode="none",
    )
    try:
        facts = {f"releases/{file.name}": file for file in Path("docker/releases").glob("*.json")}
        sent = {**{file.name: file for file in FILES}, **facts}
        put(container, "/tmp", {name: (file.read_bytes(), 0o644, 10001) for name, file in sent.items()})
        container.start()
        code = int(container.wait(timeout=180)["StatusCode"])
        assert code == 0, container.logs().decode()[-3000:]
        return {"release": request.param, **json.loads(container.logs(stdout=True, stderr=False))}
    finally:
        container.remove(force=True, v=True)


def test_every_setting_that_is_written_is_one_that_the_release_knows(found: Any) -> None:
    assert found["unknown"] == {name: [] for name in ENVIRONMENTS}


def test_what_is_left_out_is_what_the_release_lacks(found: Any) -> None:
    """The newest release's configuration, read by this one."""
    short = [path.removeprefix("resources.").replace(".config.", ".") for path in releases.find(found["release"]).lacks]
    assert sorted(found["lacking"]) == sorted(short)


@pytest.mark.parametrize(
    ("name", "provider", "url"),
    [("openai", "openai-responses", "https://api.openai.com/v1"),
     ("compatible", "openai-chat-completions", "http://10.0.0.9:11434/v1")],
)  # fmt: skip
def test_openai_and_what_speaks_its_protocol(found: Any, name: str, provider: str, url: str) -> None:
    embedder, chat = found["loaded"][name]["embedder"], found["loaded"][name]["chat"]
    assert (embedder["provider"], chat["provider"]) == ("openai", provider)
    assert (embedder["config"]["model"], embedder["config"]["dimensions"]) == ("text-embedding-3-small", 1536)
    for config in (embedder["config"], chat["config"]):
        assert (config["base_url"], config["api_key"]) == (url, "sk-1")


def test_bedrock(found: Any) -> None:
    keys = {"aws_access_key_id": "AKIA$1", "aws_secret_access_key": "canary${2}", "aws_session_token": "token"}
    for name, model in (("embedder", "amazon.titan-embed-text-v2:0"), ("chat", "openai.gpt-oss-20b-1:0")):
        found_one = found["loaded"]["bedrock"][name]
        assert found_one["provider"] == "amazon-bedrock"
        wanted = {"region": "us-east-1", "model_id": model, **keys}
        assert {key: found_one["config"][key] for key in wanted} == wanted


def test_memmachines_own_clients_work_with_it(found: Any) -> None:
    """Each asks the API that was chosen: for a vector, an answer, and an object by its schema."""
    assert found["worked"] == {
        "openai": ["/v1/embeddings", "/v1/responses", "/v1/responses"],
        "compatible": ["/v1/embeddings", "/v1/chat/completions", "/v1/chat/completions"],
        "bedrock": ["invoke", "invoke", "converse"],  # the first vector tells the size
    }


def test_bedrock_is_proved_with_the_clients_that_memmachine_uses(found: Any) -> None:
    assert found["proved"] == {
        "good": "good",
        "size": "model-dimensions",
        "UnrecognizedClientException": "model-key",
        "AccessDeniedException": "model-unknown",
        "ThrottlingException": "model-quota",
        "nobody": "model-unreachable",
    }
    assert [line.split(" ")[0] for line in found["asked"]] == ["invoke", "converse"]
    for line in found["asked"]:
        assert "Credential=AKIA$1/" in line
        assert "/us-east-1/bedrock/aws4_request" in line
        assert line.endswith(" token")
