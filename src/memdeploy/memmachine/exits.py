"""What an exit code of the container means: the one table `docker/exit_codes.json`, which the image reads too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from memdeploy.errors import StepFailed
from memdeploy.memmachine.files import docker_files


@dataclass(frozen=True)
class Culprit:
    """`culprit` is a stable word: `postgres-password`, `neo4j-tls`, `model-key`, …"""

    culprit: str
    message: str
    suggestion: str


def culprit(code: int, folder: Path | None = None) -> Culprit | None:
    """None for codes that are not the container's own (137: killed; 1: an accident)."""
    table = json.loads(((folder or docker_files()) / "exit_codes.json").read_text())
    entry = table.get(str(code))
    return Culprit(entry["culprit"], entry["message"], entry["suggestion"]) if entry else None


def failure(code: int, *, where: str, what: str = "prepare", folder: Path | None = None) -> StepFailed:
    """The error for a container that ended with `code`; its `code` is the culprit's word."""
    found = culprit(code, folder)
    if found is None:
        text = f"{what} ended with exit code {code}, which is none of its own"
        return StepFailed(text, code=f"{what}-failed", where=where, suggestion="Its log names the cause.")
    return StepFailed(found.message, code=found.culprit, where=where, suggestion=found.suggestion)
