from __future__ import annotations

import pytest

from memdeploy.rehearsal import faults


def test_reads_probabilities_aims_and_seed() -> None:
    plan = faults.parse("503=0.1, lost@sql.instances.insert=1x,seed=7")
    assert plan.seed == 7
    assert [(f.name, f.method, f.chance, f.times) for f in plan.items] == [
        ("503", "*", 0.1, None),
        ("lost", "sql.instances.insert", 0.0, 1),
    ]


@pytest.mark.parametrize(
    "text", ["503", "503=2", "200=0.1", "vanish=0.1", "lost=0.5x", "lost@a b=1x", "expires=0.5", "expires@x=1"]
)
def test_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        faults.parse(text)


def test_an_aimed_fault_strikes_exactly_as_often_as_it_says() -> None:
    plan = faults.parse("lost@compute.*.insert=2x")
    spent = {"lost@compute.*.insert": 1}
    assert [f.name for f in plan.draw("compute.disks.insert", 1, spent)] == ["lost"]
    spent["lost@compute.*.insert"] = 2
    assert plan.draw("compute.disks.insert", 2, spent) == []
    assert plan.draw("compute.disks.get", 1, {}) == []


def test_the_same_seed_gives_the_same_faults_and_another_one_others() -> None:
    def struck(seed: int) -> list[int]:
        plan = faults.parse(f"503=0.3,seed={seed}")
        return [n for n in range(200) if plan.draw("any", n, {})]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < len(struck(1)) < 90


def test_credentials_are_good_for_so_many_requests_since_the_faults_were_set() -> None:
    plan = faults.parse("503=0,expires=3")
    assert [[f.name for f in plan.draw("any", n, {}, since=10)] for n in (11, 13, 14, 99)] == [
        [], [], ["expires"], ["expires"],
    ]  # fmt: skip
    assert bool(plan)
    assert not faults.parse("seed=7")
