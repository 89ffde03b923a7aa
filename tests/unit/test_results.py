"""Tables that several workers write in pieces, read as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import results


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(results.VARIABLE, str(tmp_path / "results"))
    return tmp_path / "results"


def record(*rows: results.Row) -> None:
    results.record("faults", "Faults", ("kind", "runs", "lost"), rows)


def test_rows_of_one_key_are_added_up_over_calls_and_workers(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    record(("503", 2, 0), ("reset", 1, 0))
    record(("503", 3, 1))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    record(("lost", 1, 0), ("503", 1, 0))
    assert sorted(path.name for path in folder.iterdir()) == ["faults.gw0.json", "faults.gw1.json"]
    found = results.tables()["faults"]
    assert (found.title, list(found.columns)) == ("Faults", ["kind", "runs", "lost"])
    assert found.rows == [["503", 6, 1], ["reset", 1, 0], ["lost", 1, 0]]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells for the columns kind, runs, lost"):
        record(("503", 2))


def test_what_an_earlier_run_found_goes_and_nothing_is_no_table() -> None:
    record(("503", 1, 0))
    results.clear()
    assert results.tables() == {}


def test_people_read_columns_one_under_another() -> None:
    record(("503", 12, 0), ("reset", 1, 0))
    assert results.lines(results.tables()["faults"]) == ["kind   runs  lost", "503    12    0", "reset  1     0"]
