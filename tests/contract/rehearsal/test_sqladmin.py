"""Cloud SQL's rules, one by one, with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from googleapiclient.errors import HttpError

from memdeploy.rehearsal.rules import holds
from tests.contract.rehearsal.embedded import NETWORK, PROJECT, REGION, Embedded, embedded

PASSWORD = "c4nary-of-the-user"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path / "state") as started:
        started.network()
        yield started


@pytest.fixture
def sql(cloud: Embedded) -> Any:
    return cloud.api("sqladmin", "v1")


def body(**settings: Any) -> dict[str, Any]:
    address = {
        "ipv4Enabled": False,
        "privateNetwork": NETWORK,
        "allocatedIpRange": "range",
        "sslMode": "ENCRYPTED_ONLY",
    }
    chosen = {"edition": "ENTERPRISE", "tier": "db-custom-1-3840", "ipConfiguration": address, **settings}
    return {"name": "pg", "databaseVersion": "POSTGRES_17", "region": REGION, "settings": chosen}


def refused(request: Any, code: int, reason: str) -> str:
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = caught.value.error_details[0]
    assert (caught.value.status_code, error["reason"]) == (code, reason), error
    return str(caught.value.reason)


def insert(cloud: Embedded, sql: Any, sent: dict[str, Any] | None = None) -> dict[str, Any]:
    cloud.peering()
    sql.instances().insert(project=PROJECT, body=sent or body()).execute()
    cloud.clock.advance(600)
    return dict(sql.instances().get(project=PROJECT, instance="pg").execute())


def done(cloud: Embedded, sql: Any, operation: dict[str, Any], seconds: float = 300) -> dict[str, Any]:
    cloud.clock.advance(seconds)
    return dict(sql.operations().get(project=PROJECT, operation=operation["name"]).execute())


def test_an_instance_comes_to_life_with_a_private_address(cloud: Embedded, sql: Any) -> None:
    cloud.peering()
    operation = sql.instances().insert(project=PROJECT, body=body()).execute()
    assert (operation["status"], operation["operationType"]) == ("PENDING", "CREATE")
    assert sql.instances().get(project=PROJECT, instance="pg").execute()["state"] == "PENDING_CREATE"
    assert done(cloud, sql, operation, 100)["status"] == "RUNNING"
    assert done(cloud, sql, operation, 500)["status"] == "DONE"
    made = sql.instances().get(project=PROJECT, instance="pg").execute()
    assert made["state"] == "RUNNABLE"
    assert made["ipAddresses"] == [{"type": "PRIVATE", "ipAddress": "10.70.0.3"}]
    assert made["connectionName"] == f"{PROJECT}:{REGION}:pg"


def test_both_versions_show_one_state(cloud: Embedded, sql: Any) -> None:
    made = insert(cloud, sql)
    assert cloud.api("sqladmin", "v1beta4").instances().get(project=PROJECT, instance="pg").execute() == made


def test_a_missing_instance_has_its_own_reason_and_no_status(cloud: Embedded, sql: Any) -> None:
    refused(sql.instances().get(project=PROJECT, instance="pg"), 404, "instanceDoesNotExist")
    status, _, answer = cloud.http("GET", f"/sqladmin/v1/projects/{PROJECT}/instances/pg")
    assert status == 404
    assert b'"status"' not in answer


def test_no_private_address_without_a_peering(cloud: Embedded, sql: Any) -> None:
    text = refused(sql.instances().insert(project=PROJECT, body=body()), 400, "invalid")
    assert f"{PROJECT}:pg:NETWORK_NOT_PEERED" in text


def test_a_range_that_the_peering_does_not_have(cloud: Embedded, sql: Any) -> None:
    cloud.peering()
    sent = body()
    sent["settings"]["ipConfiguration"]["allocatedIpRange"] = "other"
    refused(sql.instances().insert(project=PROJECT, body=sent), 400, "invalid")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"edition": None}, "Invalid Tier (db-custom-1-3840) for (ENTERPRISE_PLUS) Edition"),
        ({"tier": "db-perf-optimized-N-2"}, "Invalid Tier (db-perf-optimized-N-2) for (ENTERPRISE) Edition"),
        ({"tier": "db-custom-3-8192"}, "Invalid Tier (db-custom-3-8192)"),
        ({"tier": "db-custom-1-3841"}, "Invalid Tier (db-custom-1-3841)"),
        ({"tier": "db-custom-1-7168"}, "Invalid Tier (db-custom-1-7168)"),
        ({"backupConfiguration": {"enabled": True, "transactionLogRetentionDays": 8}}, "between 1 and 7"),
        ({"backupConfiguration": {"enabled": False, "pointInTimeRecoveryEnabled": True}}, "Point in time recovery"),
        ({"activationPolicy": "ON_DEMAND"}, "ON_DEMAND"),
        ({"userLabels": {"memdeploy": "a/b"}}, "Invalid label value: a/b"),
        ({"dataDiskSizeGb": "9"}, "minimum is 10 GB"),
        ({"ipConfiguration": {"ipv4Enabled": False}}, "connectivity must be enabled"),
    ],
)
def test_settings_that_are_refused(cloud: Embedded, sql: Any, settings: dict[str, Any], words: str) -> None:
    cloud.peering()
    assert words in refused(sql.instances().insert(project=PROJECT, body=body(**settings)), 400, "invalid")


def test_the_default_edition_depends_on_the_version(cloud: Embedded, sql: Any) -> None:
    sent = body(edition=None)
    sent["databaseVersion"] = "POSTGRES_15"
    assert insert(cloud, sql, sent)["settings"]["edition"] == "ENTERPRISE"


@pytest.mark.parametrize("name", ["Pg", "1pg", "pg_1", "pg-", "p" * 99])
def test_names_that_are_refused(cloud: Embedded, sql: Any, name: str) -> None:
    cloud.peering()
    refused(sql.instances().insert(project=PROJECT, body={**body(), "name": name}), 400, "invalid")


def test_a_name_is_taken_until_the_delete_is_done_and_free_at_once_then(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    refused(sql.instances().insert(project=PROJECT, body=body()), 409, "instanceAlreadyExists")
    operation = sql.instances().delete(project=PROJECT, instance="pg").execute()
    refused(sql.instances().insert(project=PROJECT, body=body()), 409, "instanceAlreadyExists")
    done(cloud, sql, operation)
    sql.instances().insert(project=PROJECT, body=body()).execute()


def test_one_operation_at_a_time(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    first = sql.databases().insert(project=PROJECT, instance="pg", body={"name": "one"}).execute()
    second = sql.users().insert(project=PROJECT, instance="pg", body={"name": "app", "password": PASSWORD})
    refused(second, 409, "operationInProgress")
    done(cloud, sql, first)
    second.execute()


def test_a_stale_settings_version_changes_nothing(cloud: Embedded, sql: Any) -> None:
    made = insert(cloud, sql)
    version = made["settings"]["settingsVersion"]
    change = {"settings": {"settingsVersion": version, "userLabels": {"a": "b"}}}
    done(cloud, sql, sql.instances().patch(project=PROJECT, instance="pg", body=change).execute())
    refused(sql.instances().patch(project=PROJECT, instance="pg", body=change), 412, "staleData")
    now = sql.instances().get(project=PROJECT, instance="pg").execute()["settings"]
    assert int(now["settingsVersion"]) == int(version) + 1
    assert now["userLabels"] == {"a": "b"}
    assert now["tier"] == "db-custom-1-3840"


def test_a_put_needs_the_settings_version(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    refused(sql.instances().update(project=PROJECT, instance="pg", body=body()), 400, "invalid")


@pytest.mark.parametrize(
    "settings", [{"dataDiskSizeGb": "10"}, {"ipConfiguration": {"privateNetwork": None, "ipv4Enabled": True}}]
)
def test_what_cannot_be_taken_back(cloud: Embedded, sql: Any, settings: dict[str, Any]) -> None:
    insert(cloud, sql, body(dataDiskSizeGb="20"))
    refused(sql.instances().patch(project=PROJECT, instance="pg", body={"settings": settings}), 400, "invalid")


def test_a_protected_instance_is_not_deleted(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql, body(deletionProtectionEnabled=True))
    refused(sql.instances().delete(project=PROJECT, instance="pg"), 400, "invalid")
    change = {"settings": {"deletionProtectionEnabled": False}}
    done(cloud, sql, sql.instances().patch(project=PROJECT, instance="pg", body=change).execute())
    done(cloud, sql, sql.instances().delete(project=PROJECT, instance="pg").execute())
    refused(sql.instances().get(project=PROJECT, instance="pg"), 404, "instanceDoesNotExist")


def test_a_stopped_instance_stays_runnable_and_hides_users_and_databases(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    stop, start = ({"settings": {"activationPolicy": policy}} for policy in ("NEVER", "ALWAYS"))
    done(cloud, sql, sql.instances().patch(project=PROJECT, instance="pg", body=stop).execute())
    assert sql.instances().get(project=PROJECT, instance="pg").execute()["state"] == "RUNNABLE"
    assert "not running" in refused(sql.users().list(project=PROJECT, instance="pg"), 400, "invalid")
    assert "not running" in refused(sql.databases().list(project=PROJECT, instance="pg"), 400, "invalid")
    done(cloud, sql, sql.instances().patch(project=PROJECT, instance="pg", body=start).execute())
    assert [user["name"] for user in sql.users().list(project=PROJECT, instance="pg").execute()["items"]] == [
        "postgres"
    ]


def test_databases_are_made_once(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    make = sql.databases().insert(project=PROJECT, instance="pg", body={"name": "memory"})
    refused(sql.databases().get(project=PROJECT, instance="pg", database="memory"), 404, "notFound")
    assert done(cloud, sql, make.execute())["operationType"] == "CREATE_DATABASE"
    assert sql.databases().get(project=PROJECT, instance="pg", database="memory").execute()["charset"] == "UTF8"
    assert 'database "memory" already exists' in refused(make, 400, "invalid")
    done(cloud, sql, sql.databases().delete(project=PROJECT, instance="pg", database="memory").execute())
    refused(sql.databases().get(project=PROJECT, instance="pg", database="memory"), 404, "notFound")


def test_passwords_come_back_in_no_answer(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    user = {"name": "app", "password": PASSWORD}
    answers = [sql.users().insert(project=PROJECT, instance="pg", body=user).execute()]
    answers.append(done(cloud, sql, answers[0]))
    answers.append(sql.users().get(project=PROJECT, instance="pg", name="app").execute())
    answers.append(sql.users().list(project=PROJECT, instance="pg").execute())
    update = sql.users().update(project=PROJECT, instance="pg", name="app", body={"password": f"{PASSWORD}-2"})
    answers.append(done(cloud, sql, update.execute()))
    _, _, log = cloud.http("GET", "/_rehearsal/requests?since=0")
    assert PASSWORD not in f"{answers}{log!r}"
    with cloud.store.transaction():
        kept = [row.body | row.hidden for row in cloud.store.everything()] + cloud.store.operations("sqladmin")
        assert cloud.store.secrets.get(f"projects/{PROJECT}/instances/pg/users/app") == f"{PASSWORD}-2".encode()
    assert PASSWORD not in str(kept)


def test_only_users_that_exist_are_updated(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    update = sql.users().update(project=PROJECT, instance="pg", name="app", body={"password": PASSWORD})
    refused(update, 404, "notFound")


def test_the_authority_signed_the_servers_certificate(cloud: Embedded, sql: Any) -> None:
    made = insert(cloud, sql)
    listed = sql.instances().listServerCas(project=PROJECT, instance="pg").execute()
    assert listed["certs"] == [made["serverCaCert"]]
    assert listed["activeVersion"] == made["serverCaCert"]["sha1Fingerprint"]
    authority = x509.load_pem_x509_certificate(made["serverCaCert"]["cert"].encode())
    with cloud.store.transaction():
        row = cloud.store.get("sqladmin", f"projects/{PROJECT}/instances/pg")
        key = cloud.store.secrets.get(f"projects/{PROJECT}/instances/pg/tls")
    assert row is not None
    assert key is not None
    certificate = x509.load_pem_x509_certificate(row.hidden["certificate"].encode())
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.public_key() == certificate.public_key()


def test_a_final_backup_is_found_by_its_description(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    wish = {"enableFinalBackup": True, "finalBackupTtlDays": "30", "finalBackupDescription": "memdeploy/abc"}
    done(cloud, sql, sql.instances().delete(project=PROJECT, instance="pg", **wish).execute())
    backups = sql.Backups().ListBackups(parent=f"projects/{PROJECT}", filter="instance:pg AND type:FINAL").execute()
    (backup,) = backups["backups"]
    assert (backup["description"], backup["state"]) == ("memdeploy/abc", "SUCCESSFUL")
    assert backup["name"].startswith(f"projects/{PROJECT}/backups/")
    assert backup["expiryTime"] > backup["instanceDeletionTime"]
    assert not sql.Backups().ListBackups(parent=f"projects/{PROJECT}", filter="instance:other").execute()
    done(cloud, sql, sql.Backups().DeleteBackup(name=backup["name"]).execute())
    refused(sql.Backups().GetBackup(name=backup["name"]), 404, "notFound")


def test_a_final_backup_is_not_kept_for_longer_than_a_year(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    wish = {"enableFinalBackup": True, "finalBackupTtlDays": "366"}
    refused(sql.instances().delete(project=PROJECT, instance="pg", **wish), 400, "invalid")


@pytest.mark.parametrize(("retained", "left"), [(True, 1), (False, 0)])
def test_ordinary_backups_go_with_the_instance_unless_retained(
    cloud: Embedded, sql: Any, retained: bool, left: int
) -> None:
    insert(cloud, sql, body(retainBackupsOnDelete=retained))
    parent = f"projects/{PROJECT}"
    done(cloud, sql, sql.Backups().CreateBackup(parent=parent, body={"instance": "pg"}).execute())
    done(cloud, sql, sql.instances().delete(project=PROJECT, instance="pg").execute())
    assert len(sql.Backups().ListBackups(parent=parent).execute().get("backups", [])) == left


def test_the_producer_uses_the_peering_for_days_after(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    done(cloud, sql, sql.instances().delete(project=PROJECT, instance="pg").execute())
    with cloud.store.transaction():
        assert holds.user_of_peering(cloud.app.cloud, NETWORK)
        cloud.clock.advance(4 * 86400)
        assert holds.user_of_peering(cloud.app.cloud, NETWORK) is None


def test_instances_get_addresses_of_their_own(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    for name, region in (("pg-2", REGION), ("pg-3", "europe-west1")):
        sql.instances().insert(project=PROJECT, body={**body(), "name": name, "region": region}).execute()
    cloud.clock.advance(600)
    items = sql.instances().list(project=PROJECT).execute()["items"]
    assert [item["ipAddresses"][0]["ipAddress"] for item in items] == ["10.70.0.3", "10.70.0.4", "10.70.1.3"]


def test_operations_are_listed_by_instance(cloud: Embedded, sql: Any) -> None:
    insert(cloud, sql)
    found = sql.operations().list(project=PROJECT, instance="pg").execute()["items"]
    assert [one["operationType"] for one in found] == ["CREATE"]
    assert sql.operations().list(project=PROJECT, instance="other").execute().get("items", []) == []
