from __future__ import annotations

from pathlib import Path

from memdeploy.lifecycle.scratch import scratch

OURS, THEIRS = "abcdef123456", "fedcba654321"


def test_it_is_for_its_owner_and_goes_with_the_run(tmp_path: Path) -> None:
    with scratch(tmp_path, OURS) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_and_that_of_other_deployments_stays(tmp_path: Path) -> None:
    never_left = [scratch(tmp_path, deployment) for deployment in (OURS, THEIRS)]
    left, other = [context.__enter__() for context in never_left]
    (left / "postgres.dump").write_text("memories")
    (tmp_path / "an-archive.tar").write_text("")
    with scratch(tmp_path, OURS):
        assert not left.exists()
    assert sorted(tmp_path.iterdir()) == sorted([other, tmp_path / "an-archive.tar"])
