from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from memdeploy.rehearsal.store import Row, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_files_are_for_the_owner_only(tmp_path: Path, store: Store) -> None:
    with store.transaction():
        store.secrets.put("k", b"v")
        store.put_fact("a", 1)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "state").iterdir()} == {0o600}


def test_a_put_changes_the_etag_and_keeps_the_creation_time(store: Store) -> None:
    with store.transaction():
        first = store.put(Row("s", "T", "a/b", {"x": 1}), 10.0)
        second = store.put(first.with_body(x=2), 20.0)
    assert (second.created, second.updated) == (10.0, 20.0)
    assert first.etag != second.etag


def test_deleting_takes_everything_below_and_nothing_beside(store: Store) -> None:
    with store.transaction():
        for name in ("p/s", "p/s/v/1", "p/s-2", "p/s0"):
            store.put(Row("x", "T", name, {}), 0.0)
            store.put_policy("x", name, {"policy": {}})
        store.delete("x", "p/s")
        assert [row.name for row in store.below("x", "p")] == ["p/s-2", "p/s0"]
        assert store.policy("x", "p/s/v/1") is None
        assert store.policy("x", "p/s-2") is not None


def test_children_are_directly_in_a_collection_whatever_is_below_them(store: Store) -> None:
    with store.transaction():
        for type_, name in (
            ("T", "p/s/b"),
            ("T", "p/s/ä"),
            ("U", "p/s/a"),
            ("V", "p/s/a/v/1"),
            ("T", "p/s0"),
            ("T", "p/s"),
        ):
            store.put(Row("x", type_, name, {}), 0.0)
        store.put(Row("y", "T", "p/s/other", {}), 0.0)
        assert [row.name for row in store.children("x", "p/s")] == ["p/s/a", "p/s/b", "p/s/ä"]
        assert [row.name for row in store.children("x", "p/s", "T")] == ["p/s/b", "p/s/ä"]
        assert [row.name for row in store.children("x", "p/s/a/v")] == ["p/s/a/v/1"]


def _change_and_fail(store: Store) -> float:
    with store.transaction():
        store.put(Row("x", "T", "a", {}), 0.0)
        store.secrets.remove("k")
        return 1 / 0


def _attempt_and_fail(store: Store) -> float:
    with store.attempt():
        store.put(Row("x", "T", "inside", {}), 0.0)
        return 1 / 0


def test_a_new_name_takes_the_place_of_the_old_one_and_of_nothing_that_begins_alike(store: Store) -> None:
    body = {"uri": "http://127.0.0.1:8500/x", "other": "127.0.0.1:85001", "list": [{"deep": "127.0.0.1:8500"}]}
    with store.transaction():
        made = store.put(
            Row("run", "Service", "projects/p/services/s", body, {"image": "127.0.0.1:8500/i@sha256:1"}), 1.0
        )
        store.rename(re.compile(r"127\.0\.0\.1:8500(?![0-9])"), "127.0.0.1:9000")
        found = store.get("run", "projects/p/services/s")
    assert found is not None
    assert found.body == {
        "uri": "http://127.0.0.1:9000/x",
        "other": "127.0.0.1:85001",
        "list": [{"deep": "127.0.0.1:9000"}],
    }
    assert found.hidden == {"image": "127.0.0.1:9000/i@sha256:1"}
    assert found.etag == made.etag


def test_a_raised_error_undoes_the_whole_request(store: Store) -> None:
    with store.transaction():
        store.secrets.put("k", b"v")
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(store)
    with store.transaction():
        assert store.get("x", "a") is None
        assert store.secrets.get("k") == b"v"


def test_an_attempt_is_undone_alone(store: Store) -> None:
    with store.transaction():
        store.put(Row("x", "T", "before", {}), 0.0)
        with pytest.raises(ZeroDivisionError):
            _attempt_and_fail(store)
    with store.transaction():
        assert [row.name for row in store.everything()] == ["before"]


def test_what_was_committed_survives_sigkill(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from memdeploy.rehearsal.store import Row, Store
        store = Store(Path({str(tmp_path / "s")!r}))
        with store.transaction():
            store.put(Row("x", "T", "kept", {{}}), 0.0)
            store.secrets.put("k", b"v")
        with store.transaction():
            store.put(Row("x", "T", "lost", {{}}), 0.0)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended = subprocess.run([sys.executable, "-c", program], env={**os.environ}, check=False)
    assert ended.returncode == -signal.SIGKILL
    store = Store(tmp_path / "s")
    with store.transaction():
        assert [row.name for row in store.everything()] == ["kept"]
        assert store.secrets.get("k") == b"v"


def test_counters_never_repeat(store: Store) -> None:
    with store.transaction():
        assert [store.next("a"), store.next("a"), store.next("b")] == [1, 2, 1]
