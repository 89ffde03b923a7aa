"""What must be in a request and what only the server writes: facts of Google's .proto files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from memdeploy.rehearsal.behavior import Behavior, snake
from memdeploy.rehearsal.contract import Contract, complete
from memdeploy.rehearsal.refusal import Refusal

CONTRACT = Contract()
RUN, _ = CONTRACT.documents("run")
SQL, _ = CONTRACT.documents("sqladmin")
SERVICE = "GoogleCloudRunV2Service"
PROTO = """
// package google.cloud.lies.v9;
package google.cloud.toys.v1;
service Toys {
  rpc Make(MakeRequest) returns (Toy) {
    option (google.api.http) = { post: "/v1/{parent=a/*}" body: "toy" };
  }
}
message Toy {
  // string not_a_field = 9 [(google.api.field_behavior) = REQUIRED];
  string plain = 1;
  string choice = 2 [(google.api.field_behavior) = OPTIONAL];
  repeated string two_words = 3 [
    (google.api.field_behavior) = OUTPUT_ONLY,
    (google.api.resource_reference) = { type: "a.googleapis.com/B" }
  ];
  map<string, string> pairs = 4 [(google.api.field_behavior) = REQUIRED];
  optional int64 both = 5 [(google.api.field_behavior) = INPUT_ONLY, (google.api.field_behavior) = IMMUTABLE];
  enum Kind { KIND_UNSPECIFIED = 0; }
  message Part { string wheel = 1 [(google.api.field_behavior) = REQUIRED]; }
  oneof way {
    Part part = 6 [(google.api.field_behavior) = REQUIRED];  /* of Toy; not of the oneof */
  }
  string last = 7 [deprecated = true];
}
"""


def script() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "scripts" / "field_behavior.py"
    spec = importlib.util.spec_from_file_location("field_behavior", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_read_from_protos(tmp_path: Path) -> None:
    (tmp_path / "toys.proto").write_text(PROTO)
    (tmp_path / "other.proto").write_text("package google.iam.v1;\nmessage A { string b = 1; }")
    assert script().read(tmp_path) == {
        "toys.v1": {
            "Part.wheel": ["REQUIRED"],
            "Toy.both": ["IMMUTABLE", "INPUT_ONLY"],
            "Toy.pairs": ["REQUIRED"],
            "Toy.part": ["REQUIRED"],
            "Toy.twoWords": ["OUTPUT_ONLY"],
        }
    }


def body(sent: Any, *, partial: bool = False) -> dict[str, Any]:
    return complete(RUN, SERVICE, "create", sent, partial=partial)


@pytest.mark.parametrize(
    ("template", "where"),
    [
        (None, "template"),
        ({"containers": [{"image": "a"}, {"name": "b"}]}, "template.containers[1].image"),
        ({"containers": [{"image": "a", "env": [{"value": "x"}]}]}, "template.containers[0].env[0].name"),
        (
            {"containers": [{"image": "a", "env": [{"name": "x", "valueSource": {"secretKeyRef": {}}}]}]},
            "template.containers[0].env[0].value_source.secret_key_ref.secret",
        ),
        (
            {"containers": [{"image": "a", "volumeMounts": [{"name": "v", "mountPath": ""}]}]},
            "template.containers[0].volume_mounts[0].mount_path",
        ),
        ({"containers": [{"image": "a"}], "volumes": [{"secret": {"secret": "s"}}]}, "template.volumes[0].name"),
    ],
)
def test_the_want_of_a_required_field_is_refused(template: Any, where: str) -> None:
    """googleapis/google-cloud-java#11101: the words."""
    with pytest.raises(Refusal) as refused:
        body({"template": template} if template is not None else {"labels": {"a": "b"}})
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
    assert refused.value.message == f"Violation in CreateServiceRequest.service.{where}: required field not present."


def test_an_update_of_some_fields_wants_those_alone_but_whole_items() -> None:
    assert body({"description": "x"}, partial=True) == {"description": "x"}
    with pytest.raises(Refusal, match=r"containers\[0\]\.image"):
        body({"template": {"containers": [{"args": ["x"]}]}}, partial=True)


def test_what_only_the_server_writes_is_dropped_at_any_depth() -> None:
    """https://google.aip.dev/203#output-only: "the service must clear it"; what is optional stays."""
    sent = {
        "uid": "mine", "createTime": "2020-01-01T00:00:00Z", "etag": "e", "creator": "me", "description": "kept",
        "template": {"containers": [{"image": "a", "buildInfo": {"functionTarget": "f"}}]},
    }  # fmt: skip
    assert body(sent) == {"etag": "e", "description": "kept", "template": {"containers": [{"image": "a"}]}}
    instance = {
        "name": "n",
        "databaseInstalledVersion": "POSTGRES_9",
        "settings": {"tier": "t", "edition": "ENTERPRISE"},
    }
    assert Behavior(SQL).cleared("DatabaseInstance", instance) == {key: instance[key] for key in ("name", "settings")}


def test_maps_and_what_has_no_table_pass_as_they_are() -> None:
    labels = {"uid": "a label of that name", "name": ""}
    assert Behavior(RUN).cleared(SERVICE, {"labels": labels}) == {"labels": labels}
    (secrets,) = CONTRACT.documents("secretmanager")
    assert Behavior(secrets).missing("Secret", {}) == []


def test_names_are_written_as_in_protos() -> None:
    assert snake("template.vpcAccess.networkInterfaces[0]") == "template.vpc_access.network_interfaces[0]"
