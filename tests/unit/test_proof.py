"""What `make proof` writes into docs/reliability.md."""

from __future__ import annotations

from tests.support import proof
from tests.support.results import Table

CRASHES = Table("Crashes", ["provider", "tried", "converged"], 1, [["gcp", 10, 9]])
ROWS = "\n### Crashes\n\n| provider | tried | converged |\n| --- | ---: | ---: |\n| gcp | 10 | 9 |"


def test_a_table_is_one_of_the_page() -> None:
    assert proof.markdown([CRASHES]) == ROWS


def test_it_takes_the_place_of_the_last_one_and_leaves_the_rest() -> None:
    page = proof.placed("# Reliability\n\nWhat is promised.\n", "first")
    assert page.startswith("# Reliability\n\nWhat is promised.\n\n" + proof.BEGIN)
    again = proof.placed(page + "\nWhat is not.\n", "second")
    assert "first" not in again
    assert "second" in again
    assert again.endswith(proof.END + "\n\nWhat is not.\n")
    assert again.count(proof.BEGIN) == again.count(proof.END) == 1
