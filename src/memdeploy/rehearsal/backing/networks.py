"""VPC subnets and peering ranges as engine networks with those very CIDRs, so that static addresses hold."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from memdeploy.rehearsal.backing import addresses
from memdeploy.rehearsal.backing.engine import REHEARSAL, BackingError, Engine, remove
from memdeploy.rehearsal.backing.reservation import Reservation, reserve

ADVICE = "set gcp.network.space to a /15 that is free on this machine"

HELD_BY = ("service", "job", "sql")
"Kinds of containers that a network outside of every VPC is there for."


class Networks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reserved: Reservation | None = None

    def free_space(self, before: str | None = None) -> str:
        with self._engine.lock("space"):
            if self._reserved is None:
                self._reserved = self._reserve(before)
            return str(self._reserved.space)

    def _reserve(self, before: str | None) -> Reservation:
        """The one of last time comes first: this rehearsal's own networks are in it."""
        own = [cidr for network in self._engine.networks() for cidr in _subnets(network)]
        used = [cidr for cidr in [*self._cidrs(), *addresses.host_routes()] if cidr not in own]
        wanted = [IPv4Network(before)] if before else []
        for space in [*addresses.clear(wanted, used), *addresses.free([*used, *own])]:
            reserved = reserve(space)
            if reserved is not None:
                return reserved
        raise BackingError("no /15 below 10.0.0.0/8 is free on this machine")

    def ensure(self, key: str, cidr: str) -> None:
        wanted = IPv4Network(cidr)
        with self._engine.lock(self._engine.name("net", key)):
            present = self.find(key)
            if present is None:
                self._create(key, wanted)
            elif wanted not in _subnets(present):
                raise BackingError(f"{key} exists with another range than {cidr}")

    def anywhere(self, key: str) -> Any:
        """A network of no VPC: at addresses that the engine chooses."""
        with self._engine.lock(self._engine.name("net", key)):
            return self.find(key) or self._engine.client.networks.create(
                self._engine.name("net", key), driver="bridge", labels=self._engine.labels("net", key)
            )

    def vacate(self, key: str) -> None:
        """Removes the network unless a container of a service, a job or a database is in it, running or not."""
        found = self.find(key)
        if found is None:
            return
        holders = (container for kind in HELD_BY for container in self._engine.containers(kind))
        if not any(_inside(found, container) for container in holders):
            remove_network(found, self._engine)

    def _create(self, key: str, wanted: IPv4Network) -> None:
        from docker.errors import APIError
        from docker.types import IPAMConfig, IPAMPool

        clash = addresses.overlap(wanted, [*self._cidrs(), *addresses.host_routes()])
        if clash is not None:
            raise BackingError(f"{wanted} overlaps {clash}, which this machine uses already; {ADVICE}")
        pool = IPAMPool(
            subnet=str(wanted),
            iprange=str(addresses.dynamic_half(wanted)),
            gateway=str(wanted.network_address + 1),
        )
        try:
            self._engine.client.networks.create(
                self._engine.name("net", key),
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                labels=self._engine.labels("net", key),
                check_duplicate=True,
            )
        except APIError as error:
            raise BackingError(f"the engine refuses the network {wanted} ({error.explanation}); {ADVICE}") from error

    def find(self, key: str) -> Any | None:
        found = self._engine.client.networks.list(names=[self._engine.name("net", key)])
        return next((n for n in found if n.name == self._engine.name("net", key)), None)

    def get(self, key: str) -> Any:
        found = self.find(key)
        if found is None:
            raise BackingError(f"there is no network {key}")
        return found

    def remove(self, key: str) -> None:
        found = self.find(key)
        if found is not None:
            remove_network(found, self._engine)

    def _cidrs(self) -> list[IPv4Network]:
        return [cidr for network in self._engine.client.networks.list() for cidr in _subnets(network)]


def _inside(network: Any, container: Any) -> bool:
    return network.name in container.attrs["NetworkSettings"]["Networks"]


def remove_network(network: Any, engine: Engine) -> None:
    """Takes what is left in it off first: the offline model, a task that has ended."""
    network.reload()
    for identity in network.attrs.get("Containers") or {}:
        inside = engine.container_named(identity)
        if inside is not None and inside.labels.get(REHEARSAL) == engine.rehearsal:
            network.disconnect(inside, force=True)
    for ended in engine.containers("job"):
        if _inside(network, ended) and ended.status == "exited":
            remove(ended)
    network.remove()


def _subnets(network: Any) -> list[IPv4Network]:
    pools = (network.attrs.get("IPAM") or {}).get("Config") or []
    texts = [pool["Subnet"] for pool in pools if "Subnet" in pool]
    return [IPv4Network(text) for text in texts if ":" not in text]
