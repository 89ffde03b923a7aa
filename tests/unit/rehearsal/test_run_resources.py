"""CPU and memory limits: the tables of Cloud Run's documentation, at their borders."""

from __future__ import annotations

import pytest

from memdeploy.rehearsal.rules.run_resources import problem


def ok(cpu: str, memory: str, *, job: bool = False, always: bool = True, concurrency: int = 80) -> bool:
    return problem({"cpu": cpu, "memory": memory}, job=job, cpu_always=always, concurrency=concurrency) is None


@pytest.mark.parametrize(
    ("memory", "least"), [("4Gi", 1), ("4097Mi", 2), ("8Gi", 2), ("8193Mi", 4), ("16385Mi", 6), ("24577Mi", 8)]
)
def test_memory_needs_cpus(memory: str, least: int) -> None:
    allowed = [cpu for cpu in (1, 2, 4, 6, 8) if ok(str(cpu), memory)]
    assert allowed[0] == least


@pytest.mark.parametrize(("cpu", "least"), [("4", "2Gi"), ("6", "4Gi"), ("8", "4Gi")])
def test_cpus_need_memory(cpu: str, least: str) -> None:
    assert ok(cpu, least)
    assert not ok(cpu, "1Gi")


def test_the_same_amount_in_other_words() -> None:
    assert ok("2000m", "2048Mi") == ok("2", "2Gi") is True
    assert not ok("two", "2Gi")
    assert not ok("2", "2Gb")


def test_memory_has_borders() -> None:
    assert ok("8", "32Gi")
    assert not ok("8", "33Gi")
    assert not ok("1", "511Mi")
    assert ok("1", "256Mi", always=False)


def test_part_of_a_cpu_is_for_one_request_at_a_time_and_no_jobs() -> None:
    assert ok("0.5", "512Mi", always=False, concurrency=1)
    assert not ok("0.5", "512Mi", always=False, concurrency=2)
    assert not ok("0.5", "512Mi", always=True, concurrency=1)
    assert not ok("0.5", "512Mi", job=True, always=False, concurrency=1)
    assert not ok("0.4", "513Mi", always=False, concurrency=1)
    assert not ok("0.07", "128Mi", always=False, concurrency=1)
