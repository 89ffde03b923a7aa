"""Resources from what a journal says of them: a kind, a stable word, and an identity."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Resource
from memdeploy.errors import JournalError


def make(home: str, kinds: Mapping[str, str], scope: Any, kind: str, identity: Mapping[str, Any]) -> Resource:
    """`kinds`: kind -> `module:Class` inside the package `home`; the module loads now. Raises `JournalError` for a
    kind that this version does not know: a newer one wrote it."""
    place = kinds.get(kind)
    if place is None:
        raise JournalError(
            f"the journal holds a resource of kind {kind!r}, which this version does not know",
            suggestion="Use the version of memdeploy that made it, or a newer one.",
        )
    module, name = place.split(":")
    resource: Resource = getattr(importlib.import_module(f"{home}.{module}"), name)(scope, **identity)
    return resource
