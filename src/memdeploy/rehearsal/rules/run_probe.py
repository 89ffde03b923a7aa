"""The startup probes: the only thing that decides whether a revision is ready."""

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
    """`path` None: it is enough that the port takes connections. `port` None: the container's own. `patience` in
    seconds from the start."""

    path: str | None
    port: int | None
    patience: float


def of(container: Mapping[str, Any], *, alone: bool) -> Probe | None:
    """Without one Cloud Run asks the port that takes requests, for 240 s, and no other container
    (https://cloud.google.com/run/docs/configuring/healthchecks)."""
    probe = container.get("startupProbe")
    if not probe:
        return Probe(None, None, 240.0) if alone or container.get("ports") else None
    patience = float(probe.get("initialDelaySeconds") or 0)
    patience += float(probe.get("failureThreshold") or 3) * float(probe.get("periodSeconds") or 10)
    get = probe.get("httpGet")
    port = (get or probe.get("tcpSocket") or {}).get("port")
    return Probe(str(get.get("path") or "/") if get is not None else None, port, patience)


def place(where: Mapping[str, str], probe: Probe, ingress: int) -> tuple[str, int] | None:
    """Host and port to ask. `where`: the backing's `url`, which stands for the port `ingress`, and `address`."""
    if not where.get("url"):
        return None
    if probe.port in (None, ingress):
        url = urlsplit(where["url"])
        return str(url.hostname), url.port or 80
    return where.get("address", ""), int(probe.port or 0)


def passes(place: tuple[str, int] | None, probe: Probe) -> bool:
    """One attempt. HTTP: any status from 200 to 399."""
    if place is None:
        return False
    try:
        if probe.path is None:
            with socket.create_connection(place, timeout=_TIMEOUT):
                return True
        connection = http.client.HTTPConnection(*place, timeout=_TIMEOUT)
        try:
            connection.request("GET", probe.path)
            return 200 <= connection.getresponse().status < 400
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
