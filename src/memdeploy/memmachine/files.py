"""Finds the folder `docker/`: beside `src` in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def docker_files(package: Path = PACKAGE) -> Path:
    """The folder that holds the Dockerfile, startup.sh and exit_codes.json."""
    for folder in (package / "_docker", package.parent.parent / "docker"):
        if (folder / "Dockerfile").is_file():
            return folder
    raise FileNotFoundError(f"memdeploy was installed without its docker files (looked beside {package})")
