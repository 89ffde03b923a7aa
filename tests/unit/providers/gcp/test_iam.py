from __future__ import annotations

from memdeploy.providers.gcp import iam

OTHERS = {"role": "roles/viewer", "members": ["user:a@b.c"]}
CONDITIONAL = {"role": "roles/x", "members": ["user:a@b.c"], "condition": {"expression": "true"}}


def test_a_member_is_added_once_and_nothing_else_changes() -> None:
    policy = {"bindings": [OTHERS, CONDITIONAL], "etag": "e", "version": 3}
    once = iam.with_bindings(policy, {"roles/x": ["user:a@b.c"]})
    assert once == {
        "bindings": [OTHERS, CONDITIONAL, {"role": "roles/x", "members": ["user:a@b.c"]}],
        "etag": "e",
        "version": 3,
    }
    assert iam.with_bindings(once, {"roles/x": ["user:a@b.c"]}) == once
    assert policy["bindings"] == [OTHERS, CONDITIONAL]


def test_a_conditional_binding_is_no_grant() -> None:
    assert iam.missing({"bindings": [CONDITIONAL]}, {"roles/x": ["user:a@b.c"]}) == {"roles/x": ["user:a@b.c"]}
    assert iam.held({"bindings": [CONDITIONAL]}, {"roles/x": ["user:a@b.c"]}) == {}


def test_removal_takes_ours_only() -> None:
    mine = {"role": "roles/x", "members": ["serviceAccount:m", "user:z@b.c"]}
    policy = {"bindings": [OTHERS, mine, CONDITIONAL], "etag": "e"}
    left = iam.without_bindings(policy, {"roles/x": ["serviceAccount:m"]})
    assert left["bindings"] == [OTHERS, {"role": "roles/x", "members": ["user:z@b.c"]}, CONDITIONAL]
    assert left["etag"] == "e"


def test_a_binding_without_members_goes() -> None:
    policy = {"bindings": [{"role": "roles/x", "members": ["m"]}]}
    assert iam.without_bindings(policy, {"roles/x": ["m"]})["bindings"] == []


def test_the_etag_travels_as_bytes_and_back() -> None:
    from google.iam.v1 import policy_pb2

    fields = iam.to_proto_fields({"bindings": [{"role": "r", "members": ["m"]}], "etag": "BwY=", "version": 1})
    message = policy_pb2.Policy(**fields)
    assert message.etag == b"\x07\x06"
    assert iam.from_proto(message) == {"bindings": [{"role": "r", "members": ["m"]}], "etag": "BwY=", "version": 1}
