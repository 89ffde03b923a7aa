"""The file of --wire-log: who may read it, what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memdeploy.lifecycle.wire import wire_log


def test_a_file_that_was_there_is_private_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    path.write_text('{"earlier": true}\n')
    path.chmod(0o644)
    with wire_log(path) as record:
        assert record is not None
        record({"answer": "\x9b \ud83d é"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"earlier": True},
        {"answer": "\x9b \ud83d é"},
    ]


def test_what_is_no_file_is_written_to_as_it_is() -> None:
    before = Path("/dev/null").stat().st_mode
    with wire_log(Path("/dev/null")) as record:
        assert record is not None
        record({})
    assert Path("/dev/null").stat().st_mode == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_once_and_is_no_failure_of_what_was_sent() -> None:
    warned: list[str] = []
    with wire_log(Path("/dev/full"), warned.append) as record:
        assert record is not None
        record({"answer": 1})
        record({"answer": 2})
    assert warned == ["/dev/full cannot be written any more: No space left on device"]
