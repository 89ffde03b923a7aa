"""Images by the hash of what they are made from: built when the hash is new, never over somebody else's image."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.shell import run

LABEL = "memdeploy.rig.key"
CLASSIC = {"DOCKER_BUILDKIT": "0"}  # Debian's engine has no other builder, and neither may docker/Dockerfile need one


@dataclass(frozen=True)
class Image:
    """`key` hashes all inputs, the parent's key among them. `build(key)` makes the image with that label."""

    tag: str
    key: str
    build: Callable[[str], None]
    parents: tuple[str, ...] = ()


def key_of(*parts: str | bytes | Path) -> str:
    """Hash of texts and files; a folder counts with the names, modes and contents of all its files."""
    digest = hashlib.sha256()
    for part in parts:
        for chunk in _chunks(part):
            digest.update(len(chunk).to_bytes(8, "big") + chunk)
    return digest.hexdigest()[:16]


def _chunks(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, Path):
        files = [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file())
        for path in files:
            if "__pycache__" not in path.parts:
                yield str(path.relative_to(part)).encode() + oct(path.stat().st_mode & 0o111).encode()
                yield path.read_bytes()
    else:
        yield part if isinstance(part, bytes) else part.encode()


def present(tags: list[str]) -> dict[str, str | None]:
    """Tag -> our label's value for images that are there; '' when it is not ours."""
    done = subprocess.run(["docker", "image", "inspect", *tags], capture_output=True, text=True, check=False)
    found: dict[str, str | None] = dict.fromkeys(tags)
    for item in json.loads(done.stdout or "[]"):
        key = ((item.get("Config") or {}).get("Labels") or {}).get(LABEL, "")
        found.update({tag: key for tag in item.get("RepoTags") or [] if tag in found})
    return found


def build(tag: str, key: str, context: Path, *, args: dict[str, str] | None = None, file: Path | None = None) -> None:
    command = ["docker", "build", "--quiet", "--tag", tag, "--label", f"{LABEL}={key}"]
    for name, value in (args or {}).items():
        command += ["--build-arg", f"{name}={value}"]
    run([*command, *(["--file", str(file)] if file else []), str(context)], env=CLASSIC)


@contextmanager
def context_of(folder: Path, work: Path) -> Iterator[Path]:
    """A copy of an image's folder to add big files to."""
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        copy = Path(scratch) / "context"
        shutil.copytree(folder, copy)
        yield copy
