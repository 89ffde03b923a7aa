import io
import tarfile
from pathlib import Path

from memdeploy.rehearsal.backing.guest import docker


def test_sources_of_mounts_are_told_as_they_really_lie(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "mnt").symlink_to(tmp_path / "disk")
    argv = [
        "run",
        "-v",
        f"{tmp_path}/mnt/a:/a",
        "--mount",
        f"type=bind,source={tmp_path}/mnt/b,target=/b,readonly",
        "i",
    ]
    assert docker.resolve_all(argv) == [
        "run",
        "-v",
        f"{tmp_path}/disk/a:/a",
        "--mount",
        f"type=bind,source={tmp_path}/disk/b,target=/b,readonly",
        "i",
    ]


def test_the_context_is_the_operand_of_build() -> None:
    assert docker.context_of(["build", "-t", "x:1", "--build-arg", "A=b", "ctx"]) == "ctx"
    assert docker.context_of(["build", "ctx", "--tag=x:1"]) == "ctx"
    assert docker.context_of(["build", "-t", "x", "-"]) == "-"


def test_a_context_is_packed_without_what_is_ignored(tmp_path: Path) -> None:
    for name in ("Dockerfile", "app.py", "secret.env"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".dockerignore").write_text("# none\n*.env\n")
    packed = io.BytesIO()
    docker.pack(tmp_path, packed)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        names = {member.name.removeprefix("./") for member in tar if member.isfile()}
    assert names == {"Dockerfile", "app.py", ".dockerignore"}
