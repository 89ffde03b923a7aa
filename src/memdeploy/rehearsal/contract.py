"""Every request against the cloud's published contract: path, query names, the body's fields, types and enums.

Tolerated because real traffic shows that Google tolerates it (a replay of thousands of recorded requests): path
parameters repeated in the body, empty strings for enums, snake_case names in queries and bodies. REST GAPIC clients
send enums as numbers (`$alt=json;enum-encoding=int`); rules see names.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from memdeploy.rehearsal.behavior import Behavior, words
from memdeploy.rehearsal.bodies import Checker
from memdeploy.rehearsal.call import Method, camel
from memdeploy.rehearsal.documents import VERSIONS, Document, Template, read
from memdeploy.rehearsal.refusal import Refusal, invalid

# System parameters: https://cloud.google.com/apis/docs/system-parameters; not all stand in every document.
COMMON = frozenset({"$alt", "$apiVersion", "$httpMethod", "$prettyPrint", "$fields", "userIp"})
# Query names that are in older published documents and clients (gcloud SDK 528, lists of compute) and no longer in this
# one; the servers go on taking them.
OLDER: Mapping[str, frozenset[str]] = {"compute": frozenset({"returnPartialSuccess"})}
UNKNOWN_QUERY = (
    'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    " Field '{name}' could not be found in request message."
)


@dataclass(frozen=True)
class Match:
    document: Document
    method: Method
    params: Mapping[str, str]


class Contract:
    """The documents of all services, each parsed at its first use and kept."""

    def __init__(self) -> None:
        self._documents: dict[str, tuple[Document, ...]] = {}
        self._lock = threading.Lock()

    def documents(self, service: str) -> tuple[Document, ...]:
        with self._lock:
            if service not in self._documents:
                self._documents[service] = tuple(read(service, name) for name in VERSIONS.get(service, ()))
            return self._documents[service]

    def match(self, service: str, verb: str, raw_path: str) -> Match | None:
        """`raw_path` is still percent-encoded and has no leading slash: an encoded slash separates nothing."""
        for document in self.documents(service):
            for template in _candidates(document, verb, raw_path):
                found = template.parameters.fullmatch(unquote(raw_path))
                if found:
                    return Match(document, template.method, found.groupdict())
        return None

    def query(self, match: Match, raw: str) -> dict[str, list[str]]:
        """The method's own query parameters, camelCase. Refuses unknown and missing ones."""
        wanted, seen = match.method.query, {}
        for name, values in parse_qs(raw, keep_blank_values=True).items():
            key = name if name in wanted else ".".join(camel(p) for p in name.split("."))
            if key not in wanted:
                if {name, key} & (match.document.common | COMMON | OLDER.get(match.document.service, frozenset())):
                    continue
                raise violations([UNKNOWN_QUERY.format(name=name)])
            seen[key] = [_enum_name(wanted[key], value) for value in values]
        missing = [k for k, p in wanted.items() if p.get("required") and k not in seen]
        if missing:
            raise invalid(f"Required parameter: {missing[0]}", reason="required")
        return seen

    def body(self, match: Match, sent: Any) -> dict[str, Any]:
        """The body with enum numbers and number-like strings made regular. Refuses what the schema does not have."""
        if match.method.request is None:
            if sent:
                raise violations(['Invalid JSON payload received. Unknown name "": Root element must be empty.'])
            return {}
        if sent is None:
            return {}
        if not isinstance(sent, dict):
            raise violations(['Invalid JSON payload received. Unknown name "": Root element must be a message.'])
        checker = Checker(match.document.schemas, match.method.path_params)
        regular: dict[str, Any] = checker.message(match.method.request, sent)
        if checker.errors:
            raise violations(checker.errors)
        return regular


def complete(
    document: Document, schema: str, leaf: str, body: Mapping[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    """The body without what only the server writes. Refuses the want of what must be there. `leaf`: the method's,
    `create` or `patch`, for the words; `partial`: an update of some fields."""
    behavior = Behavior(document)
    missing = behavior.missing(schema, body, partial=partial)
    if missing:
        raise invalid("; ".join(words(schema, leaf, missing)))
    return behavior.cleared(schema, body)


def violations(errors: Sequence[str]) -> Refusal:
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"description": error} for error in errors],
    }
    return invalid("\n".join(errors), reason="badRequest", details=[detail])


def _candidates(document: Document, verb: str, raw_path: str) -> Sequence[Template]:
    parts = raw_path.split("/")
    last, colon, custom = parts[-1].rpartition(":")
    if colon:
        named = document.templates.get((verb, len(parts), custom), ())
        fitting = [t for t in named if _fits(t, [*parts[:-1], last])]
        if fitting:
            return fitting
    return [t for t in document.templates.get((verb, len(parts), ""), ()) if _fits(t, parts)]


def _fits(template: Template, parts: Sequence[str]) -> bool:
    return all(want is None or want == have for want, have in zip(template.segments, parts, strict=True))


def _enum_name(parameter: Mapping[str, Any], value: str) -> str:
    names = parameter.get("enum")
    if not names or not value or value in names:
        return value
    if re.fullmatch(r"\d+", value) and int(value) < len(names):
        return str(names[int(value)])
    raise violations([f"Invalid value for query parameter (TYPE_ENUM), {value!r}"])
