"""The store of secrets in files, and the folder they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.local import files
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret

CANARY = "canary-9d2f"


@pytest.fixture
def vault(tmp_path: Path) -> FileVault:
    made = FileVault(tmp_path, "postgres")
    made.create({"memdeploy": "abc"})
    return made


def test_only_its_owner_reads_it(vault: FileVault) -> None:
    vault._add(Secret(CANARY))
    path = Path(vault.path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_versions_are_numbered_and_revealed(vault: FileVault) -> None:
    assert vault.newest() is None
    vault._add(Secret("one"))
    added = vault._add(Secret(CANARY))

    assert (added.number, vault.newest()) == (2, added)
    assert (vault.reveal(1), vault.reveal("2"), vault.reveal("latest")) == (
        Secret("one"),
        Secret(CANARY),
        Secret(CANARY),
    )
    with pytest.raises(CloudError) as raised:
        vault.version(3)
    assert raised.value.kind is ErrorKind.NOT_FOUND


def test_a_second_create_is_a_conflict_and_keeps_the_first(vault: FileVault) -> None:
    vault._add(Secret(CANARY))
    with pytest.raises(CloudError) as raised:
        vault.create({"memdeploy": "other"})
    assert raised.value.kind is ErrorKind.CONFLICT
    assert vault.reveal(1) == Secret(CANARY)


def test_a_write_on_what_was_changed_meanwhile_is_refused(vault: FileVault) -> None:
    etag = vault.get().etag
    vault._add(Secret(CANARY))
    for change in (lambda: vault.relabel({}, etag), lambda: vault.delete(etag)):
        with pytest.raises(CloudError) as raised:
            change()
        assert raised.value.kind is ErrorKind.STALE
    assert vault.reveal(1) == Secret(CANARY)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(CloudError) as raised:
        FileVault(tmp_path, "none").get()
    assert raised.value.kind is ErrorKind.NOT_FOUND


def test_no_link_is_followed(vault: FileVault, tmp_path: Path) -> None:
    """A link in the place of a secret would be somebody else's file."""
    elsewhere = tmp_path / "elsewhere.json"
    Path(vault.path).rename(elsewhere)
    Path(vault.path).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        vault.get()


def test_a_damaged_file_is_named_without_its_content(vault: FileVault) -> None:
    Path(vault.path).write_text(f'{{"value": "{CANARY}"')
    with pytest.raises(CloudError) as raised:
        vault.get()
    assert raised.value.kind is ErrorKind.INVALID
    assert CANARY not in str(raised.value)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert files.read_json(path) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]
