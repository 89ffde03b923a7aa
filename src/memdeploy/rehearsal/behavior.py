"""Which fields of a request must be there, and which only the server writes. https://google.aip.dev/203

The facts are in `field_behavior.json`, from the .proto files of the packages that it names (scripts/field_behavior.py):
the discovery documents do not have them. There are tables for Cloud Run v2 and Cloud SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from memdeploy.rehearsal.documents import Document

Json = Mapping[str, Any]
#: (service, version of the document) -> the table's name, and what the document puts before a message's.
_TABLES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("run", "v2"): ("run.v2", "GoogleCloudRunV2"),
    ("sqladmin", "v1"): ("sql.v1", ""),
    ("sqladmin", "v1beta4"): ("sql.v1beta4", ""),
}


class Behavior:
    """Of one API's messages."""

    def __init__(self, document: Document) -> None:
        self._schemas = document.schemas
        table, self._prefix = _TABLES.get((document.service, document.version), ("", ""))
        self._fields = _read().get(table, {})

    def missing(self, schema: str, body: Json, *, partial: bool = False) -> list[str]:
        """The paths of required fields that are not there, in the body's own names (`template.containers[0].image`).
        `partial`: only some fields are sent, as in an update; the items of a list are whole nevertheless."""
        return list(self._missing({"$ref": schema}, body, "", partial)) if self._fields else []

    def cleared(self, schema: str, body: Json) -> dict[str, Any]:
        """The body without what only the server writes."""
        return dict(self._cleared({"$ref": schema}, body)) if self._fields else dict(body)

    def _is(self, kind: str, message: str, field: str) -> bool:
        return kind in self._fields.get(f"{message.removeprefix(self._prefix)}.{field}", ())

    def _missing(self, schema: Json, value: Any, at: str, partial: bool) -> Iterator[str]:
        message, properties = self._properties(schema)
        if isinstance(value, list):
            for index, part in enumerate(value):
                yield from self._missing(schema.get("items", {}), part, f"{at}[{index}]", partial=False)
        elif isinstance(value, Mapping) and properties:
            for name, field in properties.items():
                where = f"{at}.{name}".lstrip(".")
                if not partial and self._is("REQUIRED", message, name) and value.get(name) in (None, "", [], {}):
                    yield where
                elif value.get(name) is not None:
                    yield from self._missing(field, value[name], where, partial)

    def _cleared(self, schema: Json, value: Any) -> Any:
        message, properties = self._properties(schema)
        if isinstance(value, list):
            return [self._cleared(schema.get("items", {}), part) for part in value]
        if not isinstance(value, Mapping) or not properties:
            return value
        return {
            name: self._cleared(properties.get(name, {}), part)
            for name, part in value.items()
            if not self._is("OUTPUT_ONLY", message, name)
        }

    def _properties(self, schema: Json) -> tuple[str, Json]:
        """The message's name and fields; none for maps, lists and scalars."""
        name = str(schema.get("$ref", ""))
        return name, (self._schemas[name] if name else schema).get("properties", {})


@cache
def _read() -> Mapping[str, Mapping[str, list[str]]]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("field_behavior.json").read_text())
    return {name: table for name, table in found.items() if name != "sources"}


def words(schema: str, leaf: str, missing: list[str]) -> list[str]:
    """As Cloud Run says it (googleapis/google-cloud-java#11101), in the names of the .proto files."""
    short = schema.removeprefix("GoogleCloudRunV2")
    if short == schema:
        return [f"Invalid request: required field not present: {path}" for path in missing]
    request = f"{'Create' if leaf == 'create' else 'Update'}{short}Request.{short.lower()}"
    return [f"Violation in {request}.{snake(path)}: required field not present." for path in missing]


def snake(path: str) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found[0].lower()}", path)
