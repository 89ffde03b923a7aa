"""Files of the embedded runtime: private whatever the umask, and what somebody planted in their place is not used."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from memdeploy.errors import CloudError
from memdeploy.providers.base import LogQuery
from memdeploy.providers.local.embedded import environment, layout, logs, process, python, transfer, uv, words
from memdeploy.providers.local.embedded.data import Data
from memdeploy.providers.local.embedded.environment import Environment
from memdeploy.providers.local.embedded.process import Command
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched
from tests.unit.providers.local.embedded.support import Rig, plant, program, scope
from tests.unit.providers.local.embedded.test_environment import Place as Environments
from tests.unit.providers.local.embedded.test_environment import _plan

WRITES = "open('left', 'w').write('x'); import os; os.mkdir('below')"


@pytest.fixture
def place(tmp_path: Path) -> Scope:
    """With a model's key in its vault."""
    made = scope(tmp_path / "share", model={"provider": "openai"})
    made.folder.mkdir(parents=True, mode=0o700)
    vault = FileVault(made.folder, "key")
    vault.create({})
    vault._add(Secret("c4nary-key"))
    return made


def start(place: Scope, code: str = WRITES) -> int:
    """The exit code of a process in the background."""
    command = Command(
        [sys.executable, "-c", code], {"PATH": os.defpath}, {}, layout.log(place, "it"), layout.pid_file(place, "it")
    )
    return process.start(command).wait()


def say(place: Scope, code: str = "print('{}')") -> object:
    """A container's word, played by a program that does `code` as Python."""
    folder = place.folder.parent / "words"
    folder.mkdir(exist_ok=True)
    fake = program(folder / "python", f'exec {sys.executable} -c "{code}"')
    inputs = {"python": str(fake), "nltk": "/nltk", "key": {"secret": "key", "version": "1"}}
    return words.say(place, inputs, "prepare", where="prepare")


def test_what_runs_in_the_background_leaves_private_files_whatever_the_umask(place: Scope) -> None:
    with careless():
        assert start(place) == 0
    found = modes(place.folder)
    assert {"run/left", "run/below", "run/it.pid", "logs/it.log"} <= set(found)
    assert set(found.values()) == PRIVATE


def test_so_does_a_word(place: Scope) -> None:
    with careless():
        assert say(place, f"{WRITES}; print('{{}}')") == {}
    found = modes(place.folder)
    assert {"run/words/left", "run/words/below", "logs/prepare.log"} <= set(found)
    assert set(found.values()) == PRIVATE


@pytest.mark.parametrize("name", ["run", "logs", "run/it.pid", "logs/it.log"])
def test_no_process_is_started_through_a_link(place: Scope, tmp_path: Path, name: str) -> None:
    precious = _linked(place.folder / name, tmp_path)
    with suppress(CloudError, OSError):  # where the process itself finds the link, it ends
        assert start(place, "print('x'); open('left', 'w')") != 0
    assert untouched(precious)


@pytest.mark.parametrize("name", ["run", "run/words", "logs", "logs/prepare.log"])
def test_no_word_is_said_through_a_link(place: Scope, tmp_path: Path, name: str) -> None:
    precious = _linked(place.folder / name, tmp_path)
    with pytest.raises((CloudError, OSError)):
        say(place, "open('left', 'w'); print('{}')")
    assert untouched(precious)


@pytest.mark.parametrize("name", ["run", "logs"])
def test_a_folder_that_is_open_to_others_is_mended_and_another_users_refused(
    place: Scope, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / name).mkdir()
    (place.folder / name).chmod(0o775)
    assert start(place) == 0
    assert set(modes(place.folder).values()) == PRIVATE
    owner = place.folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(CloudError, match="not a folder of this user"):
        start(place)


def test_nothing_is_read_through_a_link(place: Scope, tmp_path: Path) -> None:
    """A log is shown, and a pid file decides who is sent a signal."""
    theirs = tmp_path / "theirs"
    theirs.write_text('{"pid": 1, "started": 0, "facts": {}}\n')
    for path in (layout.log(place, "service"), layout.pid_file(place, "service")):
        path.parent.mkdir(mode=0o700)
        path.symlink_to(theirs)
    assert process.tail(layout.log(place, "service")) == ()
    with pytest.raises(OSError, match="symbolic links"):
        logs.read(place, LogQuery("service", limit=10))
    with pytest.raises(OSError, match="symbolic links"):
        process.end(layout.pid_file(place, "service"))


def test_a_link_is_no_folder_of_memories_and_none_of_secrets(place: Scope, tmp_path: Path) -> None:
    precious = _linked(layout.data(place), tmp_path)
    assert not Rig().ensure(Data(place)).ok
    (place.folder / "secrets").rename(tmp_path / "secrets")
    (place.folder / "secrets").symlink_to(tmp_path / "secrets")
    for act in (lambda: FileVault(place.folder, "key").reveal(1), lambda: FileVault(place.folder, "new").create({})):
        with pytest.raises(CloudError, match="not a folder of this user"):
            act()
    assert untouched(precious)
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["key.json"]


def _linked(path: Path, tmp_path: Path) -> Path:
    """What a link at `path` leads to: a folder, or the file in it."""
    precious = elsewhere(tmp_path / "elsewhere")
    path.parent.mkdir(exist_ok=True, mode=0o700)
    path.symlink_to(precious / "precious" if path.suffix else precious)
    return precious


# -- data out and in ---------------------------------------------------------------------------------------------------


def test_memories_are_private_where_they_are_written_to(place: Scope, tmp_path: Path) -> None:
    """Also while they are written: a copy of a database grows under a name of its own."""
    data, out = layout.data(place), tmp_path / "out"
    with careless():
        (data / "index").mkdir(parents=True)
        (data / "index" / "a.idx").write_text("vectors")
        for name in ("memories.db", "vectors.db"):
            with closing(sqlite3.connect(data / name)) as made:
                made.execute("CREATE TABLE t (text)")
        out.mkdir(mode=0o700)
        for part, name in transfer.PARTS.items():
            transfer.written(out / name, partial(_written, data, part))
            transfer.load(data, part, out / name)
    assert set(modes(out).values()) == PRIVATE
    assert {mode for name, mode in modes(data).items() if name != "."} == PRIVATE


def _written(data: Path, part: str, draft: Path) -> None:
    draft.symlink_to(data / "nowhere")
    transfer.dump(data, part, draft)
    assert not draft.is_symlink()
    assert draft.stat().st_mode & 0o777 == 0o600


# -- what all deployments share ----------------------------------------------------------------------------------------


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    return Environments(tmp_path, monkeypatch)


def test_an_environment_is_made_in_private_folders(environments: Environments) -> None:
    layout.environments().mkdir(parents=True)
    layout.environments().chmod(0o777)
    layout.cache().chmod(0o775)
    with careless():
        made = environments.ensure()
    found = {name: mode for name, mode in modes(Path(made["path"])).items() if not name.startswith("bin/")}
    assert {"nltk_data", "nltk_data/corpora/stopwords/english"} <= set(found)
    assert set(found.values()) == PRIVATE, "NLTK refuses what others may write to"
    assert {oct(path.stat().st_mode & 0o777) for path in (layout.cache(), layout.environments())} == {"0o700"}


@pytest.mark.parametrize("cached", [layout.cache, layout.environments])
def test_no_environment_is_made_through_a_link(
    environments: Environments, tmp_path: Path, cached: Callable[[], Path]
) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    cached().parent.mkdir(parents=True)
    cached().symlink_to(precious)
    done = Rig().ensure(Environment(scope(environments.folder)), python=str(environments.python))
    assert not done.ok
    assert "links are not followed" in str(done.error)
    assert untouched(precious)
    assert environments.called() == []


@pytest.mark.parametrize("word", ["new", "downloads", "lock"])
def test_a_link_where_uv_would_write_is_not_followed(environments: Environments, tmp_path: Path, word: str) -> None:
    made = Path(environments.ensure()["path"])
    (made / "bin" / "python").unlink()
    precious = elsewhere(tmp_path / "elsewhere")
    beside = made.with_name(f".{made.name}.{word}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(precious / "precious" if word == "lock" else precious)
    done = Rig().ensure(Environment(scope(environments.folder)), python=str(environments.python))
    assert done.ok is (word != "lock")
    assert untouched(precious)


def test_an_environment_that_others_could_write_to_is_made_again(environments: Environments) -> None:
    made = environments.ensure()
    for folder in (made["path"], made["nltk"]):
        Path(folder).chmod(0o775)
        assert not environment.whole(_plan(environments))
        assert environments.ensure() == made
        assert environment.whole(_plan(environments))
        assert Path(folder).stat().st_mode & 0o777 == 0o700


def test_an_environment_that_somebody_else_made_is_not_run(
    environments: Environments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the name that ours would have."""
    made = Path(environments.ensure()["path"])
    plan = _plan(environments)
    assert environment.whole(plan)
    made.rename(tmp_path / "theirs")
    made.symlink_to(tmp_path / "theirs")
    assert not environment.whole(plan)
    assert environments.ensure()["path"] == str(made)
    assert not made.is_symlink()
    owner = made.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert not environment.whole(plan)


def test_an_interpreter_that_somebody_else_downloaded_is_not_run(
    place: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    theirs = plant(tmp_path / "theirs" / "cpython-3.12.4-linux" / "bin" / "python3.12").parents[2]
    layout.cache().mkdir(parents=True)
    layout.pythons().symlink_to(theirs)
    assert python._downloaded() == []
    calls: list[list[str]] = []
    monkeypatch.setattr(uv, "run", lambda arguments, **_: calls.append(arguments))
    with pytest.raises(CloudError, match="not a folder of this user"):
        python.Python(place)._download("python")
    assert calls == []
    layout.pythons().unlink()
    theirs.rename(layout.pythons())
    assert [version for version, _ in python._downloaded()] == ["3.12.4"]
