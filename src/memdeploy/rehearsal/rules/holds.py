"""What a cloud still keeps busy after its visible user is gone. Asked by the rules of networks before they delete.

Cloud Run's Direct VPC egress keeps a subnet's addresses for 1-2 hours after the service is gone
(https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#delete-subnet; 77 and more than 85 minutes measured,
DefangLabs/pulumi-defang#476). Cloud SQL's producer keeps an instance's resources for up to 4 days
(https://cloud.google.com/sql/docs/postgres/delete-instance).
"""

from __future__ import annotations

from memdeploy.rehearsal.call import Cloud

DIRECT_VPC = 90 * 60.0
PRODUCER = 4 * 86400.0


def hold(cloud: Cloud, resource: str, holder: str, seconds: float) -> None:
    """`resource` (a subnet, a network) stays in use by `holder` for `seconds` of cloud time from now."""
    key = f"hold/{resource}"
    left = {who: until for who, until in cloud.store.fact(key, {}).items() if until > cloud.now}
    cloud.store.put_fact(key, {**left, holder: cloud.now + seconds * cloud.scale})


def holder_of(cloud: Cloud, resource: str) -> str | None:
    """Who still keeps it, or None. For a subnet or a network's service networking connection."""
    left = {who: until for who, until in cloud.store.fact(f"hold/{resource}", {}).items() if until > cloud.now}
    return min(left, default=None)


def user_of_subnet(cloud: Cloud, subnetwork: str) -> str | None:
    """The Cloud Run service or job that sends through the subnet, or sent lately; None: it may be deleted."""
    for row in cloud.store.below("run", "", "Service") + cloud.store.below("run", "", "Job"):
        if subnetwork in row.hidden.get("subnetworks", ()):
            return row.name
    return holder_of(cloud, subnetwork)


def user_of_peering(cloud: Cloud, network: str) -> str | None:
    """The Cloud SQL instance that has an address behind the network's peering, or had one in the last days."""
    for row in cloud.store.below("sqladmin", "", "Instance"):
        if row.hidden.get("vpc") == network:
            return row.name
    return holder_of(cloud, f"{network}/peerings/servicenetworking-googleapis-com")
