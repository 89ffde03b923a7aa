"""How Cloud SQL is reached: a private address in our network, or no network and the connector alone. Pure.

https://cloud.google.com/sql/docs/postgres/configure-ip
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.step import Difference, Effect
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.names import last, relative

_AT = "settings.ipConfiguration."
_NETWORK = f"{_AT}privateNetwork"
_ENFORCED = "settings.connectorEnforcement"
_STAYS = "Cloud SQL never gives a private address back"
COMMON = {"sslMode": "ENCRYPTED_ONLY", "serverCaMode": "GOOGLE_MANAGED_INTERNAL_CA"}


def settings(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `settings` of a new instance. With the connector it has a public address that lets nobody in: no
    authorised network, and only connections that the connector made."""
    if modes.connector(deployment):
        address: dict[str, Any] = {"ipv4Enabled": True, "authorizedNetworks": [], **COMMON}
        return {"ipConfiguration": address, "connectorEnforcement": "REQUIRED"}
    place = {"privateNetwork": relative(inputs["network"]), "allocatedIpRange": last(inputs["range"])}
    return {"ipConfiguration": {"ipv4Enabled": False, **place, **COMMON}}


def desired(deployment: Deployment, inputs: Mapping[str, Any]) -> dict[str, Any]:
    connector, network = modes.connector(deployment), inputs.get("network")
    fields: dict[str, Any] = {
        "ipv4Enabled": connector,
        "authorizedNetworks": [],
        "privateNetwork": relative(network) if isinstance(network, str) else network,
        **COMMON,
    }
    at = {f"{_AT}{name}": value for name, value in fields.items()}
    return {**at, _ENFORCED: "REQUIRED" if connector else "NOT_REQUIRED"}


def view(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = settings.get("ipConfiguration", {})
    network = found.get("privateNetwork")
    fields = {
        "ipv4Enabled": bool(found.get("ipv4Enabled")),
        "authorizedNetworks": [one.get("value") for one in found.get("authorizedNetworks", [])],
        "privateNetwork": relative(network) if network else None,
        "sslMode": found.get("sslMode"),
        "serverCaMode": found.get("serverCaMode"),
    }
    return {**{f"{_AT}{name}": value for name, value in fields.items()}, _ENFORCED: _enforcement(settings)}


def judged(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """A private network can be added to an instance and never be taken away or changed."""
    return tuple(_judged(one) if one.field == _NETWORK else one for one in differences)


def _judged(one: Difference) -> Difference:
    if not one.have:
        return replace(one, effect=Effect.RESTART)
    return replace(one, effect=Effect.FORBIDDEN, reason=_STAYS)


def _enforcement(settings: Mapping[str, Any]) -> str:
    """Unstated is the default: not required."""
    stated = settings.get("connectorEnforcement")
    return "NOT_REQUIRED" if stated in (None, "CONNECTOR_ENFORCEMENT_UNSPECIFIED") else str(stated)
