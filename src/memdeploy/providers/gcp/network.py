"""The shared network and its peering range (one of each a region), the deployment's own subnet and firewall rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.engine.converge import Condition, Converging
from memdeploy.engine.step import Difference, Effect, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind, NotYet, StepFailed
from memdeploy.providers.gcp import space
from memdeploy.providers.gcp.compute import JSON, Collection
from memdeploy.providers.gcp.names import last, relative
from memdeploy.providers.gcp.scope import Scope

BOLT = "7687"
_OVERLAP = re.compile(r"overlap|conflicts with|ipcidrrange", re.I)
_CHOICES = 8  # how often another deployment may take the range that we were about to take


class Network(Converging[JSON]):
    """The shared custom-mode VPC: no subnet but those that deployments bring."""

    kind = "compute.network"
    effects: ClassVar[Mapping[str, Effect]] = {"autoCreateSubnetworks": Effect.FORBIDDEN}

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self._networks = Collection(scope, "networks", "network")

    def describe(self) -> str:
        return f"network {self.name}"

    def read(self, run: Run) -> JSON | None:
        return self._networks.get(run, self.name)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.shared_marker.on_description(live.get("description"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"autoCreateSubnetworks": False}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {"autoCreateSubnetworks": live.get("autoCreateSubnetworks", False)}

    def body(self) -> JSON:
        return {
            "name": self.name,
            "description": self.scope.shared_marker.description,
            "autoCreateSubnetworks": False,
            "routingConfig": {"routingMode": "REGIONAL"},
        }

    def create(self, run: Run) -> None:
        self._networks.insert(run, self.body())

    def delete(self, run: Run, live: JSON) -> None:
        self._networks.delete(run, self.name)

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"name": self.name, "link": self.scope.names.network(self.name)}

    def protection(self, run: Run) -> str | None:
        """A deployment's subnet is the proof that the shared things are in use."""
        subnets = [s for s in _subnets(self.scope).list(run) if last(s.get("network", "")) == self.name]
        names = sorted(f"{s['name']} ({s.get('description') or 'no description'})" for s in subnets)
        return f"{self.describe()} is in use by subnet {', '.join(names)}" if names else None


class Range(Converging[JSON]):
    """The addresses that Cloud SQL's side of the peering may use: explicit, so that the whole space is known."""

    kind = "compute.globalAddress"
    effects: ClassVar[Mapping[str, Effect]] = {"space": Effect.FORBIDDEN, "purpose": Effect.FORBIDDEN}

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self._addresses = Collection(scope, "globalAddresses", "address")

    def describe(self) -> str:
        return f"peering range {self.name}"

    def read(self, run: Run) -> JSON | None:
        return self._addresses.get(run, self.name)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.shared_marker.on_description(live.get("description"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        wanted = self.scope.deployment.gcp.network.space
        return {"purpose": "VPC_PEERING", **({"space": wanted} if wanted else {})}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {"purpose": live.get("purpose"), "space": space.space_of(_cidr(live))}

    def condition(self, live: JSON) -> Condition:
        """Until it is RESERVED the peering is refused: "not found in network"."""
        return Condition(State.PENDING if live.get("status") == "RESERVING" else State.PRESENT)

    def differences(
        self, desired: Mapping[str, Any], found: Mapping[str, Any], applied: Mapping[str, Any] | None = None
    ) -> tuple[Difference, ...]:
        reason = "the network's space is shared by all deployments of the project and region"
        every = super().differences(desired, found, applied)
        return tuple(Difference(d.field, d.have, d.want, d.effect, reason) for d in every)

    def body(self, network: str) -> JSON:
        wanted = space.peering_range(self.scope.deployment.gcp.network.space or space.DEFAULT)
        return {
            "name": self.name,
            "description": self.scope.shared_marker.description,
            "purpose": "VPC_PEERING",
            "addressType": "INTERNAL",
            "address": str(wanted.network_address),
            "prefixLength": wanted.prefixlen,
            "network": network,
        }

    def create(self, run: Run) -> None:
        self._addresses.insert(run, self.body(run.inputs["network"]))

    def delete(self, run: Run, live: JSON) -> None:
        self._addresses.delete(run, self.name)

    def outputs(self, run: Run, live: JSON) -> Outputs:
        cidr = _cidr(live)
        return {"name": self.name, "cidr": cidr, "space": space.space_of(cidr)}


class Subnet(Converging[JSON]):
    """The deployment's /24: chosen among what is free, journalled before the insert, chosen again when refused."""

    kind = "compute.subnetwork"
    effects: ClassVar[Mapping[str, Effect]] = {"network": Effect.FORBIDDEN}

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self._all = _subnets(scope)

    def describe(self) -> str:
        return f"subnet {self.name}"

    def read(self, run: Run) -> JSON | None:
        return self._all.get(run, self.name)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_description(live.get("description"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        """Google's APIs must be reachable without external addresses: the VM fetches secrets and its image."""
        return {"network": run.inputs["network"], "privateIpGoogleAccess": True}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {
            "network": relative(live.get("network", "")),
            "privateIpGoogleAccess": live.get("privateIpGoogleAccess", False),
        }

    def body(self, network: str, cidr: str) -> JSON:
        return {
            "name": self.name,
            "description": self.scope.marker.description,
            "network": network,
            "ipCidrRange": cidr,
            "privateIpGoogleAccess": True,
        }

    def create(self, run: Run) -> None:
        refused: set[str] = set()
        for _ in range(_CHOICES):
            cidr = self._choice(run, refused)
            try:
                self._all.insert(run, self.body(run.inputs["network"], cidr))
                return
            except CloudError as error:
                if not _overlaps(error):
                    raise
            refused.add(cidr)
            run.note(cidr=None)
        raise StepFailed(
            f"no free address range was accepted for {self.describe()}: {', '.join(sorted(refused))} were refused",
            where=run.step,
            suggestion="Run the same command again, or choose another gcp.network.space.",
            retryable=True,
        )

    def update(self, run: Run, live: JSON, differences: tuple[Difference, ...]) -> None:
        body = {"privateIpGoogleAccess": True}
        self._all.change(
            run, "setPrivateIpGoogleAccess", self.name, {"subnetwork": self.name, "body": body}, verb="update"
        )

    def delete(self, run: Run, live: JSON) -> None:
        try:
            self._all.delete(run, self.name)
        except CloudError as error:
            if error.kind is not ErrorKind.PRECONDITION:
                raise
            # https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#delete-subnet
            raise NotYet(
                f"Cloud Run holds addresses of {self.describe()} for one to two hours after its service is gone",
                where=run.step,
                suggestion="Run `memdeploy destroy --finish` after two hours.",
            ) from error

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"name": self.name, "link": self.scope.names.subnet(self.name), "cidr": live["ipCidrRange"]}

    def _choice(self, run: Run, refused: set[str]) -> str:
        noted = run.notes.get("cidr")
        if noted and noted not in refused:
            return str(noted)
        network = last(run.inputs["network"])
        taken = [s["ipCidrRange"] for s in self._all.list(run) if last(s.get("network", "")) == network]
        cidr = space.free_subnet(run.inputs["space"], [*taken, *refused])
        if cidr is None:
            raise StepFailed(
                f"the network {network} has no free /24 left in {run.inputs['space']}",
                where=run.step,
                suggestion="Destroy a deployment that is no longer used, or deploy to another region.",
            )
        run.note(cidr=cidr)
        return cidr


class Firewall(Converging[JSON]):
    """Bolt to the Neo4j account's machines, from the deployment's own subnet only."""

    kind = "compute.firewall"
    effects: ClassVar[Mapping[str, Effect]] = {"network": Effect.REPLACE}

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self._firewalls = Collection(scope, "firewalls", "firewall")

    def describe(self) -> str:
        return f"firewall rule {self.name}"

    def read(self, run: Run) -> JSON | None:
        return self._firewalls.get(run, self.name)

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_description(live.get("description"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {
            "network": run.inputs["network"],
            "allowed": [f"tcp:{BOLT}"],
            "sourceRanges": [run.inputs["cidr"]],
            "targetServiceAccounts": [run.inputs["account"]],
            "disabled": False,
        }

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {
            "network": relative(live.get("network", "")),
            "allowed": sorted(f"{a['IPProtocol']}:{','.join(a.get('ports', []))}" for a in live.get("allowed", [])),
            "sourceRanges": sorted(live.get("sourceRanges", [])),
            "targetServiceAccounts": sorted(live.get("targetServiceAccounts", [])),
            "disabled": live.get("disabled", False),
        }

    def body(self, inputs: Mapping[str, Any]) -> JSON:
        return {
            "name": self.name,
            "description": self.scope.marker.description,
            "network": inputs["network"],
            "direction": "INGRESS",
            "priority": 1000,
            "allowed": [{"IPProtocol": "tcp", "ports": [BOLT]}],
            "sourceRanges": [inputs["cidr"]],
            "targetServiceAccounts": [inputs["account"]],
            "disabled": False,
        }

    def create(self, run: Run) -> None:
        self._firewalls.insert(run, self.body(run.inputs))

    def update(self, run: Run, live: JSON, differences: tuple[Difference, ...]) -> None:
        body = {k: v for k, v in self.body(run.inputs).items() if k not in ("name", "network", "direction")}
        self._firewalls.change(run, "patch", self.name, {"firewall": self.name, "body": body}, verb="update")

    def delete(self, run: Run, live: JSON) -> None:
        self._firewalls.delete(run, self.name)

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"name": self.name}


def _subnets(scope: Scope) -> Collection:
    return Collection(scope, "subnetworks", "subnetwork", {"region": scope.region})


def _cidr(live: JSON) -> str:
    return f"{live['address']}/{live['prefixLength']}"


def _overlaps(error: CloudError) -> bool:
    """Only ranges: 'already exists' is about our own name."""
    return error.kind is not ErrorKind.CONFLICT and bool(_OVERLAP.search(error.message))
