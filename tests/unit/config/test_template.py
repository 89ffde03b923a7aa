"""The file that `init` writes says every option, and loads to exactly what was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memdeploy.config import document
from memdeploy.config.load import load
from memdeploy.config.model import Deployment, Provider
from memdeploy.config.options import OPTIONS
from memdeploy.config.template import template

GIVEN: list[dict[str, Any]] = [
    {"provider": "gcp"},
    {"provider": "gcp", "name": "support", "gcp.project": "acme-prod-1", "service.instances.max": 7},
    {
        "provider": "gcp", "gcp.labels": {"team": "on", "x": "yes"}, "model.key.file": "/run/key",
        "service.access": "invokers", "service.invokers": ["user:a@example.com"], "gcp.network.space": "10.80.0.0/15",
    },
    {"provider": "gcp", "neo4j.mode": "external", "neo4j.uri": "neo4j+s://x.example", "neo4j.password.secret": "n"},
]  # fmt: skip


@pytest.mark.parametrize("values", GIVEN)
def test_what_is_written_loads_to_what_was_given(values: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "memdeploy.yaml"
    path.write_text(template(values))
    written = load(file=path, flags={}, environ={}, folder=tmp_path)
    wanted = load(file=None, flags=values, environ={}, folder=tmp_path / "none")
    assert written.deployment == wanted.deployment
    assert written.from_file


def test_every_option_is_there_with_its_help() -> None:
    text = template({"provider": "gcp"})
    for option in OPTIONS:
        assert option.help.split(".")[0] in text, option.path


def test_uncommented_every_line_is_an_option(tmp_path: Path) -> None:
    """So that taking the mark off a line gives what its comment says."""
    head, *lines = template({"provider": "gcp"}).splitlines()
    assert head.startswith("# yaml-language-server")
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(line[2:] if line.startswith("# ") else line for line in lines))
    found = set(document.read(path).lines)
    assert {option.path for option in OPTIONS} <= found


def test_alone_it_is_a_deployment_of_defaults(tmp_path: Path) -> None:
    path = tmp_path / "memdeploy.yaml"
    path.write_text(template({"provider": "gcp"}))
    assert load(file=path, flags={}, environ={}, folder=tmp_path).deployment == Deployment(provider=Provider.GCP)
