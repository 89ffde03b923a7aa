"""What everything stands on: APIs, what deployments share, accounts, the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memdeploy.engine.step import Ref, Step
from memdeploy.providers.gcp.graph.builder import Builder
from memdeploy.providers.gcp.registry import REMOTE, STANDARD

ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "account.run": ("run", "MemMachine"),
    "account.neo4j": ("neo", "Neo4j's machine"),
    "account.build": ("bld", "image builds"),
    "account.verifier": ("vrf", "verification"),
}


def ground(b: Builder) -> Iterable[Step]:
    yield b.step("preflight", "preflight", {}, "Preflight", seconds=6.0, transient=True)
    yield b.step("apis", "serviceusage.services", {}, "Google APIs", needs=("preflight",), seconds=40.0, permanent=True)


def shared(b: Builder, *needs: str) -> Iterable[Step]:
    """Fixed names, one set for a project and region, in a journal of their own."""
    n = b.names
    own: dict[str, Any] = {"scope": "shared", "needs": needs}
    images, hub = {"name": n.shared, "mode": STANDARD}, {"name": n.shared_hub, "mode": REMOTE}
    network, addresses = {"name": n.shared}, {"name": n.shared_range}
    link = {"network": Ref("shared.network", "link")}
    yield b.step("shared.registry", "artifactregistry.repository", images, "Image repository", seconds=12.0, **own)
    yield b.step("shared.hub", "artifactregistry.repository", hub, "Copies of public images", seconds=12.0, **own)
    if needs and not b.networked:
        return
    yield b.step("shared.network", "compute.network", network, "Network", seconds=25.0, **own)
    yield b.step("shared.range", "compute.globalAddress", addresses, "Address range", inputs=link, seconds=10.0, **own)
    if needs and b.connector:
        return
    yield b.step(
        "shared.peering",
        "servicenetworking.connection",
        {"network": n.shared, "range": n.shared_range},
        "Private services access",
        inputs={**link, "range": Ref("shared.range", "name"), "project_number": _number(b, needs)},
        seconds=60.0,
        **own,
    )


def _number(b: Builder, needs: tuple[str, ...]) -> Any:
    """In `destroy --shared` there is no preflight: the journal's network path is used."""
    return Ref("preflight", "project_number") if needs else None


def accounts(b: Builder) -> Iterable[Step]:
    for name, (role, title) in ACCOUNTS.items():
        if name == "account.neo4j" and not b.vm:
            continue
        full = f"{title} of {b.scope.deployment.name}"
        identity = {"account_id": b.names.own(role), "title": full}
        yield b.step(name, "iam.serviceAccount", identity, f"Account for {title}", needs=("apis",), seconds=8.0)


def network(b: Builder) -> Iterable[Step]:
    if not b.networked:
        return
    link = Ref("shared.network", "link")
    yield b.step(
        "network.subnet", "compute.subnetwork", {"name": b.names.own("net")}, "Subnet",
        inputs={"network": link, "space": Ref("shared.range", "space")}, seconds=20.0,
        outlives=() if b.connector else ("postgres.instance",),  # it proves that the network is in use
    )  # fmt: skip
    if not b.vm:
        return
    yield b.step(
        "network.firewall", "compute.firewall", {"name": b.names.own("bolt")}, "Firewall rule for Bolt",
        inputs={
            "network": link,
            "cidr": Ref("network.subnet", "cidr"),
            "account": Ref("account.neo4j", "email"),
        },
        seconds=10.0,
    )  # fmt: skip
