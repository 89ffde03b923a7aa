"""What somebody did by hand in the console between `up` and `destroy`: what is gone is gone, what is no longer marked
as ours is left alone, and the rest goes."""

from __future__ import annotations

from tests.contract.product.conftest import UP
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

PROJECT = "proj-1"
DESTROY = ("destroy", "--yes", "--delete-data", "--no-final-backup")
LEFTOVERS = 11


def ours(cloud: Rehearsed, base: str, marker: str) -> set[str]:
    """Names of what is there by our name or marker, but for builds, which nobody can delete."""
    return {
        item["name"]
        for item in cloud.inventory()
        if item["type"] != "Build" and (item["marker"] == marker or f"{base}-" in item["name"])
    }


def test_what_was_changed_by_hand_hinders_no_destroy(cloud: Rehearsed, memdeploy: Memdeploy) -> None:
    memdeploy(*UP)
    known = memdeploy.identity()
    base = f"{known['name']}-{known['suffix']}"
    place = f"projects/{PROJECT}/locations/{memdeploy.journal()['identity']['region']}"
    zone = next(item["name"] for item in cloud.inventory() if item["name"].endswith(f"/instances/{base}-neo"))

    cloud.ask("DELETE", f"/run/v2/{place}/services/{base}-api")
    cloud.ask("POST", f"/compute/compute/v1/{zone}/setDeletionProtection?deletionProtection=false")
    cloud.ask("DELETE", f"/compute/compute/v1/{zone}")
    cloud.ask("DELETE", f"/secretmanager/v1/projects/{PROJECT}/secrets/{base}-neo")
    taken = f"projects/{PROJECT}/secrets/{base}-key"
    cloud.ask("PATCH", f"/secretmanager/v1/{taken}?updateMask=labels", {"labels": {"owner": "somebody"}})
    disabled = f"projects/{PROJECT}/serviceAccounts/{base}-vrf@{PROJECT}.iam.gserviceaccount.com"
    cloud.ask("POST", f"/iam/v1/{disabled}:disable", {})

    done = memdeploy(*DESTROY, expect=None)
    assert done.code in (0, LEFTOVERS), done
    if done.code == LEFTOVERS:
        cloud.let_go()
        memdeploy("destroy", "--finish")
    left = ours(cloud, base, known["id"])
    assert {name for name in left if "/versions/" not in name} == {taken}
    assert memdeploy.journal()["status"] == "destroyed"

    since = cloud.last_request()
    assert memdeploy(*DESTROY, expect=8).json["errors"][0]["code"] == "no-deployment"
    assert [request for request in cloud.requests(since) if request["mutates"]] == []
