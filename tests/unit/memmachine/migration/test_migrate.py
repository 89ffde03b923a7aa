"""Whole migrations against a MemMachine in memory: whatever order things happen in, all arrives, once."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from memdeploy.errors import Refused
from memdeploy.memmachine.api import ApiError, Client
from memdeploy.memmachine.migration import Result, Sides, State, migrate, take
from memdeploy.memmachine.records import Feature, Project, ProjectId
from tests.unit.memmachine.migration.memmachine import FLAGS, MemMachine
from tests.unit.memmachine.migration.test_pairing import episode

A, B, C = ProjectId("acme", "a"), ProjectId("acme", "b"), ProjectId("other", "c")


@pytest.fixture(autouse=True)
def _same_each_time() -> None:
    random.seed(7)


@pytest.fixture
def old() -> MemMachine:
    """Three projects of 20 memories, several to an instant; features of sets of every kind, with citations."""
    machine = MemMachine("0.3.9")
    client = Client(machine, "http://old")
    uids = {}
    for project in (A, B, C):
        client.create_project(Project(project, f"of {project}", {}, {}))
        producers = ("ann", "bob")
        memories = [
            episode("", n // 4, content=f"{project} {n // 3}", producer=producers[n % 2], metadata={"team": str(n % 3)})
            for n in range(20)
        ]
        uids[project] = client.add(project, memories)
    machine.kinds["acme"] = [{"id": "k9", "is_org_level": True, "tags": ["team"]}]
    client.add_category(A, "acme:team=1", {"name": "teams", "prompt": "p"})
    for set_id, category, cited in [
        ("org:acme", "profile", (uids[A][0], uids[B][0])), ("project:acme/a", "profile", (uids[A][1],)),
        ("acme:producer_id=bob", "profile", ()), ("acme:team=1", "teams", (uids[B][2],)),
        ("org:other", "profile", ()), ("org:other", "profile", ()),
    ]:  # fmt: skip
        client.add_feature(A, Feature("", set_id, category, "t", "n", "v", {"k": "1"}, cited))
    machine.adds.clear()
    return machine


@pytest.fixture
def new() -> MemMachine:
    return MemMachine("0.4.0")


def run(old: MemMachine, new: MemMachine, tmp_path: Path, **more: Any) -> Result:
    sides = {name: more.pop(name) for name in ("batch", "default_config") if name in more}
    with State.open(tmp_path / "state.json", pair="old>new") as state:
        both = Client(old, "http://old"), Client(new, "http://new")
        return migrate(Sides(*both, state, sleep=lambda _: None, **{"batch": 5, **sides}), now=lambda: 0.0, **more)


def contents(machine: MemMachine) -> Any:
    """All of a side but its ids; citations as what they cite."""
    texts = {e["uid"]: e["content"] for p in machine.projects.values() for e in p["episodes"]}
    projects = {
        key: (p["description"], p["config"], p["flags"], sorted(
            (e["created_at"], e["content"], e["producer_id"], str(e["metadata"])) for e in p["episodes"]
        ))
        for key, p in machine.projects.items()
    }  # fmt: skip
    features = sorted(
        (f["set_id"], f["category"], f["value"], sorted(texts[uid] for uid in f["metadata"]["citations"]))
        for f in machine.features.values()
    )
    return projects, features


def test_all_of_it_arrives(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    result = run(old, new, tmp_path)
    assert result.comparison.differences == []
    assert result.holds
    assert (result.comparison.episodes, result.comparison.features, result.features) == (60, 6, 6)
    assert result.comparison.found == result.comparison.sampled == 60
    assert contents(new) == contents(old)
    assert all(add["size"] % 4 == 0 for add in new.adds)  # no instant is split
    assert old.adds == []


def test_short_term_memory_is_off_while_memories_come_in_and_as_before_afterwards(
    old: MemMachine, new: MemMachine, tmp_path: Path
) -> None:
    old.projects["acme", "b"]["flags"]["long_term_memory_enabled"] = False
    assert run(old, new, tmp_path).holds
    assert {add["flags"]["short_term_memory_enabled"] for add in new.adds} == {False}
    assert {add["flags"]["long_term_memory_enabled"] for add in new.adds} == {True}
    assert new.projects["acme", "a"]["flags"] == FLAGS
    assert new.projects["acme", "b"]["flags"]["long_term_memory_enabled"] is False


@pytest.mark.parametrize("fate", ["lost", "half", "late"])
@pytest.mark.parametrize("every", [1, 2, 5])
def test_whatever_becomes_of_a_batch_it_arrives_once(
    old: MemMachine, new: MemMachine, tmp_path: Path, fate: str, every: int
) -> None:
    """Each failure ends the process; the next one begins anew with the same state."""
    failed: set[int] = set()

    def on_add(number: int) -> str | None:
        if number % every == 0 and len(failed) < 4:
            failed.add(number)
            return fate
        return None

    new.on_add = on_add
    failures = 0
    while True:
        try:
            result = run(old, new, tmp_path)
            break
        except ApiError:
            failures += 1
    assert failures == len(failed) >= 2
    new.settle()
    result = run(old, new, tmp_path)
    assert result.holds
    assert contents(new) == contents(old)
    assert all(e["whole"] for p in new.projects.values() for e in p["episodes"])


@pytest.mark.parametrize("at", range(1, 200, 7))
def test_ended_at_any_request_it_goes_on(old: MemMachine, new: MemMachine, tmp_path: Path, at: int) -> None:
    class Killed(BaseException):
        """Nobody catches it, as nobody catches SIGKILL."""

    def on_request(path: str) -> None:
        if new.requests == at:
            raise Killed

    new.on_request = on_request
    with pytest.raises(Killed):
        run(old, new, tmp_path)
    result = run(old, new, tmp_path)
    assert result.holds
    assert contents(new) == contents(old)


def test_once_more_adds_nothing(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    run(old, new, tmp_path)
    adds, features = len(new.adds), set(new.features)
    result = run(old, new, tmp_path)
    assert [(one.seen, one.added, one.found, one.removed) for one in result.passes] == [(60, 0, 60, 0)]
    assert (len(new.adds), set(new.features), result.features) == (adds, features, 0)


def test_what_changes_on_the_old_side_is_followed(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    run(old, new, tmp_path)
    client = Client(old, "http://old")
    gone, *_ = old.projects["acme", "a"]["episodes"]
    client.delete_episodes(A, [gone["uid"]])
    client.add(A, [episode("", 2, content="late")])
    client.delete_project(C)
    number = next(n for n, f in old.features.items() if f["set_id"] == "acme:team=1")
    client.delete_features(A, [number])
    client.add_feature(A, Feature("", "acme:team=1", "teams", "t", "n", "newer", {}, ()))
    for feature in [f for f in old.features.values() if gone["uid"] in f["metadata"]["citations"]]:
        feature["metadata"]["citations"].remove(gone["uid"])
    result = run(old, new, tmp_path)
    assert result.holds
    assert new.projects.keys() == old.projects.keys()
    assert contents(new)[0] == contents(old)[0]
    assert "newer" in {f["value"] for f in new.features.values()}


def test_writers_that_never_rest_are_not_followed_for_ever(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    client, count = Client(old, "http://old"), iter(range(1000))

    def disturb(progress: Any) -> None:
        if progress.phase == "comparing":
            client.add(A, [episode("", next(count), content="again")])

    result = run(old, new, tmp_path, passes=3, progress=disturb)
    assert len(result.passes) == 3
    assert not result.holds
    assert {(d.project, d.what) for d in result.comparison.differences} >= {("acme/a", "missing")}
    assert result.comparison.sampled == 0


def test_a_field_that_changed_on_the_way_is_a_difference(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    run(old, new, tmp_path)
    one, two = new.projects["acme", "a"]["episodes"][:2]
    one["metadata"] = {"team": "another"}
    two["producer_role"] = ""
    result = run(old, new, tmp_path, passes=1)
    assert not result.holds
    assert sorted(d.what for d in result.comparison.differences) == ["metadata", "role"]
    assert all(d.uid for d in result.comparison.differences)


def test_a_memory_that_is_listed_but_not_found_does_not_hold(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    run(old, new, tmp_path)
    new.projects["acme", "a"]["episodes"][3]["whole"] = False
    result = run(old, new, tmp_path)
    assert result.comparison.equal
    assert not result.holds
    assert (result.comparison.sampled - result.comparison.found, len(result.comparison.lost)) == (1, 1)


@pytest.mark.parametrize(("found", "holds"), [(5, True), (0, False)])
def test_of_many_memories_with_one_text_a_search_returns_only_some(
    old: MemMachine, new: MemMachine, tmp_path: Path, found: int, holds: bool
) -> None:
    Client(old, "http://old").add(C, [episode("", 100 + n, content="yes") for n in range(40)])
    run(old, new, tmp_path)
    alike = [e for e in new.projects["other", "c"]["episodes"] if e["content"] == "yes"]
    for hidden in alike[found:]:
        hidden["whole"] = False

    assert run(old, new, tmp_path).holds is holds


def test_models_under_other_ids_are_refused_or_left_to_the_new_side(
    old: MemMachine, new: MemMachine, tmp_path: Path
) -> None:
    old.projects["acme", "b"]["config"]["embedder"] = "my-own"
    with pytest.raises(Refused) as caught:
        run(old, new, tmp_path)
    assert (caught.value.code, caught.value.where) == ("migrate-config", "acme/b")
    result = run(old, new, tmp_path, default_config=True)
    assert result.holds
    assert new.projects["acme", "b"]["config"]["embedder"] == "embedder"


def test_somebody_elses_memories_are_never_touched(old: MemMachine, new: MemMachine, tmp_path: Path) -> None:
    client = Client(new, "http://new")
    client.create_project(Project(ProjectId("x", "y"), "", {}, {}))
    client.add(ProjectId("x", "y"), [episode("")])
    with pytest.raises(Refused, match="x/y") as caught:
        run(old, new, tmp_path)
    assert caught.value.code == "migrate-not-empty"
    assert list(new.projects) == [("x", "y")]


def test_an_inventory_counts_and_names_what_is_lost(old: MemMachine) -> None:
    found = take(Client(old, "http://old"), "0.4.0")
    assert found.episodes == {A: 20, B: 20, C: 20}
    assert (found.total, found.features) == (60, 6)
    [tags] = [loss for loss in found.losses if loss.code == "category-tags"]
    assert tags.names == ("teams",)
    assert old.adds == []


def test_what_a_verification_is_removing_on_either_side_is_no_memory_of_anybodys(
    old: MemMachine, new: MemMachine, tmp_path: Path
) -> None:
    proof = ProjectId("memdeploy", "verify-c30e2ef55b30")
    for machine in (old, new):
        Client(machine, "http://x").create_project(Project(proof, "", {}, {}))

    result = run(old, new, tmp_path)

    assert result.holds
    assert result.comparison.projects == 3
