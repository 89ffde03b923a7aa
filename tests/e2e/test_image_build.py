"""Building and pushing with a real engine and a real registry; the layout made from upstream's image."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
import requests

from memdeploy.errors import StepFailed
from memdeploy.memmachine import files, image, releases
from tests.e2e.stack import Stack, wait_for

pytestmark = pytest.mark.engine

TINY = {"Dockerfile": b"FROM scratch\nARG RELEASE\nCOPY x /x\n", "x": b"1"}


@pytest.fixture
def registry(engine: docker.DockerClient) -> Iterator[str]:
    stack = Stack(engine)
    ports = {"5000/tcp": ("127.0.0.1", None)}
    container = engine.containers.run("registry:2", detach=True, labels=stack.labels, ports=ports)
    try:
        container.reload()
        address = f"127.0.0.1:{container.attrs['NetworkSettings']['Ports']['5000/tcp'][0]['HostPort']}"
        wait_for(lambda: answers(address), "registry", 20)
        yield address
    finally:
        stack.remove()


def answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/v2/", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["plain", "by the engine"])
def test_what_is_pushed_has_the_digest_that_was_told(engine: docker.DockerClient, registry: str, host: str) -> None:
    inputs = image.BuildInputs("pypi", "scratch", "0.4.0", TINY)
    repository, tag = f"{registry.replace('127.0.0.1', host)}/memdeploy-test", inputs.hash
    try:
        image.build(engine, inputs, f"{repository}:{tag}", lambda text: None)
        digest = image.push(engine, repository, tag, lambda text: None)
        accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        head = requests.head(f"http://{registry}/v2/memdeploy-test/manifests/{tag}", headers=accept, timeout=5)
        assert head.headers["Docker-Content-Digest"] == digest
        assert engine.images.pull(f"{repository}@{digest}").id == engine.images.get(f"{repository}:{tag}").id
    finally:
        engine.images.remove(f"{repository}:{tag}", force=True)


def test_a_registry_that_is_not_there_is_an_error(engine: docker.DockerClient) -> None:
    repository = "127.0.0.1:1/memdeploy-test"
    image.build(engine, image.BuildInputs("pypi", "scratch", "0.4.0", TINY), f"{repository}:1", lambda text: None)
    try:
        with pytest.raises(StepFailed) as caught:
            image.push(engine, repository, "1", lambda text: None)
        assert caught.value.code == "image-push"
    finally:
        engine.images.remove(f"{repository}:1", force=True)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["pypi", "upstream"])
def test_both_sources_give_the_same_layout(engine: docker.DockerClient, source: str) -> None:
    release = releases.find("0.4.0")
    base = release.upstream_image if source == "upstream" else release.python_base
    inputs = image.build_inputs(release, source=source, base=base, folder=files.docker_files())
    tag = f"memdeploy-test/{source}:{inputs.hash}"
    image.build(engine, inputs, tag, lambda text: None)
    attributes = engine.images.get(tag).attrs["Config"]
    assert attributes["User"] == "10001:10001"
    assert attributes["Entrypoint"] == ["sh", "/opt/memdeploy/startup.sh"]
    assert attributes["Cmd"] == ["serve"]
    script = (
        "import nltk, neo4j._rust, importlib.metadata as m; nltk.data.find('corpora/stopwords'); "
        "nltk.data.find('tokenizers/punkt_tab'); print(m.version('memmachine-server'), m.version('memmachine-common'))"
    )
    said = engine.containers.run(tag, ["-c", script], entrypoint="python", read_only=True, remove=True)
    assert said.decode().split() == ["0.4.0", "0.4.0"]
    engine.images.remove(tag, force=True)
