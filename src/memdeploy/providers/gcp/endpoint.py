"""What the user should know of the address at which the model answers. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from memdeploy.config.model import Deployment
from memdeploy.providers.gcp import modes


def warning(deployment: Deployment) -> str | None:
    url = deployment.model.base_url
    if url is None:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _loopback(host):
        return f"model.base_url: {host} is MemMachine's own container there, not this machine"
    if modes.private(host):
        return (
            None if modes.network(deployment) else f"model.base_url: without a network of ours {host} is out of reach"
        )
    if parts.scheme == "http":
        return (
            f"model.base_url: http to {host}, which is no private address: the key and all memories can be read on the"
            " way. Use https."
        )
    return None


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
