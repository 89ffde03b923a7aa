#!/usr/bin/env python3
"""Writes which fields of requests are required, and which only the server writes. For maintainers.

    npm pack @google-cloud/run@3.3.0 @google-cloud/sql@0.25.0     and unpack each
    scripts/field_behavior.py FOLDER...                           each holds a package.json

Google's discovery documents do not say it; the .proto files that the Node packages ship do (google.api.field_behavior,
https://google.aip.dev/203). The table has facts only: message, field, behaviour. What is optional is left out.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "src" / "memdeploy" / "rehearsal" / "field_behavior.json"
COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
FIELD = re.compile(
    r"(?:(?:repeated|optional)\s+)?(?:map\s*<[^>]*>|[\w.]+)\s+(?P<name>\w+)\s*=\s*\d+\s*\[(?P<options>.*)\]", re.DOTALL
)
BEHAVIOR = re.compile(r"\(google\.api\.field_behavior\)\s*=\s*(\w+)")
PACKAGE = re.compile(r"^package\s+google\.cloud\.(?P<api>\w+)\.(?P<version>v\w+)", re.MULTILINE)


def without_comments(text: str) -> str:
    return COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)


def statements(text: str) -> Iterator[tuple[str, str]]:
    """(statement, its end: `{`, `}` or `;`), where braces within brackets are a part of the statement."""
    start = depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if depth == 0 and letter in "{};":
            yield text[start:index].strip(), letter
            start = index + 1


def fields(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(message, field, behaviours) of one file. A message within another goes by its own name, as in the documents."""
    inside: list[str] = []
    for statement, end in statements(without_comments(text)):
        if end == "{":
            kind, _, name = statement.partition(" ")
            # The options of a call are braces too; a oneof's fields are its message's.
            inside.append(name.strip() if kind == "message" else (inside[-1] if kind == "oneof" and inside else ""))
        elif end == "}":
            inside.pop()
        elif inside and inside[-1] and (found := FIELD.fullmatch(statement)):
            yield inside[-1], found["name"], BEHAVIOR.findall(found["options"])


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def read(folder: Path) -> dict[str, dict[str, list[str]]]:
    """`run.v2` -> `Service.template` -> behaviours."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.rglob("*.proto")):
        text = path.read_text()
        package = PACKAGE.search(text)
        if package is None:
            continue
        api = found.setdefault(f"{package['api']}.{package['version']}", {})
        for message, field, behaviors in fields(text):
            kept = sorted(set(behaviors) - {"OPTIONAL"})
            if kept:
                api[f"{message}.{camel(field)}"] = kept
    return {api: dict(sorted(table.items())) for api, table in sorted(found.items())}


def main(*folders: str) -> None:
    sources, apis = [], {}
    for folder in folders:
        (manifest,) = sorted(Path(folder).glob("**/package.json"))[:1]
        about = json.loads(manifest.read_text())
        sources.append({"package": about["name"], "version": about["version"], "read": f"{datetime.date.today()}"})
        apis |= read(manifest.parent)
    lines = [f' "{api}": {{\n' + ",\n".join(f'  "{k}": {json.dumps(v)}' for k, v in table.items()) + "\n }"
             for api, table in apis.items()]  # fmt: skip
    head = f' "sources": {json.dumps(sources)}'
    TABLE.write_text("{\n" + ",\n".join([head, *lines]) + "\n}\n")
    print(f"{TABLE}: {', '.join(f'{api} {len(table)}' for api, table in apis.items())}")


if __name__ == "__main__":
    main(*sys.argv[1:])
