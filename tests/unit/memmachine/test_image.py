"""Build inputs as data, and the engine's streams."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from memdeploy.errors import StepFailed
from memdeploy.memmachine import exits, image, releases
from memdeploy.memmachine.files import docker_files
from memdeploy.secret import Secret

RELEASE = releases.find("0.4.0")


def inputs(**changes: Any) -> image.BuildInputs:
    known = {"source": "pypi", "base": "python@sha256:1", "folder": docker_files()}
    return image.build_inputs(RELEASE, **{**known, **changes})


def test_the_context_holds_all_that_the_dockerfile_copies() -> None:
    made = inputs()
    copied = re.findall(rb"^COPY (.+) \S+/$|^COPY (\S+) ", made.files["Dockerfile"], re.MULTILINE)
    patterns = b" ".join(a or b for a, b in copied).decode().replace("${RELEASE}", RELEASE.version).split()
    folder = docker_files()
    taken = {str(path.relative_to(folder)) for pattern in patterns for path in folder.glob(pattern)}
    assert taken | {"Dockerfile"} == set(made.files)


def test_the_dockerfile_needs_the_classic_builder_only() -> None:
    text = inputs().files["Dockerfile"].decode()
    assert not re.search(r"--mount|<<|--chmod|# syntax", text)


def test_the_hash_follows_every_input() -> None:
    first = inputs()
    assert first.hash == inputs().hash
    assert re.fullmatch(r"[0-9a-f]{12}", first.hash)
    assert inputs(base="python@sha256:2").hash != first.hash
    changed = image.BuildInputs(first.source, first.base, first.release, {**first.files, "serve.py": b"other"})
    assert changed.hash != first.hash


def test_the_same_files_give_the_same_archive() -> None:
    archive = image.context_archive({"b/x": b"2", "a": b"1"})
    assert archive == image.context_archive({"a": b"1", "b/x": b"2"})
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == ["a", "b/x"]


def test_only_the_lock_and_the_facts_of_the_one_release_are_in_it() -> None:
    for version in releases.deployable():
        made = image.build_inputs(releases.find(version), source="pypi", base="python", folder=docker_files())
        of_releases = {name for name in made.files if re.search(r"\d+\.\d+\.\d+", name)}
        assert of_releases == {f"requirements/memmachine-{version}.txt", f"releases/{version}.json"}
        assert made.args["RELEASE"] == version


def test_the_guides_era_has_a_recipe_of_its_own() -> None:
    guide = releases.find("0.1.10")
    made = image.build_inputs(guide, source="upstream", base="memmachine@sha256:1", folder=docker_files())
    assert set(made.files) == {"Dockerfile", "requirements/memmachine-0.1.10.txt"}
    assert made.files["Dockerfile"] == (docker_files() / "guide.Dockerfile").read_bytes()
    assert re.search(rb"^psycopg2-binary==\S+ --hash=sha256:[0-9a-f]{64}\n\Z", made.files[guide.requirements], re.M)


class Api:
    def __init__(self, lines: list[Mapping[str, Any]]) -> None:
        self.lines = lines
        self.called: dict[str, Any] = {}

    def build(self, **options: Any) -> Iterator[Mapping[str, Any]]:
        self.called = options
        return iter(self.lines)

    def push(self, repository: str, **options: Any) -> Iterator[Mapping[str, Any]]:
        self.called = {"repository": repository, **options}
        return iter(self.lines)


class Engine:
    def __init__(self, *lines: Mapping[str, Any], arch: str = "amd64") -> None:
        self.api = Api(list(lines))
        self.arch = arch

    def version(self) -> dict[str, str]:
        return {"Arch": self.arch}


def test_a_build_gives_the_images_id_and_tells_its_steps() -> None:
    said: list[str] = []
    engine = Engine({"stream": "Step 1/2 : FROM x\n"}, {"stream": "noise"}, {"aux": {"ID": "sha256:9"}})
    assert image.build(engine, inputs(), "t:1", said.append) == "sha256:9"  # type: ignore[arg-type]
    assert said == ["Step 1/2 : FROM x"]
    assert engine.api.called["platform"] == "linux/amd64"
    assert engine.api.called["buildargs"] == {"BASE": "python@sha256:1", "RELEASE": "0.4.0"}


def test_a_build_that_fails_says_what_was_said_last() -> None:
    engine = Engine({"stream": "\x1b[91mNo matching distribution\x1b[0m\n"}, {"error": "returned a non-zero code: 1"})
    with pytest.raises(StepFailed, match=r"non-zero code: 1 \(No matching distribution\)") as caught:
        image.build(engine, inputs(), "t:1", print)  # type: ignore[arg-type]
    assert caught.value.code == "image-build"


def test_a_push_gives_the_registrys_digest_and_counts_layers() -> None:
    said: list[str] = []
    engine = Engine(
        {"status": "Preparing", "id": "a"}, {"status": "Pushing", "id": "a"}, {"status": "Pushed", "id": "a"},
        {"status": "Layer already exists", "id": "b"}, {"status": "1: digest: sha256:7 size: 1"},
        {"aux": {"Tag": "1", "Digest": "sha256:7", "Size": 1}},
    )  # fmt: skip
    digest = image.push(engine, "r/x", "1", said.append, token=Secret("canary"))  # type: ignore[arg-type]
    assert digest == "sha256:7"
    assert said == ["pushing: 0 of 1 layers", "pushing: 1 of 1 layers", "pushing: 2 of 2 layers"]
    assert engine.api.called["auth_config"] == {"username": "oauth2accesstoken", "password": "canary"}


def test_a_push_that_is_refused_is_an_error_though_the_stream_began_well() -> None:
    with pytest.raises(StepFailed, match="denied"):
        image.push(Engine({"error": "denied: no permission"}), "r/x", "1", print)  # type: ignore[arg-type]


def test_a_push_without_digest_is_an_error() -> None:
    with pytest.raises(StepFailed, match="no digest"):
        image.push(Engine({"status": "done"}), "r/x", "1", print)  # type: ignore[arg-type]


def test_a_pull_that_fails_says_why_without_its_token() -> None:
    token = Secret("canary-of-a-registry")

    class Images:
        def pull(self, name: str, **options: Any) -> None:
            assert options == {
                "platform": "linux/amd64",
                "auth_config": {"username": "oauth2accesstoken", "password": token.reveal()},
            }
            raise APIError("500", explanation=f"denied to oauth2accesstoken:{token.reveal()}")

    engine = Engine()
    engine.images = Images()  # type: ignore[attr-defined]
    with pytest.raises(StepFailed, match=r"r/x cannot be pulled: denied to oauth2accesstoken:\*\*\*$") as caught:
        image.pull(engine, "r/x", token=token, platform="linux/amd64")  # type: ignore[arg-type]
    assert caught.value.code == "image-pull"


def test_which_engine_can_build() -> None:
    assert image.unusable(Engine()) is None  # type: ignore[arg-type]
    assert "arm64" in str(image.unusable(Engine(arch="arm64")))  # type: ignore[arg-type]
    assert "no container engine" in str(image.unusable(None))


def test_exit_codes_become_errors_that_name_the_culprit() -> None:
    error = exits.failure(23, where="prepare")
    assert (error.code, error.where) == ("postgres-password", "prepare")
    assert error.suggestion
    killed = exits.failure(137, where="prepare")
    assert killed.code == "prepare-failed"
    assert "137" in killed.message


def test_docker_files_are_found_in_a_wheel_and_in_a_checkout(tmp_path: Path) -> None:
    package = tmp_path / "src" / "memdeploy"
    package.mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        docker_files(package)
    for folder in (tmp_path / "docker", package / "_docker"):
        folder.mkdir()
        (folder / "Dockerfile").touch()
        assert docker_files(package) == folder
