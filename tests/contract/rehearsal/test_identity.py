"""Projects, billing, APIs, accounts and tokens through the real client."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.oauth2 import service_account
from googleapiclient.errors import HttpError

from memdeploy.rehearsal import enabled, identity, policies
from memdeploy.rehearsal.rules import iam as iam_rules
from tests.contract.rehearsal.embedded import NUMBER, PROJECT, Embedded, embedded
from tests.contract.rehearsal.worlds import rehearsed

P = f"projects/{PROJECT}"
CREATOR = "roles/iam.serviceAccountOpenIdTokenCreator"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path) as made:
        yield made


def refusal(request: Any) -> dict[str, Any]:
    with pytest.raises(HttpError) as refused:
        request.execute()
    error: dict[str, Any] = json.loads(refused.value.content)["error"]
    return error


def account(cloud: Embedded, short: str = "runner-1") -> dict[str, Any]:
    body = {"accountId": short, "serviceAccount": {"description": "memdeploy/x"}}
    made: dict[str, Any] = cloud.api("iam", "v1").projects().serviceAccounts().create(name=P, body=body).execute()
    return made


def test_a_project_is_found_by_id_and_number(cloud: Embedded) -> None:
    projects = cloud.api("cloudresourcemanager", "v3").projects()
    assert projects.get(name=P).execute()["name"] == f"projects/{NUMBER}"
    assert projects.get(name=f"projects/{NUMBER}").execute()["projectId"] == PROJECT


def test_a_missing_project_is_403_never_404(cloud: Embedded) -> None:
    error = refusal(cloud.api("cloudresourcemanager", "v3").projects().get(name="projects/proj-2"))
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert refusal(cloud.api("secretmanager", "v1").projects().secrets().list(parent="projects/proj-2"))["code"] == 403


def test_an_api_that_is_off_says_so_until_it_is_on_everywhere(tmp_path: Path) -> None:
    with rehearsed(tmp_path) as cloud:
        usage, secrets = cloud.api("serviceusage", "v1"), cloud.api("secretmanager", "v1").projects().secrets()
        error = refusal(secrets.list(parent=P))
        info = next(d for d in error["details"] if d["@type"].endswith("ErrorInfo"))
        assert (error["code"], info["reason"]) == (403, "SERVICE_DISABLED")
        assert info["metadata"]["service"] == "secretmanager.googleapis.com"
        body = {"serviceIds": ["secretmanager.googleapis.com"]}
        operation = usage.services().batchEnable(parent=P, body=body).execute()
        assert "done" not in operation
        cloud.clock.advance(20)
        done = usage.operations().get(name=operation["name"]).execute()
        assert done["response"]["services"][0]["state"] == "ENABLED"
        assert refusal(secrets.list(parent=P))["code"] == 403
        cloud.clock.advance(enabled.SPREAD)
        assert secrets.list(parent=P).execute() == {}
        again = usage.services().batchEnable(parent=P, body=body).execute()
        assert usage.operations().get(name=again["name"]).execute()["done"]


def test_compute_words_it_the_older_way(tmp_path: Path) -> None:
    with rehearsed(tmp_path) as cloud:
        error = refusal(cloud.api("compute", "v1").networks().list(project=PROJECT))
        assert error["errors"][0]["reason"] == "accessNotConfigured"


def test_nothing_is_enabled_without_billing(tmp_path: Path) -> None:
    with rehearsed(tmp_path, {"projects": [{"id": PROJECT, "billing": False}]}) as cloud:
        billing = cloud.api("cloudbilling", "v1").projects().getBillingInfo(name=P).execute()
        assert not billing.get("billingEnabled")
        usage = cloud.api("serviceusage", "v1").services()
        error = refusal(usage.batchEnable(parent=P, body={"serviceIds": ["run.googleapis.com"]}))
        assert "Billing must be enabled" in error["message"]


def test_what_the_world_denies_is_missing_and_refused(tmp_path: Path) -> None:
    project = {"enabled": ["secretmanager.googleapis.com"], "deny": ["secretmanager.secrets.create"]}
    with rehearsed(tmp_path, {"projects": [{"id": PROJECT, **project}]}) as cloud:
        wanted = ["secretmanager.secrets.create", "run.services.create"]
        projects = cloud.api("cloudresourcemanager", "v3").projects()
        held = projects.testIamPermissions(resource=P, body={"permissions": wanted}).execute()
        assert held["permissions"] == ["run.services.create"]
        body = {"replication": {"automatic": {}}}
        error = refusal(cloud.api("secretmanager", "v1").projects().secrets().create(parent=P, secretId="a", body=body))
        assert error["code"] == 403
        assert "secretmanager.secrets.create" in error["message"]


@pytest.mark.parametrize("short", ["short", "Capital-1", "a" * 31, "1-digit"])
def test_account_ids_have_a_form(cloud: Embedded, short: str) -> None:
    body = {"accountId": short}
    assert refusal(cloud.api("iam", "v1").projects().serviceAccounts().create(name=P, body=body))["code"] == 400


def test_an_account_exists_once(cloud: Embedded) -> None:
    account(cloud)
    body = {"accountId": "runner-1"}
    assert refusal(cloud.api("iam", "v1").projects().serviceAccounts().create(name=P, body=body))["code"] == 409


def test_a_new_account_is_not_known_to_policies_at_once(cloud: Embedded) -> None:
    email = account(cloud)["email"]
    policy = {"policy": {"bindings": [{"role": "roles/logging.logWriter", "members": [f"serviceAccount:{email}"]}]}}
    projects = cloud.api("cloudresourcemanager", "v3").projects()
    error = refusal(projects.setIamPolicy(resource=P, body=policy))
    assert (error["code"], error["message"]) == (400, f"Service account {email} does not exist.")
    cloud.clock.advance(iam_rules.VISIBLE)
    assert projects.setIamPolicy(resource=P, body=policy).execute()["bindings"]


def test_a_deleted_account_leaves_dead_bindings_and_its_successor_is_another(cloud: Embedded) -> None:
    first = account(cloud)
    cloud.clock.advance(iam_rules.VISIBLE)
    projects = cloud.api("cloudresourcemanager", "v3").projects()
    member = f"serviceAccount:{first['email']}"
    policy = {"policy": {"bindings": [{"role": "roles/logging.logWriter", "members": [member]}]}}
    projects.setIamPolicy(resource=P, body=policy).execute()
    accounts = cloud.api("iam", "v1").projects().serviceAccounts()
    accounts.delete(name=first["name"]).execute()
    assert refusal(accounts.get(name=first["name"]))["code"] == 404
    members = projects.getIamPolicy(resource=P, body={}).execute()["bindings"][0]["members"]
    assert members == [f"deleted:{member}?uid={first['uniqueId']}"]
    assert account(cloud)["uniqueId"] != first["uniqueId"]


def test_owning_the_project_mints_no_token_a_binding_does_after_a_while(cloud: Embedded) -> None:
    made = account(cloud)
    mint = cloud.api("iamcredentials", "v1").projects().serviceAccounts()
    ask = {
        "name": f"projects/-/serviceAccounts/{made['email']}",
        "body": {"audience": "https://x", "includeEmail": True},
    }
    with cloud.store.transaction():
        enabled.switch_on(cloud.app.cloud, PROJECT, "iamcredentials.googleapis.com", since=0.0)
    assert refusal(mint.generateIdToken(**ask))["code"] == 403
    policy = {"policy": {"bindings": [{"role": CREATOR, "members": ["user:you@example.com"]}]}}
    cloud.api("iam", "v1").projects().serviceAccounts().setIamPolicy(resource=made["name"], body=policy).execute()
    assert refusal(mint.generateIdToken(**ask))["code"] == 403
    cloud.clock.advance(policies.PROPAGATION)
    token = mint.generateIdToken(**ask).execute()["token"]
    with cloud.store.transaction():
        claims = identity.id_claims(cloud.app.cloud, token)
        assert claims is not None
        assert (claims["aud"], claims["email"]) == ("https://x", made["email"])
        assert identity.id_claims(cloud.app.cloud, token[:-2] + "xx") is None
    cloud.clock.advance(3601)
    with cloud.store.transaction():
        assert identity.id_claims(cloud.app.cloud, token) is None


def test_an_account_may_do_nothing_that_it_was_not_granted(cloud: Embedded) -> None:
    email = account(cloud)["email"]
    with cloud.store.transaction():
        token = identity.access_token(cloud.app.cloud, email)
    path = f"/secretmanager/v1/{P}/secrets"
    assert cloud.http("GET", path)[0] == 200
    assert cloud.http("GET", path, headers={"Authorization": f"Bearer {token}"})[0] == 403


def test_tokeninfo_names_the_caller(cloud: Embedded) -> None:
    email = account(cloud)["email"]
    with cloud.store.transaction():
        token = identity.access_token(cloud.app.cloud, email)
    oauth = cloud.api("oauth2", "v2")
    assert oauth.tokeninfo(access_token=token).execute()["email"] == email
    assert oauth.tokeninfo(access_token="anything").execute()["email"] == "you@example.com"
    cloud.clock.advance(3601)
    assert refusal(oauth.tokeninfo(access_token=token))["code"] == 400


def test_two_writers_at_once_lose_nothing(cloud: Embedded) -> None:
    """Read, add, write under the etag, again when stale: as every client must."""

    def grant(member: str) -> None:
        projects = cloud.api("cloudresourcemanager", "v3").projects()
        while True:
            policy = projects.getIamPolicy(resource=P, body={}).execute()
            policy.setdefault("bindings", []).append({"role": "roles/run.invoker", "members": [member]})
            try:
                projects.setIamPolicy(resource=P, body={"policy": policy}).execute()
            except HttpError as error:
                if error.status_code != 409:
                    raise
                continue
            return

    members = [f"user:u{n}@example.com" for n in range(4)]
    threads = [threading.Thread(target=grant, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    policy = cloud.api("cloudresourcemanager", "v3").projects().getIamPolicy(resource=P, body={}).execute()
    assert sorted(policy["bindings"][0]["members"]) == members


def keys(cloud: Embedded) -> Any:
    return cloud.api("iam", "v1").projects().serviceAccounts().keys()


def test_a_key_is_given_once_and_listed_without_its_secret(cloud: Embedded) -> None:
    """https://cloud.google.com/iam/docs/keys-create-delete"""
    parent = account(cloud)["name"]
    made = keys(cloud).create(name=parent, body={}).execute()
    file = json.loads(base64.b64decode(made["privateKeyData"]))
    assert (file["type"], file["project_id"]) == ("service_account", PROJECT)
    signer = service_account.Credentials.from_service_account_info(file)
    assert signer.service_account_email == parent.rsplit("/", 1)[-1]
    (listed,) = keys(cloud).list(name=parent).execute()["keys"]
    assert listed == keys(cloud).get(name=made["name"]).execute()
    assert "privateKeyData" not in listed
    keys(cloud).delete(name=made["name"]).execute()
    assert keys(cloud).list(name=parent).execute().get("keys", []) == []


def test_a_policy_forbids_keys(tmp_path: Path) -> None:
    with embedded(tmp_path, policies={"iam.disableServiceAccountKeyCreation": True}) as cloud:
        error = refusal(keys(cloud).create(name=account(cloud)["name"], body={}))
        assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")


def test_an_etag_in_this_api_is_bytes(cloud: Embedded) -> None:
    """Discovery document, ServiceAccount.etag: format byte; gcloud decodes it."""
    assert base64.b64decode(account(cloud)["etag"], validate=True)


@pytest.mark.parametrize(("owner", "code"), [(NUMBER, 200), (PROJECT, 400), ("999999999999", 400)])
def test_the_default_account_is_named_by_the_projects_number(cloud: Embedded, owner: str, code: int) -> None:
    member = f"serviceAccount:{owner}-compute@developer.gserviceaccount.com"
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [member]}]}
    path = f"/cloudresourcemanager/v3/{P}:setIamPolicy"
    assert cloud.http("POST", path, {"policy": policy})[0] == code
