"""`projects.locations.list` of the APIs that have it: clients ask it before they look everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.rules.compute_places import REGIONS


def lister(*more: str) -> Callable[[Call], Mapping[str, Any]]:
    """All regions and what else the service has: multi-regions, `global`."""

    def list_(call: Call) -> Mapping[str, Any]:
        project = call.project.id
        found = [
            {"name": f"projects/{project}/locations/{name}", "locationId": name, "displayName": name}
            for name in sorted((*REGIONS, *more))
        ]
        return page(call, "locations", found)

    return list_
