"""The contract is Google's own documents; what real traffic shows to be tolerated is tolerated, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.rehearsal.contract import Contract
from memdeploy.rehearsal.refusal import Refusal

CONTRACT = Contract()
SQL = ("sqladmin", "POST", "v1/projects/p/instances")
GOOD = {
    "name": "x",
    "databaseVersion": "POSTGRES_17",
    "settings": {"tier": "db-custom-1-3840", "edition": "ENTERPRISE"},
}


def body(service: str, verb: str, path: str, sent: Any) -> dict[str, Any]:
    match = CONTRACT.match(service, verb, path)
    assert match is not None
    return CONTRACT.body(match, sent)


FOUND = """
run POST v2/projects/p/locations/r/services run.projects.locations.services.create
secretmanager GET v1/projects/p/secrets/s/versions/1:access secretmanager.projects.secrets.versions.access
sqladmin GET sql/v1beta4/projects/p/instances/i sql.instances.get
compute GET compute/v1/projects/p/zones/z/instances/i/serialPort compute.instances.getSerialPortOutput
serviceusage POST v1/projects/1/services:batchEnable serviceusage.services.batchEnable
run GET apis/serving.knative.dev/v1/namespaces/p/services/s run.namespaces.services.get
iam POST v1/projects/p/serviceAccounts/a@p.example.com:setIamPolicy iam.projects.serviceAccounts.setIamPolicy
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_finds_methods_by_published_path(line: str) -> None:
    service, verb, path, method = line.split()
    match = CONTRACT.match(service, verb, path)
    assert match is not None
    assert match.method.id == method


def test_path_parameters_are_those_of_the_published_path() -> None:
    match = CONTRACT.match("run", "POST", "v2/projects/p/locations/r/services")
    assert match is not None
    assert match.params == {"parent": "projects/p/locations/r"}


@pytest.mark.parametrize(
    ("service", "verb", "path"),
    [
        ("sqladmin", "POST", "v1/projects/p/instance"),
        ("sqladmin", "PUT", "v1/projects/p"),
        ("secretmanager", "GET", "v1/projects/p/secrets/a/b"),
        ("secretmanager", "POST", "v1/projects/p/secrets/a:explode"),
    ],
)
def test_other_paths_do_not_exist(service: str, verb: str, path: str) -> None:
    assert CONTRACT.match(service, verb, path) is None


def test_an_encoded_slash_separates_nothing() -> None:
    path = "v1/projects/p/locations/r/repositories/m/packages/a%2Fb"
    match = CONTRACT.match("artifactregistry", "GET", path)
    assert match is not None
    assert match.params["name"].endswith("packages/a/b")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"ipConfig": {}}}, "Unknown name \"ipConfig\" at 'settings': Cannot find field."),
        ({"databaseVersion": "POSTGRES_99"}, "Invalid value at 'databaseVersion' (TYPE_ENUM)"),
        ({"settings": {"storageAutoResize": "no"}}, "(TYPE_BOOL)"),
        ({"settings": {"dataDiskSizeGb": "ten"}}, "(TYPE_INT64)"),
        ({"settings": []}, "(object)"),
        ({"region": 5}, "(TYPE_STRING)"),
    ],
)
def test_refuses_what_the_schema_does_not_have(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        body(*SQL, {**GOOD, **change})
    assert refused.value.code == 400
    assert words in refused.value.message


def test_tolerates_path_parameters_snake_case_and_empty_enums() -> None:
    assert body(*SQL, {**GOOD, "project": "p"})["name"] == "x"
    assert body(*SQL, {**GOOD, "database_version": "", "settings": {"data_disk_size_gb": 10}}) == {
        **GOOD,
        "databaseVersion": "",
        "settings": {"dataDiskSizeGb": "10"},
    }


def test_enum_numbers_become_names_also_where_the_order_is_not_the_number() -> None:
    sent = {"launchStage": 4, "template": {"vpcAccess": {"egress": 2}}, "ingress": 1}
    regular = body("run", "POST", "v2/projects/p/locations/r/services", sent)
    assert regular["launchStage"] == "GA"
    assert regular["template"]["vpcAccess"]["egress"] == "PRIVATE_RANGES_ONLY"
    assert regular["ingress"] == "INGRESS_TRAFFIC_ALL"


def test_query_names_are_checked() -> None:
    match = CONTRACT.match("secretmanager", "POST", "v1/projects/p/secrets")
    assert match is not None
    assert CONTRACT.query(match, "secret_id=a&$alt=json&key=k") == {"secretId": ["a"]}
    with pytest.raises(Refusal, match="Field 'secretID' could not be found"):
        CONTRACT.query(match, "secretID=a")
