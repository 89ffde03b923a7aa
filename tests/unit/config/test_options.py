"""The table of options is the model: nothing missing, nothing more, the same choices; docs and schema are current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from memdeploy.config import docs, profiles
from memdeploy.config.load import load
from memdeploy.config.model import Deployment, Profile, Provider
from memdeploy.config.options import BY_PATH, OPTIONS, Option
from memdeploy.config.schema import schema

ROOT = Path(__file__).resolve().parents[3]


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from leaves(annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


#: Choice -> what else it needs.
NAMED = {"MEMDEPLOY_MODEL_CHAT": "m", "MEMDEPLOY_MODEL_EMBEDDING": "e"}
OTHERS_NEEDED = {
    "amazon-bedrock": {"MEMDEPLOY_MODEL_REGION": "us-east-1", **NAMED},
    "ollama": {"MEMDEPLOY_MODEL_BASE_URL": "http://h/v1", **NAMED},
}
MODEL = {path: field for path, field in leaves(Deployment) if path != "version"}


def test_every_option_of_the_model_is_in_the_table_and_no_other() -> None:
    assert set(BY_PATH) == set(MODEL)


def test_names_are_used_once() -> None:
    assert len({o.flag for o in OPTIONS}) == len({o.env for o in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.path)
def test_choices_are_those_of_the_model(option: Option) -> None:
    annotation = MODEL[option.path].annotation
    annotation = next((a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, StrEnum)), annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        assert option.choices == tuple(annotation)
    elif option.path == "postgres.version":
        assert option.choices == tuple(str(value) for value in get_args(annotation))
    else:
        assert option.choices == ()


@pytest.mark.parametrize("option", [o for o in OPTIONS if o.choices], ids=lambda o: o.path)
def test_every_choice_is_accepted(option: Option, tmp_path: Path) -> None:
    for choice in option.choices:
        environ = {"MEMDEPLOY_PROVIDER": "gcp", option.env: choice, "MEMDEPLOY_SERVICE_INVOKERS": "user:a@x.org"}
        if choice == "external":
            environ["MEMDEPLOY_NEO4J_URI"] = "neo4j+s://graph.example.com"
        environ |= OTHERS_NEEDED.get(choice, {})
        if choice != "invokers":
            del environ["MEMDEPLOY_SERVICE_INVOKERS"]
        assert load(file=None, flags={}, environ=environ, folder=tmp_path).deployment is not None


def test_defaults_are_those_of_the_model() -> None:
    deployment = Deployment(provider=Provider.GCP).model_dump(mode="json")
    for option in OPTIONS:
        value: Any = deployment
        for part in option.path.split("."):
            value = value[part]
        if isinstance(value, str | int):
            assert str(value) == option.default or option.path == "provider"


def test_the_documentation_is_current() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text()

    assert docs.marked(written) == docs.tables(), "run: make docs"


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "docs" / "memdeploy.schema.json").read_text())

    assert published == schema(), "run: make docs"


def test_the_schema_describes_every_option() -> None:
    text = json.dumps(schema())

    assert [o.path for o in OPTIONS if json.dumps(o.help)[1:-1] not in text] == []


def test_open_sizes_are_the_profiles() -> None:
    small = profiles.sizes(Deployment(provider=Provider.GCP, profile=Profile.SMALL))

    assert small == profiles.PROFILES[Profile.SMALL]


def test_a_size_that_is_set_wins_over_the_profile() -> None:
    deployment = Deployment.model_validate(
        {
            "provider": "gcp",
            "profile": "production",
            "postgres": {"tier": "db-custom-4-15360", "disk_gb": 100},
            "neo4j": {"machine": "e2-standard-4", "disk_gb": 200},
            "service": {"cpu": "4", "memory": "8Gi", "instances": {"min": 0, "max": 9}},
        }
    )

    assert profiles.sizes(deployment) == profiles.Sizes(
        "db-custom-4-15360", 100, True, "e2-standard-4", 200, 0, 9, "4", "8Gi"
    )


@pytest.mark.parametrize(
    ("instances", "expected"),
    [({"min": 6}, (6, 6)), ({"max": 1}, (0, 1)), ({}, (0, 4)), ({"min": 2, "max": 3}, (2, 3))],
)
def test_a_bound_that_is_set_moves_the_profiles_other(instances: dict[str, int], expected: tuple[int, int]) -> None:
    deployment = Deployment.model_validate({"provider": "gcp", "service": {"instances": instances}})
    found = profiles.sizes(deployment)

    assert (found.instances_min, found.instances_max) == expected
