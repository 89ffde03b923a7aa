"""What a command costs before it does anything, against an empty Typer application: `python -m benchmarks.startup`.

Processor time (user and system) of whole processes, the smallest of ROUNDS, in turns, so that whatever else the machine
does meets all of them. Exits 1 when a ratio is above its target.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 15
EMPTY = "import typer\napp = typer.Typer()\n@app.command()\ndef main() -> None: ...\napp()\n"
COMPLETION = {"_MEMDEPLOY_COMPLETE": "complete_bash", "COMP_WORDS": "memdeploy st", "COMP_CWORD": "1"}


@dataclass(frozen=True)
class Case:
    """`against`: the name of the case that it is measured by."""

    name: str
    line: Sequence[str]
    against: str
    target: float
    environment: Mapping[str, str] | None = None


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        empty, state = Path(folder) / "empty.py", Path(folder) / "state"
        empty.write_text(EMPTY)
        deploy(state)
        return show(measure(cases(empty, state)))


def cases(empty: Path, state: Path) -> list[Case]:
    python, own = sys.executable, [sys.executable, "-m", "memdeploy"]
    return [
        Case("empty --help", [python, str(empty), "--help"], "empty --help", 1.0),
        Case("empty", [python, str(empty)], "empty", 1.0),
        Case("--help", [*own, "--help"], "empty --help", 1.5),
        Case("--version", [*own, "--version"], "empty", 1.5),
        Case("completion", own, "empty", 1.5, COMPLETION),
        Case("status --cached", [*own, "status", "--cached", "--state", str(state)], "empty", 2.0),
    ]


def deploy(state: Path) -> None:
    """Something to have a status of: rehearsed, the API alone."""
    line = [sys.executable, "-m", "memdeploy", "up", "--provider", "gcp", "--rehearse", "--backing", "none", "--yes"]
    subprocess.run([*line, "--json", "--state", str(state)], check=True, stdout=subprocess.DEVNULL)


def measure(found: Sequence[Case]) -> dict[str, tuple[Case, float]]:
    best = dict.fromkeys((case.name for case in found), float("inf"))
    for _ in range(ROUNDS):
        for case in found:
            best[case.name] = min(best[case.name], seconds(case))
    return {case.name: (case, best[case.name]) for case in found}


def seconds(case: Case) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, **(case.environment or {})}
    subprocess.run(case.line, env=environment, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def show(found: Mapping[str, tuple[Case, float]]) -> int:
    print("| command | CPU seconds | ratio | target |\n|---|---|---|---|")
    good = True
    for case, cpu in found.values():
        ratio = cpu / found[case.against][1]
        good = good and ratio <= case.target
        print(f"| {case.name} | {cpu:.3f} | {ratio:.2f} of `{case.against}` | {case.target:g} |")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
