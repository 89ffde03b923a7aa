#!/usr/bin/env python3
"""Writes the hash lock of an environment for the embedded runtime. For maintainers; needs uv.

    .venv/bin/python scripts/lock_embedded.py RELEASE        e.g. 0.4.0

For every Python from 3.12 on and every Linux and macOS, so with the hashes of all wheels; the versions are those of the
image's lock (`lock_image.py` comes first), so that both runtimes run the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from uv import find_uv_bin

FOLDER = Path(__file__).resolve().parent.parent / "docker" / "requirements"
ELSEWHERE = ("sys_platform == 'win32'", "sys_platform == 'emscripten'")
LEFT_OUT = frozenset({"neo4j-rust-ext"})
"It makes Neo4j's driver faster, which nobody calls here."


def versions(image_lock: str) -> list[str]:
    """`name==version` of each line."""
    pins = [line.split()[0] for line in image_lock.splitlines() if line and not line.startswith("#")]
    return [pin for pin in pins if pin.split("==")[0] not in LEFT_OUT]


def resolve(release: str, constraints: list[str]) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        wanted, limits = Path(scratch) / "in.txt", Path(scratch) / "limits.txt"
        wanted.write_text(f"memmachine-server=={release}\nmemmachine-common=={release}\n")
        limits.write_text("\n".join(constraints))
        command = [find_uv_bin(), "pip", "compile", "--no-config", "--quiet", "--universal", "--python-version", "3.12"]
        command += ["--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--constraint", str(limits), str(wanted)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def here(lock: str) -> str:
    """Without what is for other systems: an entry goes from its name to the next name."""
    kept, wanted = [], True
    for line in lock.splitlines():
        if line and not line[0].isspace():
            wanted = not any(marker in line for marker in ELSEWHERE)
        if wanted:
            kept.append(line)
    return "\n".join(kept) + "\n"


def main(release: str) -> None:
    constraints = versions((FOLDER / f"memmachine-{release}.txt").read_text())
    comment = f"# MemMachine {release} for the embedded runtime; made by scripts/lock_embedded.py\n"
    (FOLDER / f"embedded-{release}.txt").write_text(comment + here(resolve(release, constraints)))


if __name__ == "__main__":
    main(*sys.argv[1:])
