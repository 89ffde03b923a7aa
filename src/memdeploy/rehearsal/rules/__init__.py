"""The hand-written rules of each service, found by the service's name and loaded when first asked for.

A rules module `rules/<service>.py` (the first label of the API's host) has a table
`RULES: Mapping[str, Handler]` by discovery method id (`secretmanager.projects.secrets.create`; `id@v1` when one version
of the API differs) and, when it has operations, `FINISHERS: Mapping[str, Finisher]` by the finisher's name.
Methods without an entry behave as `generic.py` reads them from the discovery document.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from memdeploy.rehearsal.call import Handler, Method
from memdeploy.rehearsal.operations import Finisher


@dataclass(frozen=True)
class ServiceRules:
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    finishers: Mapping[str, Finisher] = field(default_factory=dict)

    def handler(self, method: Method) -> Handler | None:
        return self.handlers.get(f"{method.id}@{method.version}") or self.handlers.get(method.id)


def load(service: str) -> ServiceRules:
    """Empty when no rules are written for it."""
    name = f"{__name__}.{service}"
    if importlib.util.find_spec(name) is None:
        return ServiceRules()
    module = importlib.import_module(name)
    return ServiceRules(getattr(module, "RULES", {}), getattr(module, "FINISHERS", {}))
