"""`make up` on a machine with a Python and nothing else, by part: `python -m benchmarks.local [--pip]`.

A copy of this checkout, a HOME of its own, no container engine: nothing is there that an earlier run left. Then the
same again with everything in place, and a start after `destroy`. With --pip MemMachine's packages are also installed
with pip, which is what uv saves. Seconds of one run: the way to the package index is in them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UP = ("up", "--provider", "local", "--runtime", "embedded", "--yes", "--json")
KEPT = ("PATH", "LANG", "PYENV_ROOT", "SSL_CERT_FILE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX")
WORDS = {
    "python": "an interpreter is found",
    "environment": "MemMachine and its packages, compiled",
    "model": "the offline model",
    "prepare": "the model is asked",
    "service": "MemMachine starts",
    "verify": "a memory is stored and found",
}


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as name:
        machine = Machine(Path(name))
        try:
            rows = machine.first()
            rows += [("`up` again, nothing to do", machine.up()[0])]
            machine.memdeploy("destroy", "--yes", "--json")
            rows += [("`up` after `destroy`, memories kept", machine.up()[0])]
            if "--pip" in arguments:
                rows += [("(the same packages with pip, compiled)", machine.pip())]
        finally:
            machine.memdeploy("destroy", "--yes", "--delete-data", "--json")
        show(rows, machine.size())
    return 0


class Machine:
    def __init__(self, folder: Path) -> None:
        self.checkout, self.home = folder / "memdeploy", folder / "home"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.checkout)], check=True)
        self.home.mkdir()

    def environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**kept, "HOME": str(self.home), "DOCKER_HOST": "unix:///none", "CI": "true"}

    def first(self) -> list[tuple[str, float]]:
        started = time.monotonic()
        own = self._timed(["tools/environment.sh", "core"])
        whole, said = self.up()
        total = time.monotonic() - started
        steps = {step["name"]: step["seconds"] for step in said["steps"]}
        parts = [(words, steps[name]) for name, words in WORDS.items()]
        return [("memdeploy's own packages", own), *parts, ("`up`", whole), ("**`make up`**", total)]

    def up(self) -> tuple[float, Mapping[str, Any]]:
        started = time.monotonic()
        said = self.memdeploy(*UP)
        return time.monotonic() - started, said

    def memdeploy(self, *line: str) -> Mapping[str, Any]:
        done = subprocess.run(
            [".venv/bin/memdeploy", *line], cwd=self.checkout, env=self.environ(), stdout=subprocess.PIPE, check=False
        )
        answer = json.loads(done.stdout)
        if done.returncode:
            sys.exit(json.dumps(answer["errors"], indent=1))
        found: Mapping[str, Any] = answer["data"]
        return found

    def pip(self) -> float:
        """Into an environment of the same interpreter."""
        (made,) = self._environments()
        target, lock = self.home / "pip", self.checkout / "docker/requirements/embedded-0.4.0.txt"
        python = str((made / "bin" / "python").resolve())
        subprocess.run([python, "-m", "venv", str(target)], check=True)
        install = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        return self._timed([*install, "--no-cache-dir", "--no-deps", "--require-hashes", "-r", str(lock)])

    def size(self) -> float:
        """Megabytes that stay in the cache."""
        found = {(path.stat().st_ino, path.stat().st_size) for made in self._environments() for path in _files(made)}
        return sum(size for _, size in found) / 1_000_000

    def _environments(self) -> list[Path]:
        return list((self.home / ".cache/memdeploy/environments").glob("memmachine-*"))

    def _timed(self, line: Sequence[str]) -> float:
        started = time.monotonic()
        subprocess.run(line, cwd=self.checkout, env=self.environ(), check=True, stderr=subprocess.DEVNULL)
        return time.monotonic() - started


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def show(rows: Sequence[tuple[str, float]], megabytes: float) -> None:
    print("| part | seconds |\n|---|---|")
    for words, seconds in rows:
        print(f"| {words} | {seconds:.1f} |")
    print(f"\nThe cache of packages: {megabytes:.0f} MB. Load average: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
