from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.rehearsal import world
from memdeploy.rehearsal.store import Store


def test_without_a_file_every_project_exists_and_its_number_leads_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.transaction():
        projects = world.Projects(world.World(), store)
        found = projects("acme-prod-1")
        assert found is not None
        assert found.billing
        assert not found.denied
        assert projects(found.number) == found
        assert projects("No Project") is None


def test_with_a_file_only_what_it_lists(tmp_path: Path) -> None:
    text = "projects: [{id: proj-1, number: 123456789012, billing: false, deny: [a.b.c]}]\nhub: ['neo4j:x']"
    listed = world.parse_text(text)
    store = Store(tmp_path)
    with store.transaction():
        projects = world.Projects(listed, store)
        found = projects("123456789012")
        assert found is not None
        assert (found.id, found.billing, found.denied) == ("proj-1", False, frozenset({"a.b.c"}))
        assert projects("proj-2") is None
    assert listed.hub == ("neo4j:x",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("project: []", "unknown key 'project'"),
        ("projects: [{id: P}]", r"projects\[0\].id"),
        ("projects: [{id: proj-1, billed: true}]", "unknown key 'billed'"),
        ("projects: [{id: proj-1, before: [{service: compute, path: x}]}]", r"before\[0\]"),
        ("- a", "expected a mapping"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        world.read(path)
    assert str(path) in str(raised.value)
