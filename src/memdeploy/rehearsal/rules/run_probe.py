"""The startup probe: the only thing that decides whether a revision is ready."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# terraform-google-modules/terraform-docs-samples#254
FAILED = (
    "The user-provided container failed the configured startup probe checks. Logs for this revision might contain "
    "more information."
)
_TIMEOUT = 1.0  # on loopback; a look must not keep others waiting


@dataclass(frozen=True)
class Probe:
    """`path` None: it is enough that the port takes connections. `patience` in seconds from the start."""

    path: str | None
    patience: float


def of(template: Mapping[str, Any]) -> Probe:
    """Without one Cloud Run asks the port, for 240 s (https://cloud.google.com/run/docs/configuring/healthchecks)."""
    containers = template["containers"]
    container = next((one for one in containers if one.get("ports")), containers[0])
    probe = container.get("startupProbe")
    if not probe:
        return Probe(None, 240.0)
    patience = float(probe.get("initialDelaySeconds") or 0)
    patience += float(probe.get("failureThreshold") or 3) * float(probe.get("periodSeconds") or 10)
    get = probe.get("httpGet")
    return Probe(str(get.get("path") or "/") if get is not None else None, patience)


def passes(url: str, probe: Probe) -> bool:
    """One attempt. HTTP: any status from 200 to 399."""
    place = urlsplit(url)
    try:
        if probe.path is None:
            with socket.create_connection((str(place.hostname), place.port or 80), timeout=_TIMEOUT):
                return True
        connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT)
        try:
            connection.request("GET", probe.path)
            return 200 <= connection.getresponse().status < 400
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
