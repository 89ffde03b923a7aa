"""A Python that MemMachine can run on, among those that this machine has. memdeploy's own may be too old for it.

What a name promises proves nothing: pyenv's shims answer to versions that are not active, and a Python built without
SQLite's or OpenSSL's headers lacks a module. So each is run and asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from memdeploy.errors import Refused

Installed = tuple[str, Path]
"A version such as `3.12.1`, and the folder whose `bin` has its interpreter."
MINORS = (12, 13, 14)
"Of Python 3, the best tried one first: MemMachine needs 3.12, and the lock has wheels for these."
SECONDS = 20.0
SHIMS = "shims"
_ASK = """
import json, sys
missing = []
for name in ("ctypes", "sqlite3", "ssl", "zlib"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print(json.dumps({"version": list(sys.version_info[:3]), "kind": sys.implementation.name, "path": sys.executable,
                  "missing": missing, "threads": "t" in getattr(sys, "abiflags", ""), "wide": sys.maxsize > 2**32}))
"""
REMEDIES = (
    "Install Python 3.12 or 3.13 (`uv python install 3.12`, `pyenv install 3.12`, your system's packages, or"
    " python.org), or name one with --local-python."
)


@dataclass(frozen=True)
class Interpreter:
    """`version` such as `3.12.1`."""

    path: str
    version: str


@dataclass(frozen=True)
class Unfit:
    path: str
    reason: str


def find(
    configured: str | None, environ: Mapping[str, str], home: Path, more: Iterable[Installed] = ()
) -> Interpreter | None:
    """`more`: installations besides those of PATH and pyenv. None when there is none. Raises `Refused` when the one
    that was asked for will not do."""
    if configured is not None:
        found = ask(configured)
        if isinstance(found, Unfit):
            raise Refused(
                f"{configured} cannot run MemMachine: {found.reason}",
                code="python-unfit",
                where="local.python",
                suggestion=f"{REMEDIES} Or leave it out: memdeploy then looks for one.",
            )
        return found
    for path in candidates(environ, home, more):
        found = ask(path)
        if isinstance(found, Interpreter):
            return found
    return None


def candidates(environ: Mapping[str, str], home: Path, more: Iterable[Installed] = ()) -> Iterator[str]:
    """The best promise first, each file once: by version, then PATH before pyenv before `more`."""
    seen: set[Path] = set()
    installed = [*_pyenv(environ, home), *more]
    for name in (*(f"python3.{minor}" for minor in MINORS), "python3", "python"):
        minor = name.removeprefix("python3.")
        places = [found] if (found := shutil.which(name, path=environ.get("PATH", ""))) else []
        places += [str(path / "bin" / "python3") for version, path in installed if version.startswith(f"3.{minor}.")]
        for place in places:
            path = Path(place).resolve()
            # A shim is one file for all names; what it answers depends on the name.
            key = path if path.parent.name != SHIMS else Path(place)
            if path.exists() and key not in seen:
                seen.add(key)
                yield place


def _pyenv(environ: Mapping[str, str], home: Path) -> list[Installed]:
    """Its versions, active or not; the newest of each minor version first. Where it is not told, its shims tell."""
    shims = [Path(place).parent for place in environ.get("PATH", "").split(os.pathsep) if Path(place).name == SHIMS]
    told = environ.get("PYENV_ROOT")
    roots = dict.fromkeys([*([Path(told)] if told else []), home / ".pyenv", *shims])
    every = [path for root in roots for path in (root / "versions").glob("3.*")]
    plain = [(path.name, path) for path in every if re.fullmatch(r"3\.\d+\.\d+", path.name)]
    return sorted(plain, key=lambda found: [int(part) for part in found[0].split(".")], reverse=True)


def ask(path: str) -> Interpreter | Unfit:
    """Runs it, with nothing of its surroundings but what it needs to start."""
    try:
        said = subprocess.run(
            [path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
        facts = json.loads(said.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        return Unfit(path, f"it does not run ({type(error).__name__})")
    except (ValueError, IndexError):
        return Unfit(path, "it does not answer as a Python does")
    reason = _unfit(facts)
    version = ".".join(str(number) for number in facts["version"])
    return Unfit(path, reason) if reason else Interpreter(facts["path"], version)


def _unfit(facts: Mapping[str, object]) -> str | None:
    version, missing = facts["version"], facts["missing"]
    assert isinstance(version, list) and isinstance(missing, list)  # noqa: PT018 (what _ASK prints)
    if version[0] != 3 or version[1] not in MINORS:
        return f"it is Python {'.'.join(map(str, version))}; 3.{MINORS[0]} to 3.{MINORS[-1]} will do"
    if facts["kind"] != "cpython" or facts["threads"] or not facts["wide"]:
        return "it is no ordinary 64-bit CPython"
    if missing:
        return f"it was built without {', '.join(missing)}"
    return None
