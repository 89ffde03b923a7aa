"""The JSON Schema of memdeploy.yaml, for editors and CI: docs/memdeploy.schema.json is made of it."""

from __future__ import annotations

from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.config.options import OPTIONS, Option


def schema() -> dict[str, Any]:
    """Draft 2020-12, each option described in the table's words."""
    result = Deployment.model_json_schema()
    for option in OPTIONS:
        _describe(result, option)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "memdeploy.yaml",
        **_without_title(result),
    }


def _without_title(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key not in ("title", "description")}


def _describe(root: dict[str, Any], option: Option) -> None:
    node = root
    for part in option.path.split("."):
        node = _resolve(root, node)["properties"][part]
    note = f" Default: {option.default}." if option.default else ""
    node["description"] = f"{option.help}{note}"


def _resolve(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follows the `$ref` of a nested block."""
    if "$ref" not in node:
        return node
    found: dict[str, Any] = root["$defs"][node["$ref"].rpartition("/")[2]]
    return found
