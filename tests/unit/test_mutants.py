"""The list of mutants follows the code: `make mutants` runs them, this only looks whether it still could."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import run

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = run.load(ROOT / "tests" / "mutants" / "mutants.yaml")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_line_and_its_tests_are_there(mutant: run.Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert [test for test in mutant.tests if not (ROOT / test.split("::")[0]).exists()] == []


def test_there_are_a_hundred_and_one_that_changes_nothing() -> None:
    assert len({(mutant.file, mutant.old) for mutant in MUTANTS if not mutant.survives}) >= 100
    assert sum(mutant.survives for mutant in MUTANTS) == 1


def test_a_name_that_no_mutant_has_is_no_success() -> None:
    with pytest.raises(SystemExit, match="no mutant is named nonsense"):
        run.main(["nonsense"])
