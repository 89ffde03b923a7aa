"""Secret Manager's rules through the real client (REST)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager_v1 as sm
from google.oauth2.credentials import Credentials

from memdeploy.rehearsal import identity, policies
from tests.contract.rehearsal.embedded import NUMBER, PROJECT, Embedded, embedded

PARENT = f"projects/{PROJECT}"
AUTOMATIC = {"automatic": {}}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Embedded]:
    with embedded(tmp_path) as made:
        yield made


def client(cloud: Embedded, token: str | None = None) -> sm.SecretManagerServiceClient:
    credentials = Credentials(token) if token else AnonymousCredentials()
    options = {"api_endpoint": f"{cloud.endpoint}/secretmanager"}
    return sm.SecretManagerServiceClient(credentials=credentials, transport="rest", client_options=options)


@pytest.fixture
def secrets(cloud: Embedded) -> sm.SecretManagerServiceClient:
    return client(cloud)


@pytest.fixture
def secret(secrets: sm.SecretManagerServiceClient) -> sm.Secret:
    return secrets.create_secret(
        parent=PARENT, secret_id="key", secret={"replication": AUTOMATIC, "labels": {"a": "b"}}
    )


def test_names_carry_the_number(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    assert secret.name == f"projects/{NUMBER}/secrets/key"
    assert secrets.get_secret(name=f"{PARENT}/secrets/key") == secrets.get_secret(name=secret.name) == secret


def test_a_name_is_given_once(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    with pytest.raises(exceptions.Conflict, match="already exists"):
        secrets.create_secret(parent=PARENT, secret_id="key", secret={"replication": AUTOMATIC})


@pytest.mark.parametrize(
    ("id_", "secret"),
    [
        ("a/b", {"replication": AUTOMATIC}),
        ("key", {}),
        ("key", {"replication": AUTOMATIC, "labels": {"memdeploy": "a/b"}}),
    ],
)
def test_refuses_bad_definitions(secrets: sm.SecretManagerServiceClient, id_: str, secret: dict[str, object]) -> None:
    with pytest.raises(exceptions.BadRequest):
        secrets.create_secret(parent=PARENT, secret_id=id_, secret=secret)


def test_versions_count_up_and_are_read_by_number_or_latest(
    secrets: sm.SecretManagerServiceClient, secret: sm.Secret
) -> None:
    for value in (b"one", b"two"):
        secrets.add_secret_version(parent=secret.name, payload={"data": value})
    first = secrets.access_secret_version(name=f"{secret.name}/versions/1")
    assert first.payload.data == b"one"
    assert first.payload.data_crc32c == google_crc32c.value(b"one")
    assert secrets.access_secret_version(name=f"{secret.name}/versions/latest").name.endswith("/2")
    assert [v.name[-1] for v in secrets.list_secret_versions(parent=secret.name)] == ["2", "1"]


def test_a_wrong_checksum_adds_nothing(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    with pytest.raises(exceptions.BadRequest, match="crc32c"):
        secrets.add_secret_version(parent=secret.name, payload={"data": b"one", "data_crc32c": 1})
    assert not list(secrets.list_secret_versions(parent=secret.name))


def test_a_disabled_version_cannot_be_read_and_a_destroyed_one_not_enabled(
    secrets: sm.SecretManagerServiceClient, secret: sm.Secret
) -> None:
    version = secrets.add_secret_version(parent=secret.name, payload={"data": b"one"}).name
    secrets.disable_secret_version(name=version)
    with pytest.raises(exceptions.BadRequest, match="DISABLED"):
        secrets.access_secret_version(name=version)
    secrets.enable_secret_version(name=version)
    assert secrets.access_secret_version(name=version).payload.data == b"one"
    secrets.destroy_secret_version(name=version)
    with pytest.raises(exceptions.BadRequest, match="DESTROYED"):
        secrets.enable_secret_version(name=version)


def test_labels_change_under_a_mask_and_an_etag(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    changed = secrets.update_secret(
        secret={"name": secret.name, "labels": {"a": "c"}, "etag": secret.etag}, update_mask={"paths": ["labels"]}
    )
    assert dict(changed.labels) == {"a": "c"}
    with pytest.raises(exceptions.Conflict):
        secrets.update_secret(
            secret={"name": secret.name, "labels": {}, "etag": secret.etag}, update_mask={"paths": ["labels"]}
        )


def test_a_filter_chooses_by_label(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    assert [s.name for s in secrets.list_secrets(request={"parent": PARENT, "filter": "labels.a=b"})] == [secret.name]
    assert not list(secrets.list_secrets(request={"parent": PARENT, "filter": "labels.a=x"}))


def test_an_account_reads_only_what_it_was_granted_and_only_after_a_while(
    cloud: Embedded, secrets: sm.SecretManagerServiceClient, secret: sm.Secret
) -> None:
    version = secrets.add_secret_version(parent=secret.name, payload={"data": b"one"}).name
    email = cloud.account("reader")
    with cloud.store.transaction():
        token = identity.access_token(cloud.app.cloud, email)
    reader = client(cloud, token)
    with pytest.raises(exceptions.Forbidden, match=r"secretmanager\.versions\.access"):
        reader.access_secret_version(name=version)
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{email}"]}
    secrets.set_iam_policy(request={"resource": secret.name, "policy": {"bindings": [binding]}})
    with pytest.raises(exceptions.Forbidden):
        reader.access_secret_version(name=version)
    cloud.clock.advance(policies.PROPAGATION)
    assert reader.access_secret_version(name=version).payload.data == b"one"


def test_a_policy_is_written_under_its_etag(secrets: sm.SecretManagerServiceClient, secret: sm.Secret) -> None:
    stale = secrets.get_iam_policy(request={"resource": secret.name})
    assert stale.etag
    stale.bindings.add(role="roles/secretmanager.viewer", members=["user:a@example.com"])
    written = secrets.set_iam_policy(request={"resource": secret.name, "policy": stale})
    assert written.etag != stale.etag
    with pytest.raises(exceptions.Conflict, match="concurrent policy changes"):
        secrets.set_iam_policy(request={"resource": secret.name, "policy": stale})


@pytest.mark.parametrize("member", ["a@example.com", f"serviceAccount:nobody@{PROJECT}.iam.gserviceaccount.com"])
def test_a_policy_knows_its_members(secrets: sm.SecretManagerServiceClient, secret: sm.Secret, member: str) -> None:
    policy = {"bindings": [{"role": "roles/secretmanager.viewer", "members": [member]}]}
    with pytest.raises(exceptions.BadRequest, match=r"unknown type|does not exist"):
        secrets.set_iam_policy(request={"resource": secret.name, "policy": policy})


def test_values_are_nowhere_but_in_the_secret_file(
    cloud: Embedded, secrets: sm.SecretManagerServiceClient, secret: sm.Secret, tmp_path: Path
) -> None:
    secrets.add_secret_version(parent=secret.name, payload={"data": b"canary-value"})
    holders = {p.name for p in tmp_path.iterdir() if b"canary-value" in p.read_bytes() or b"Y2FuYXJ5" in p.read_bytes()}
    assert holders
    assert all(name.startswith("secrets.db") for name in holders)
    secrets.delete_secret(name=secret.name)
    with cloud.store.transaction():
        assert cloud.store.secrets.get(f"{PARENT}/secrets/key/versions/1") is None
