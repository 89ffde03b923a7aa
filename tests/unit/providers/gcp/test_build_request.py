"""A Cloud Build build without a bucket: its steps, executed by a real shell, give the files back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from memdeploy.memmachine import image as recipe
from memdeploy.memmachine import releases
from memdeploy.memmachine.files import docker_files
from memdeploy.providers.gcp import build_request
from memdeploy.providers.gcp.image_registry import manifest_url

ACCOUNT = "projects/proj-1/serviceAccounts/bld@proj-1.iam.gserviceaccount.com"


def body() -> tuple[dict[str, Any], recipe.BuildInputs]:
    release = releases.find(releases.DEFAULT)
    inputs = recipe.build_inputs(release, source="pypi", base="python:3.12-slim-trixie", folder=docker_files())
    made = build_request.build_body(
        image="host/repo/app:tag",
        arguments=inputs.args,
        files=inputs.files,
        account=ACCOUNT,
        tags=("memdeploy-id", "tag"),
    )
    return made, inputs


def test_the_steps_give_the_files_back(tmp_path: Path) -> None:
    made, inputs = body()

    for step in made["steps"][:-1]:
        assert step["entrypoint"] == "sh"
        line = step["args"][1].replace("/workspace", str(tmp_path))
        subprocess.run(["sh", "-c", line], check=True)

    context = tmp_path / "context"
    found = {str(p.relative_to(context)): p.read_bytes() for p in context.rglob("*") if p.is_file()}
    assert found == dict(inputs.files)


def test_the_steps_keep_cloud_builds_limits() -> None:
    made, _ = body()

    arguments = [argument for step in made["steps"] for argument in step["args"]]
    assert max(map(len, arguments)) < 8000
    assert len(made["steps"]) <= 100
    assert not [argument for argument in arguments if "$" in argument]


def test_the_build_says_who_and_where() -> None:
    made, inputs = body()

    assert made["options"] == {"logging": "CLOUD_LOGGING_ONLY"}
    assert made["serviceAccount"] == ACCOUNT
    assert made["images"] == ["host/repo/app:tag"]
    build = made["steps"][-1]["args"]
    assert build[0] == "build"
    assert f"BASE={inputs.base}" in build
    assert f"RELEASE={inputs.release}" in build


def test_the_same_files_are_packed_alike() -> None:
    files = {"b": b"2", "a/c": b"1"}

    assert build_request.pack(files) == build_request.pack(dict(reversed(files.items())))


def test_a_registry_is_asked_unencrypted_on_loopback_only() -> None:
    real = "us-central1-docker.pkg.dev/proj-1/hub/library/neo4j"

    assert manifest_url(real, "5.26") == "https://us-central1-docker.pkg.dev/v2/proj-1/hub/library/neo4j/manifests/5.26"
    assert manifest_url("127.0.0.1:5000/a/b", "t") == "http://127.0.0.1:5000/v2/a/b/manifests/t"
    assert manifest_url("localhost:5000/a", "t").startswith("http://")
    assert manifest_url("10.0.0.1:5000/a", "t").startswith("https://")
