"""A JSON body against a discovery schema: what is wrong in Google's words, and the body in its regular form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import camel

Schema = Mapping[str, Any]
WHOLE = re.compile(r"-?\d+")

# Discovery documents list an enum's names without their numbers. The list's order is the numbers' order, but for these,
# compared with the protobuf descriptors of google-cloud-run 0.16.2 and google-cloud-secret-manager 2.32.0.
LAUNCH_STAGE = (0, 6, 7, 1, 2, 3, 4, 5)
NUMBERS: Mapping[str, tuple[int, ...]] = {
    "launchStage": LAUNCH_STAGE,
    "releaseTrack": LAUNCH_STAGE,
    "secretType": (0, 1, 2, 3, 4, 50),
}


class Checker:
    def __init__(self, schemas: Mapping[str, Schema], tolerated: frozenset[str] = frozenset()) -> None:
        """`tolerated` names may stand at the top of the body without being fields: the path's parameters."""
        self._schemas = schemas
        self._tolerated = tolerated
        self.errors: list[str] = []

    def message(self, schema: str, value: dict[str, Any]) -> dict[str, Any]:
        regular: dict[str, Any] = self._object(self._schemas[schema], value, "")
        return regular

    def _value(self, schema: Schema, value: Any, at: str) -> Any:
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"]]
        if value is None:
            return None
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, value, at)
        if kind == "array":
            return self._array(schema["items"], value, at)
        if "enum" in schema:
            return self._enum(schema, value, at)
        return self._scalar(kind, schema.get("format"), value, at)

    def _object(self, schema: Schema, value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(at, "object", value)
        properties, free = schema.get("properties", {}), schema.get("additionalProperties")
        regular: dict[str, Any] = {}
        for name, part in value.items():
            key = name if name in properties else camel(name)
            if key in properties:
                regular[key] = self._value(properties[key], part, f"{at}.{key}".lstrip("."))
            elif free is not None:
                regular[name] = self._value(free, part, f"{at}.{name}".lstrip("."))
            elif properties and not (at == "" and key in self._tolerated):
                where = f" at '{at}'" if at else ""
                self.errors.append(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
            elif not properties:
                regular[name] = part
        return regular

    def _array(self, items: Schema, value: Any, at: str) -> Any:
        if not isinstance(value, list):
            return self._wrong(at, "repeated", value)
        return [self._value(items, part, f"{at}[{i}]") for i, part in enumerate(value)]

    def _enum(self, schema: Schema, value: Any, at: str) -> Any:
        names = schema["enum"]
        if isinstance(value, int) and not isinstance(value, bool):
            numbers = NUMBERS.get(at.rsplit(".", 1)[-1], range(len(names)))
            by_number = dict(zip(numbers, names, strict=False))
            return by_number.get(value) or self._wrong(at, "TYPE_ENUM", value)
        if value == "" or value in names:
            return value
        return self._wrong(at, "TYPE_ENUM", value)

    def _scalar(self, kind: str | None, form: str | None, value: Any, at: str) -> Any:
        if kind == "boolean":
            return value if isinstance(value, bool) else self._wrong(at, "TYPE_BOOL", value)
        if kind == "integer":
            return int(value) if _whole(value) else self._wrong(at, "TYPE_INT32", value)
        if kind == "number":
            good = isinstance(value, int | float) and not isinstance(value, bool)
            return value if good else self._wrong(at, "TYPE_DOUBLE", value)
        if kind == "string" and form in ("int64", "uint64"):
            return str(value) if _whole(value) else self._wrong(at, "TYPE_INT64", value)
        if kind == "string":
            return value if isinstance(value, str) else self._wrong(at, "TYPE_STRING", value)
        return value

    def _wrong(self, at: str, kind: str, value: Any) -> Any:
        self.errors.append(f"Invalid value at '{at}' ({kind}), {json.dumps(value)[:60]}")
        return value


def _whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or bool(WHOLE.fullmatch(str(value))))
