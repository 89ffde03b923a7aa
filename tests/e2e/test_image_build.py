"""Building and pushing with a real engine and a real registry; the layout made from upstream's image."""

from __future__ import annotations

import io
import secrets
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


STAND_IN = """\
FROM python:3.12-slim-trixie
WORKDIR /app
RUN /usr/local/bin/python3 -m venv --without-pip /app/.venv{break}
"""
"""The layout of upstream's image of the guide's era, without its server, which is in no package registry."""


@pytest.fixture
def upstream_of_the_guide(engine: docker.DockerClient, request: pytest.FixtureRequest) -> Iterator[str]:
    tag = f"memdeploy-test/guide-base:{secrets.token_hex(4)}"
    text = STAND_IN.replace("{break}", getattr(request, "param", ""))
    engine.images.build(fileobj=io.BytesIO(text.encode()), tag=tag, rm=True)
    yield tag
    engine.images.remove(tag, force=True)


def test_the_guides_layout_has_psycopg2_where_its_server_looks(
    engine: docker.DockerClient, upstream_of_the_guide: str
) -> None:
    release = releases.find("0.1.10")
    inputs = image.build_inputs(release, source="upstream", base=upstream_of_the_guide, folder=files.docker_files())
    tag = f"memdeploy-test/guide:{inputs.hash}"
    image.build(engine, inputs, tag, lambda text: None)
    try:
        script = "import psycopg2; print(psycopg2.__path__[0]); psycopg2.connect('postgresql://u:p@127.0.0.1:1/d')"
        container = engine.containers.create(tag, ["/app/.venv/bin/python", "-c", script])
        container.start()
        code, printed = container.wait()["StatusCode"], container.logs(stdout=True, stderr=False).decode()
        said = container.logs(stdout=False, stderr=True).decode()
        container.remove(force=True)
        assert printed.strip() == "/app/.venv/lib/python3.12/site-packages/psycopg2"
        assert code == 1
        assert "psycopg2.OperationalError" in said  # it went as far as the network
    finally:
        engine.images.remove(tag, force=True)


@pytest.mark.parametrize(
    "upstream_of_the_guide", [" && rm /app/.venv/bin/python && ln -s /usr/local/bin/python3 /app/.venv/bin/python \\\n"
    " && rm /app/.venv/pyvenv.cfg"], indirect=True, ids=["an interpreter that looks elsewhere"],
)  # fmt: skip
def test_the_guides_build_ends_when_the_server_would_not_find_it(
    engine: docker.DockerClient, upstream_of_the_guide: str
) -> None:
    release = releases.find("0.1.10")
    inputs = image.build_inputs(release, source="upstream", base=upstream_of_the_guide, folder=files.docker_files())
    with pytest.raises(StepFailed, match="No module named 'psycopg2'"):
        image.build(engine, inputs, f"memdeploy-test/guide:{inputs.hash}", lambda text: None)


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
