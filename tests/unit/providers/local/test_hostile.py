"""The folder of an embedded deployment and an archive, under a careless umask and among what somebody planted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from memdeploy.errors import CloudError
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import Manifest, Part
from memdeploy.providers.local import files
from memdeploy.providers.local.folder import Folder
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret
from tests.support.hostile import PRIVATE, careless, elsewhere, modes, untouched
from tests.unit.providers.local.embedded.support import Rig, scope


def test_all_of_it_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    place = tmp_path / "share" / "memdeploy" / "memmachine"
    with careless():
        done = Rig().ensure(Folder(scope(place), str(place)))
        vault = FileVault(place, "model")
        vault.create({})
        vault._add(Secret("c4nary"))
    assert done.ok
    assert set(modes(tmp_path / "share").values()) == PRIVATE


@pytest.mark.parametrize("name", ["memmachine", ".memmachine.new"])
def test_a_link_in_its_place_is_not_followed(tmp_path: Path, name: str) -> None:
    precious = elsewhere(tmp_path / "elsewhere")
    place = tmp_path / "memmachine"
    (tmp_path / name).symlink_to(precious)
    done = Rig().ensure(Folder(scope(place), str(place)))
    assert not done.ok
    assert untouched(precious)


def test_a_secret_is_not_read_through_a_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.json"
    files.write_json(theirs, {"serial": 1, "labels": {}, "versions": [{"enabled": True, "value": "theirs"}]})
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "model.json").symlink_to(theirs)
    with pytest.raises((CloudError, OSError)):
        FileVault(tmp_path, "model").reveal(1)


def test_an_archive_replaces_a_link_and_is_its_owners_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("as it was")
    (tmp_path / "backup.tar").symlink_to(theirs)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "data").write_bytes(b"memories")
    part = Part("data", "data", 8, hashlib.sha256(b"memories").hexdigest())
    with careless():
        archive.write(tmp_path / "backup.tar", Manifest("d", "i", "local", "0.4.0", "now", (part,)), tmp_path / "parts")
        (tmp_path / "out").mkdir(mode=0o700)
        (tmp_path / "out" / "data").symlink_to(theirs)
        with pytest.raises(archive.ArchiveError):
            archive.unpack(tmp_path / "backup.tar", tmp_path / "out")
        (tmp_path / "out" / "data").unlink()
        archive.unpack(tmp_path / "backup.tar", tmp_path / "out")
    assert theirs.read_text() == "as it was"
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    assert set(modes(tmp_path / "out").values()) == PRIVATE
