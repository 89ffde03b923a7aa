"""The journal as data: it survives a round trip, keeps what it does not know, and never starts from empty."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.engine.ledger import (
    Failed,
    Finished,
    IntentClosed,
    IntentOpened,
    Kept,
    Noted,
    OperationNamed,
    Postponed,
    Removed,
    Started,
    Status,
    StepRecord,
    Transition,
    advance,
)
from memdeploy.engine.step import Intent, Operation
from memdeploy.errors import JournalError, Locked
from memdeploy.secret import Secret
from memdeploy.state.codec import record_from_json, record_to_json
from memdeploy.state.folder import FolderStore
from memdeploy.state.journal import Journal, decode, encode
from memdeploy.state.store import Stored
from memdeploy.state.writer import JournalWriter

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
plain = st.dictionaries(words, st.one_of(st.integers(-9, 9), words, st.none(), st.lists(words, max_size=2)), max_size=3)
ids = st.sampled_from(["i1", "i2", "i3"])
intents = st.builds(Intent, ids, words, words, words, words)
transitions: st.SearchStrategy[Transition] = st.one_of(
    st.builds(Started, words, plain, st.booleans()),
    st.builds(IntentOpened, intents),
    st.builds(OperationNamed, ids, st.builds(Operation, words, words)),
    st.builds(IntentClosed, ids, words),
    st.builds(Noted, plain),
    st.builds(Finished, plain, st.none() | plain, st.floats(0, 9)),
    st.builds(Failed, words, st.floats(0, 9)),
    st.builds(Postponed, words),
    st.just(Removed()),
    st.just(Kept()),
)


def new() -> Journal:
    return Journal("id", "toys", "sfx1", "gcp", "real", {"project": "p"}, {"a": 1}, created=1.0, updated=1.0)


@given(st.lists(transitions, max_size=12))
def test_any_record_survives_a_round_trip(path: list[Transition]) -> None:
    record = StepRecord("s")
    for transition in path:
        record = advance(record, transition)
    read, unknown = record_from_json("s", json.loads(json.dumps(record_to_json(record))))
    assert read == record
    assert unknown == {}


@given(st.lists(transitions, max_size=12))
def test_whatever_happens_a_record_stays_sound(path: list[Transition]) -> None:
    """No intent twice, none left behind what is finished, removed or kept; every other transition keeps the name."""
    record = StepRecord("s")
    for transition in path:
        before, record = record, advance(record, transition)
        assert record.name == "s"
        assert len({intent.id for intent in record.intents}) == len(record.intents)
        if record.status in (Status.DONE, Status.REMOVED, Status.KEPT) and not isinstance(transition, IntentOpened):
            assert not isinstance(transition, Finished | Removed | Kept) or record.intents == ()
        if isinstance(transition, IntentClosed):
            assert advance(record, transition) == record
        assert record.attempts >= before.attempts or isinstance(transition, Removed)


def test_a_journal_survives_a_round_trip() -> None:
    journal = new()
    assert decode(encode(journal), "here") == journal


def test_keys_of_a_later_version_are_kept() -> None:
    data = json.loads(encode(new()))
    del data["sum"]
    data["later"] = {"x": 1}
    data["steps"] = {"s": {"kind": "k", "status": "done", "later": 2}}
    again = json.loads(encode(decode(json.dumps(data).encode(), "here")))
    assert again["later"] == {"x": 1}
    assert again["steps"]["s"]["later"] == 2


def test_one_without_a_sum_is_read() -> None:
    """Written before there were sums."""
    data = json.loads(encode(new()))
    del data["sum"]
    assert decode(json.dumps(data, indent=2).encode(), "here") == new()


@pytest.mark.parametrize("key", ["suffix", "name", "status"])
def test_what_reads_well_and_is_not_as_it_was_written_is_damage(key: str) -> None:
    data = encode(new())
    value = json.loads(data)[key]
    other = data.replace(f'"{value}"'.encode(), f'"{value[:-1]}{chr(ord(value[-1]) ^ 1)}"'.encode())
    assert json.loads(other)[key] != value
    with pytest.raises(JournalError, match="not as it was written") as caught:
        decode(other, "/x/journal.3.json")
    assert caught.value.code == "journal-damaged"


def test_a_newer_schema_is_refused() -> None:
    data = json.loads(encode(new()))
    data["schema"] = 99
    with pytest.raises(JournalError, match="newer memdeploy") as caught:
        decode(json.dumps(data).encode(), "/x/journal.1.json")
    assert caught.value.code == "journal-newer"


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b'{"schema":1}', b"\xff\xfe", pytest.param(b"[" * 100_000, id="deep")]
)
def test_damage_is_named_with_its_file_and_never_taken_for_empty(damage: bytes) -> None:
    with pytest.raises(JournalError) as caught:
        decode(damage, "/x/journal.3.json")
    assert caught.value.code == "journal-damaged"


@pytest.mark.parametrize(
    ("key", "value"),
    [("identity", [1]), ("configuration", None), ("updated", "x"), ("created", True), ("name", 1), ("status", {}),
     ("facts", "x"), ("epoch", "1"), ("steps", [])],
)  # fmt: skip
def test_a_value_of_another_kind_is_damage(key: str, value: object) -> None:
    """It would end a command that looks at all journals, `list` or the choice of the only one."""
    data = {**json.loads(encode(new())), key: value}
    del data["sum"]
    with pytest.raises(JournalError) as caught:
        decode(json.dumps(data).encode(), "/x/journal.3.json")
    assert caught.value.code == "journal-damaged"
    assert "/x/journal.3.json" in caught.value.message
    assert caught.value.exit_code == 6
    assert "older snapshot" in str(caught.value.suggestion)


@given(st.integers(0, 400))
def test_a_torn_journal_is_refused(cut: int) -> None:
    data = encode(new())
    if cut < len(data) - 1:
        with pytest.raises(JournalError):
            decode(data[:cut], "here")


def test_a_whole_deployment_stays_below_64_kb() -> None:
    steps = {}
    for number in range(40):
        outputs = {"name": "x" * 60, "link": "y" * 120, "secret": {"secret": "z" * 60, "version": "1"}}
        steps[f"step.number{number}"] = StepRecord(
            f"step.number{number}", "gcp.kind", {"name": "n" * 40, "region": "europe-west1"}, Status.DONE,
            outputs=outputs, applied={f"field{n}": "value" for n in range(15)}, attempts=1, seconds=1.5,
        )  # fmt: skip
    steps["postgres.authority"] = StepRecord("postgres.authority", "gcp.ca", outputs={"pem": "c" * 6000})
    data = encode(decode(encode(Journal(**{**new().__dict__, "steps": steps})), "here"))
    assert len(data) < 64 * 1024


# -- writing ---------------------------------------------------------------------------------------------------------


class SlowStore:
    """Lets the test decide when a write is done."""

    where = "memory"

    def __init__(self) -> None:
        self.saved: list[Journal] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.error: Exception | None = None

    def load(self) -> Stored | None:
        return None

    def create(self, data: bytes) -> None: ...

    def fence(self) -> Stored:
        return Stored(2, encode(new()), self.where)

    def save(self, epoch: int, data: bytes) -> None:
        self.entered.release()
        assert self.go.acquire(timeout=10)
        if self.error is not None:
            raise self.error
        self.saved.append(decode(data, self.where))


def writer_of(store: SlowStore) -> JournalWriter:
    store.go.release()
    writer = JournalWriter.take_over(store, lambda: 5.0)
    store.entered.acquire()
    return writer


def test_taking_over_writes_before_anything_else() -> None:
    store = SlowStore()
    writer_of(store)
    (first,) = store.saved
    assert first.epoch == 2
    assert len(first.run) == 12


def test_commits_that_wait_are_written_together_and_none_returns_early() -> None:
    store = SlowStore()
    writer = writer_of(store)
    returned: list[str] = []

    def commit(name: str) -> None:
        writer.commit(name, Started("k", {}))
        returned.append(name)

    leader = threading.Thread(target=commit, args=("s0",))
    leader.start()
    assert store.entered.acquire(timeout=10)  # the first is being written; the others queue up
    followers = [threading.Thread(target=commit, args=(f"s{n}",)) for n in range(1, 9)]
    for thread in followers:
        thread.start()
    while writer.snapshot.transitions < 9:
        time.sleep(0)
    assert returned == []
    store.go.release()
    store.go.release()
    for thread in [leader, *followers]:
        thread.join(10)
    assert len(returned) == 9
    assert len(store.saved) == 3  # the takeover, the first, all the others
    assert set(store.saved[-1].steps) == {f"s{n}" for n in range(9)}


def test_after_a_failed_write_nothing_is_committed_any_more() -> None:
    store = SlowStore()
    writer = writer_of(store)
    store.error = Locked("another run took over", code="fenced")
    store.go.release()
    with pytest.raises(Locked):
        writer.commit("a", Started("k", {}))
    with pytest.raises(Locked) as caught:
        writer.commit("b", Started("k", {}))
    assert caught.value.code == "fenced"
    assert len(store.saved) == 1


def test_what_is_not_json_fails_its_own_step_only() -> None:
    store = SlowStore()
    writer = writer_of(store)
    with pytest.raises(TypeError):
        writer.commit("a", Noted({"x": Secret("hunter2")}))
    store.go.release()
    writer.commit("b", Started("k", {}))
    assert set(store.saved[-1].steps) == {"b"}


def test_too_much_is_refused_by_name() -> None:
    store = SlowStore()
    writer = writer_of(store)
    with pytest.raises(JournalError, match="step a would make the journal larger"):
        writer.commit("a", Noted({"x": "y" * 300_000}))


def test_updates_of_the_whole(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(encode(new()))
    writer = JournalWriter.take_over(store, lambda: 7.0)
    writer.commit("old", Started("k", {}))
    writer.update(status="ready", configuration={"b": 2}, facts={"url": "u", "gone": 1}, forget=["old"])
    writer.update(facts={"gone": None})
    found = store.load()
    assert found is not None
    journal = decode(found.data, "here")
    facts: dict[str, Any] = dict(journal.facts)
    assert (journal.status, journal.configuration, facts, dict(journal.steps)) == ("ready", {"b": 2}, {"url": "u"}, {})


def test_a_write_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "d")
    store.create(encode(new()))
    writer = JournalWriter.take_over(store, lambda: 7.0)
    for path in (tmp_path / "d").iterdir():
        path.unlink()
    (tmp_path / "d").rmdir()
    with pytest.raises(JournalError, match="cannot write the journal"):
        writer.commit("a", Started("k", {}))


def test_text_that_is_no_unicode_fails_nobody(tmp_path: Path) -> None:
    """Names of files and messages of other programs may hold bytes that Python keeps as lone surrogates."""
    store = FolderStore(tmp_path / "d")
    store.create(encode(new()))
    writer = JournalWriter.take_over(store, lambda: 7.0)
    writer.commit("a", Failed("cannot open \udcff.pem", 1.0))
    found = store.load()
    assert found is not None
    assert decode(found.data, "here").record("a").error == "cannot open \udcff.pem"


def test_what_was_forgotten_takes_no_room() -> None:
    store = SlowStore()
    store.go.release(10)
    writer = writer_of(store)
    writer.commit("a", Noted({"x": "y" * 200_000}))
    writer.update(forget=["a"])
    writer.commit("b", Noted({"x": "y" * 200_000}))
    assert set(store.saved[-1].steps) == {"b"}
