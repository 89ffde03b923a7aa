from __future__ import annotations

import copy
from typing import Any

import pytest

from memdeploy.engine.step import Step
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp import iam
from tests.unit.engine.toys import Lab

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


class Project:
    """A project's policy as the cloud keeps it: a write with an outdated etag is refused, one without any wins
    (https://cloud.google.com/iam/docs/policies#etag). `meanwhile` writes between our read and our write, once."""

    def __init__(self, meanwhile: dict[str, Any] | None = None) -> None:
        self.policy: dict[str, Any] = {"bindings": [OTHERS], "etag": "1"}
        self._meanwhile = meanwhile

    def get(self) -> dict[str, Any]:
        return copy.deepcopy(self.policy)

    def set(self, policy: dict[str, Any]) -> dict[str, Any]:
        if self._meanwhile is not None:
            self._write({**self.policy, "bindings": [*self.policy["bindings"], self._meanwhile]})
            self._meanwhile = None
        if policy.get("etag", self.policy["etag"]) != self.policy["etag"]:
            raise CloudError("concurrent policy changes", kind=ErrorKind.STALE)
        return self._write(policy)

    def _write(self, policy: dict[str, Any]) -> dict[str, Any]:
        self.policy = {**policy, "etag": str(int(self.policy["etag"]) + 1)}
        return self.get()


@pytest.mark.parametrize("meanwhile", [None, {"role": "roles/editor", "members": ["user:c@d.e"]}])
def test_what_somebody_else_grants_at_the_same_time_stays(meanwhile: dict[str, Any] | None) -> None:
    project = Project(meanwhile)
    grants = iam.Grants(iam.PolicyAccess("project p", project.get, project.set))
    step = Step("grants", grants, inputs={"bindings": {"roles/x": ["user:m@n.o"]}})

    assert Lab(step).runner.ensure().ok

    ours = {"role": "roles/x", "members": ["user:m@n.o"]}
    assert project.policy["bindings"] == [OTHERS, *([meanwhile] if meanwhile else []), ours]
