"""List filters of Compute Engine: `name=x`, `labels.k=v`, `status != X`, `name eq regex`, joined by AND, OR or ( ) ( ).
https://cloud.google.com/compute/docs/reference/rest/v1/instances/list (parameter filter)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.refusal import invalid

TERM = re.compile(
    r"\(?\s*(?P<field>[A-Za-z][\w.\-]*)\s*(?P<operator>!=|=|:|\beq\b|\bne\b)\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s()]+)\s*\)?"
)


def matches(item: Mapping[str, Any], text: str) -> bool:
    """Empty: everything matches. What is not understood is refused, never ignored."""
    if not text.strip():
        return True
    return any(_all(item, part) for part in re.split(r"\s+OR\s+", text))


def _all(item: Mapping[str, Any], text: str) -> bool:
    rest, good = text, True
    while rest.strip():
        found = TERM.match(rest.strip())
        if found is None:
            raise invalid(f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")
        good = _term(item, found) and good
        rest = re.sub(r"^\s*AND\s+", "", rest.strip()[found.end() :])
    return good


def _term(item: Mapping[str, Any], found: re.Match[str]) -> bool:
    value = found["value"].strip("\"'")
    have: Any = item
    for part in found["field"].split("."):
        have = have.get(part) if isinstance(have, Mapping) else None
    text = "" if have is None else str(have).lower() if isinstance(have, bool) else str(have)
    operator = found["operator"]
    if operator in ("eq", "ne"):
        return (re.fullmatch(value, text) is not None) == (operator == "eq")
    if operator == ":":
        return (value == "*" and have is not None) or value.strip("*") in text
    plain = re.fullmatch(re.escape(value).replace(r"\*", ".*"), text) is not None
    return plain == (operator == "=")
