"""Applies each listed one-line mutant to a copy of the project and shows which test turned red.

Exit 0 when every mutant is caught and the no-op stays green. A mutant whose line is no longer there fails: the list
must follow the code. Usage: python tests/mutants/run.py [NAME …]
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "docs", "docker", "pyproject.toml", "README.md", "LICENSE")
TIMEOUT = 600.0
AT_ONCE = 2


@dataclass(frozen=True)
class Mutant:
    """`old` occurs exactly once in `file`; `tests` are what to run; `survives` marks the no-op."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: bool = False


def load(path: Path) -> list[Mutant]:
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in yaml.safe_load(path.read_text())]


def mutated(mutant: Mutant, folder: Path) -> None:
    path = folder / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: its line occurs {text.count(mutant.old)} times in {mutant.file}")
    path.write_text(text.replace(mutant.old, mutant.new))


def copy(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        elif source.exists():
            shutil.copy(source, folder / name)


def run(mutant: Mutant) -> tuple[bool, str]:
    """(a test turned red, the first one that did)."""
    with tempfile.TemporaryDirectory(prefix="memdeploy-mutant-") as name:
        folder = Path(name)
        copy(folder)
        mutated(mutant, folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *mutant.tests],
            cwd=folder,
            env={"PYTHONPATH": str(folder / "src"), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": name},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    red = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{mutant.name}: pytest ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode == 1, red[1] if red else ""


def chosen(names: list[str]) -> list[Mutant]:
    """All without names. SystemExit for a name that no mutant has: nothing would be tried, and all be well."""
    mutants = load(Path(__file__).with_name("mutants.yaml"))
    unknown = sorted(set(names) - {mutant.name for mutant in mutants})
    if unknown:
        raise SystemExit(f"no mutant is named {', '.join(unknown)}; tests/mutants/mutants.yaml has them all")
    return [mutant for mutant in mutants if not names or mutant.name in names]


def main(names: list[str]) -> int:
    mutants = chosen(names)
    wrong = 0
    pool = ThreadPoolExecutor(AT_ONCE)
    for mutant, (red, test) in zip(mutants, pool.map(run, mutants), strict=True):
        good = red is not mutant.survives
        wrong += not good
        verdict = f"red: {test}" if red else "green"
        print(f"{'ok ' if good else 'BAD'} {mutant.name:<34} {verdict}", flush=True)
    print(f"{wrong} of the mutants not as expected" if wrong else "every mutant as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
