"""Worlds with something wrong in them, and the proof that nothing was touched there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

#: Where the APIs that tell are on: where they are off, enabling them is the first thing that can be refused.
ON = [f"{name}.googleapis.com" for name in ("cloudresourcemanager", "cloudbilling", "compute", "iam")]


def untouched(memdeploy: Memdeploy, cloud: Rehearsed, since: int) -> None:
    assert [r for r in cloud.requests(since) if r["mutates"]] == []
    assert not list(memdeploy.state.glob("[a-z]*")), "a deployment that was never begun was remembered"


@contextlib.contextmanager
def served(tmp_path: Path, world: Mapping[str, Any]) -> Iterator[tuple[Memdeploy, Rehearsed]]:
    file = tmp_path / "world.yaml"
    file.write_text(yaml.safe_dump(world))
    (tmp_path / "user").mkdir()
    rehearsed = Rehearsed.serve(tmp_path / "cloud", world=file)
    try:
        yield Memdeploy(tmp_path / "user", rehearsed.environment), rehearsed
    finally:
        rehearsed.stop()
