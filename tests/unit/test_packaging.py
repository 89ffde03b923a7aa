"""The wheel works when it is installed elsewhere; the locks are hashed and name no host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_BUILD = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return folder / built.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel unpacked; dependencies come from this one's packages, not the project."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # A path line adds our packages without processing their .pth files, so the editable project stays out.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder


def run(installed: Path, *arguments: str) -> str:
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(installed / "bin" / "python"), *arguments],
        cwd=installed, env=environ, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def test_it_runs(installed: Path) -> None:
    assert run(installed, "-m", "memdeploy", "version").startswith("memdeploy ")
    assert "Commands:" in run(installed, "-m", "memdeploy", "--help")


def test_what_is_run_is_the_wheel(installed: Path) -> None:
    where = run(installed, "-c", "import memdeploy; print(memdeploy.__file__)").strip()

    assert Path(where).is_relative_to(installed)


def test_the_containers_files_travel_inside(installed: Path) -> None:
    found = Path(
        run(installed, "-c", "from memdeploy.memmachine.files import docker_files; print(docker_files())").strip()
    )

    assert found.is_relative_to(installed)
    there = {str(p.relative_to(found)) for p in found.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    ours = {str(p.relative_to(ROOT / "docker")) for p in (ROOT / "docker").rglob("*") if p.is_file()}
    assert {p for p in ours if "__pycache__" not in p} == there
    assert {"Dockerfile", "startup.sh", "configure.py"} <= there


def test_every_module_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    ours = {str(p.relative_to(source)) for p in (source / "memdeploy").rglob("*") if p.is_file()}

    assert {name for name in ours if "__pycache__" not in name} - names == set()
    assert any(name.endswith("neo4j_boot.sh") for name in names)


def test_the_wheel_names_licence_and_entry_point(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = {name.split("/", 1)[1]: name for name in archive.namelist() if ".dist-info/" in name}

    assert "licenses/LICENSE" in names
    assert "memdeploy = memdeploy.__main__:main" in archive.read(names["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in archive.read(names["METADATA"]).decode()


@pytest.mark.parametrize("lock", ["core.txt", "build.txt", "dev.txt"])
def test_locks_pin_and_hash_everything_and_name_no_host(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    entries = [e for e in re.split(r"\n(?=\S)", text.replace("\\\n", " ")) if e.strip() and not e.startswith("#")]

    assert entries
    assert [e for e in entries if not re.match(r"[a-z0-9._\[\]-]+==\S+", e) or "--hash=sha256:" not in e] == []
    assert "://" not in text
    assert not re.search(r"^\s*-(i|f|-index|-find|-extra)", text, re.MULTILINE)


def test_the_core_lock_holds_every_dependency_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "core.txt").read_text(), re.MULTILINE))
    wanted = {re.split(r"[<>=!~\[ ]", d)[0] for d in project["dependencies"]}

    assert wanted - locked == set()
