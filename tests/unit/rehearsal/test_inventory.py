from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memdeploy.rehearsal import inventory
from memdeploy.rehearsal.store import Row, Store

ID = "abc123abc123"


@pytest.mark.parametrize(
    ("body", "marker"),
    [
        ({"labels": {"memdeploy": ID}}, ID),
        ({"settings": {"userLabels": {"memdeploy": ID}}}, ID),
        ({"description": f"memdeploy/{ID}"}, ID),
        ({"description": "memdeploy/shared-europe-west1"}, "shared-europe-west1"),
        ({"tags": [f"memdeploy-{ID}-0a1b2c"]}, ID),
        ({"description": "somebody else's", "labels": {"team": "a"}}, None),
    ],
)
def test_markers(tmp_path: Path, body: dict[str, Any], marker: str | None) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.put(Row("x", "T", "projects/p/things/a", body), 0.0)
        assert inventory.resources(store)[0]["marker"] == marker


def test_children_inherit_by_name_or_by_what_the_rule_says(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        store.put(Row("x", "T", "projects/p/things/a", {"labels": {"memdeploy": ID}}), 0.0)
        store.put(Row("x", "Part", "projects/p/things/a/parts/1", {}), 0.0)
        store.put(Row("y", "Other", "other/1", {}, {"parent": ["x", "projects/p/things/a"]}), 0.0)
        store.put(Row("y", "Other", "other/2", {"state": "ACTIVE"}), 0.0)
        found = {r["name"]: (r["marker"], r["state"]) for r in inventory.resources(store)}
    assert found["projects/p/things/a/parts/1"] == (ID, "READY")
    assert found["other/1"] == (ID, "READY")
    assert found["other/2"] == (None, "ACTIVE")
