#!/usr/bin/env python3
"""Writes the hash locks of the container image. For maintainers; needs CPython 3.12 with pip on PATH.

    python3.12 scripts/lock_image.py RELEASE        e.g. 0.4.0

One line a package: the wheels that pip chooses for linux/amd64 and linux/arm64 with CPython 3.12 (glibc 2.41 and older:
Debian 13), with their hashes only. All hashes of all wheels would be many times as large, and the file must travel in
arguments of a build step.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

DOCKER = Path(__file__).resolve().parent.parent / "docker"
FOLDER = DOCKER / "requirements"
GLIBC = range(41, 4, -1)
AMD64, ARM64 = "x86_64", "aarch64"
LEGACY = {AMD64: ("manylinux2014", "manylinux2010", "manylinux1", "linux"), ARM64: ("manylinux2014", "linux")}
NLTK_DATA = "llama-index-core==0.14.25"


def resolve(*requirements: str, dependencies: bool = True, machine: str = AMD64) -> list[dict[str, str]]:
    """Name, version and sha256 of every wheel pip would install."""
    tags = [*(f"manylinux_2_{minor}" for minor in GLIBC), *LEGACY[machine]]
    platforms = [f"{tag}_{machine}" for tag in tags]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = ["python3.12", "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary", ":all:", "--python-version", "3.12", "--implementation", "cp"]
        command += [argument for tag in platforms for argument in ("--platform", tag)]
        command += ["--target", f"{folder}/none", "--report", str(report), *requirements]
        if not dependencies:
            command.append("--no-deps")
        subprocess.run(command, check=True)
        installs = json.loads(report.read_text())["install"]
    return [
        {
            "name": item["metadata"]["name"].lower().replace("_", "-"),
            "version": item["metadata"]["version"],
            "sha256": item["download_info"]["archive_info"]["hashes"]["sha256"],
        }
        for item in installs
    ]


def for_arm64(packages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same packages in the same versions: what amd64 does not need, arm64 does not get."""
    pinned = [f"{package['name']}=={package['version']}" for package in packages]
    return resolve(*pinned, dependencies=False, machine=ARM64)


def render(packages: list[dict[str, str]], comment: str, others: list[dict[str, str]] | None = None) -> str:
    """`others`: wheels of the same packages for another machine."""
    hashes: dict[str, dict[str, None]] = {}
    for package in [*packages, *(others or [])]:
        hashes.setdefault(f"{package['name']}=={package['version']}", {})[package["sha256"]] = None
    lines = [" ".join([name, *(f"--hash=sha256:{one}" for one in several)]) for name, several in hashes.items()]
    return "\n".join([f"# {comment}", *sorted(lines)]) + "\n"


def version(packages: list[dict[str, str]], name: str) -> str:
    return next(p["version"] for p in packages if p["name"] == name)


def main(release: str) -> None:
    facts = json.loads((DOCKER / "releases" / f"{release}.json").read_text())
    if not facts["packages"]:
        added = "What is added to upstream's image, linux/amd64, CPython 3.12; made by scripts/lock_image.py"
        lock = render(resolve(*facts["adds"], dependencies=False), f"MemMachine {release}. {added}")
        (FOLDER / f"memmachine-{release}.txt").write_text(lock)
        return
    server = [f"{package}=={release}" for package in facts["packages"]]
    driver = version(resolve(*server), "neo4j")
    packages = resolve(*server, f"neo4j-rust-ext=={driver}.*")
    locked = f"MemMachine {release}, linux/amd64 and linux/arm64, CPython 3.12; made by scripts/lock_image.py"
    (FOLDER / f"memmachine-{release}.txt").write_text(render(packages, locked, for_arm64(packages)))
    data = resolve(NLTK_DATA, dependencies=False)
    (FOLDER / "nltk-data.txt").write_text(render(data, "Ships NLTK's stopwords and punkt_tab; only these are taken."))


if __name__ == "__main__":
    main(*sys.argv[1:])
