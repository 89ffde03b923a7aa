"""Journals, leases and logs that are damaged in any way: read as what was written, or refused with exit 6 and the
file's name. What is read has the kinds that everything else relies on: no half-understood journal is acted on."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.engine.ledger import Status, StepRecord
from memdeploy.engine.step import Intent, Operation
from memdeploy.errors import ExitCode, JournalError
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import Journal, decode, encode
from memdeploy.state.lease import Leases
from memdeploy.state.objects import FolderObjects
from memdeploy.state.runs import read_log
from tests.support.fuzz import examples

INTENT = Intent("i1", "create", "projects/p/x", "r1", "t1", operation=Operation("compute", "op-1"))
RECORD = StepRecord(
    "network.subnet", kind="gcp.subnet", identity={"name": "n"}, status=Status.DONE, outputs={"name": "n"},
    applied={"cidr": "10.0.0.0/24"}, notes={"cidr": "10.0.0.0/24"}, intents=(INTENT,), attempts=2, seconds=1.5,
)  # fmt: skip
JOURNAL = Journal(
    id="abcdefghijkl", name="memmachine", suffix="x7k2", provider="gcp", binding="real", identity={"project": "p"},
    configuration={"version": 1}, created=1.0, updated=2.0, status="deploying", steps={"network.subnet": RECORD},
)  # fmt: skip
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of every value in there, from the top down."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(tree)
    if not path:
        return value
    branch = made
    for key in path[:-1]:
        branch = branch[key]
    branch[path[-1]] = value
    return made


def read(data: bytes) -> Journal | None:
    """None: refused, as it should be."""
    try:
        return decode(data, "journal.1.json")
    except JournalError as error:
        refused = error
    assert (refused.exit_code, refused.where) == (ExitCode.JOURNAL, "journal.1.json")
    assert refused.suggestion
    return None


def sound(journal: Journal) -> None:
    """Every field is of its kind, and it can be written again."""
    encode(replace(journal, serial=journal.serial + 1))
    for name, record in journal.steps.items():
        assert isinstance(name, str)
        assert isinstance(record.kind, str)
        assert isinstance(record.status, Status)
        assert record.error is None or isinstance(record.error, str)
        for mapping in (record.identity, record.notes, record.outputs or {}, record.applied or {}):
            assert isinstance(mapping, dict)
        assert type(record.attempts) is int
        assert type(record.seconds) is float
        for intent in record.intents:
            assert {type(part) for part in (intent.id, intent.verb, intent.target, intent.request_id)} == {str}
            operation = intent.operation
            assert operation is None or all(isinstance(part, str) for part in (operation.service, operation.name))


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
@examples(150)
def test_any_bytes(data: bytes) -> None:
    assert read(data) is None


@given(st.data())
@examples(300)
def test_any_value_in_any_place(data: st.DataObject) -> None:
    tree = json.loads(encode(JOURNAL))
    del tree["sum"]  # so that what is in it counts
    place = data.draw(st.sampled_from(list(places(tree))))
    found = read(json.dumps(changed(tree, place, data.draw(json_values))).encode("utf-8", "surrogatepass"))
    if found is not None:
        sound(found)


@given(st.integers(0, 2000), st.integers(0, 7))
@examples(200)
def test_a_flipped_bit(at: int, bit: int) -> None:
    """Nothing else is read in its place: a name in which a letter changed would be another resource's."""
    data = bytearray(encode(JOURNAL))
    data[at % len(data)] ^= 1 << bit
    found = read(bytes(data))
    assert found is None or replace(found, unknown={}) == JOURNAL


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 4096, b"[" * 200_000, b'{"schema":' + b"9" * 100_000 + b"}", b'{"schema": 1e999}', b"{}", b"null",
     b'{"schema": NaN}', b'{"schema": true}', encode(JOURNAL)[:-40], encode(JOURNAL) * 2, b"\xef\xbb\xbf{}"],
)  # fmt: skip
def test_damage_of_every_kind_is_refused(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_could_not_be_written_again_is_not_read(number: bytes) -> None:
    assert read(encode(JOURNAL).replace(b'"seconds":1.5', b'"seconds":' + number)) is None


HOLDER = {
    "nonce": "n", "process": {}, "user": "u", "command": "up", "acquired": 1.0, "renewed": 1.0, "renewed_boot": 1.0,
}  # fmt: skip


@given(st.one_of(st.binary(max_size=200), json_values.map(lambda v: json.dumps(v).encode("utf-8", "surrogatepass"))))
@examples(60)
def test_any_bytes_in_a_leases_place(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("lease")
    (folder / "lease.1.json").write_bytes(data)
    leases = Leases(FolderObjects(folder), "memmachine")
    if data:  # an empty one says: nobody's
        with pytest.raises(JournalError) as raised:
            leases.acquire("up")
        assert raised.value.exit_code == ExitCode.JOURNAL
    leases.break_(None)
    assert leases.holder() is None


@given(st.data())
@examples(100)
def test_any_value_in_a_lease(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """It is held by somebody, free, or damaged: never a traceback."""
    folder = tmp_path_factory.mktemp("lease")
    leases = Leases(FolderObjects(folder), "memmachine")
    with leases.acquire("up"):
        whole = json.loads((folder / "lease.1.json").read_text())
    place = data.draw(st.sampled_from([path for path in places(whole) if path]))
    found = changed(whole, place, data.draw(json_values))
    (folder / "lease.9.json").write_bytes(json.dumps(found).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(JournalError):
        holder = leases.holder()
        assert holder is None or holder.describe()


@given(st.binary(max_size=200))
@examples(60)
def test_any_bytes_in_a_runs_log(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("runs") / "20270115T080000.000Z-up-abcdef.jsonl"
    path.write_bytes(data)
    list(read_log(path))


def test_a_damaged_journal_is_left_as_it_is(tmp_path: Path) -> None:
    """Neither `list` nor `open` nor a new deployment of its name writes anything."""
    root = Deployments(tmp_path / "state")
    place = root.create("memmachine", provider="gcp", identity={}, binding="real", configuration={})
    path = place.folder / "journal.1.json"
    path.write_bytes(b"[" * 100)
    before = {file.name: file.read_bytes() for file in place.folder.iterdir()}
    assert [listed.error is not None for listed in root.list()] == [True]
    for attempt in (
        lambda: root.open("memmachine").read(),
        lambda: root.create("memmachine", provider="gcp", identity={}, binding="real", configuration={}),
    ):
        with pytest.raises(JournalError):
            attempt()
    assert {file.name: file.read_bytes() for file in place.folder.iterdir()} == before
