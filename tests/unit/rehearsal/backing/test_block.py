"""The stand-ins for block-device tools keep the real tools' answers, on which the boot script's decisions rest."""

from pathlib import Path

import pytest

from memdeploy.rehearsal.backing.guest import block


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A disk that nobody has formatted, as /dev/disk/by-id/google-data."""
    (tmp_path / "disks" / "data").mkdir(parents=True)
    (tmp_path / "by-id").mkdir()
    (tmp_path / "sdb").touch()
    (tmp_path / "by-id" / "google-data").symlink_to(tmp_path / "sdb")
    monkeypatch.setattr(block, "DISKS", tmp_path / "disks")
    monkeypatch.setattr(block, "BY_ID", tmp_path / "by-id")
    return str(tmp_path / "by-id" / "google-data")


def test_an_empty_disk_has_no_signature(device: str) -> None:
    assert block.blkid(["-p", device]) == 2


def test_a_formatted_disk_is_found_by_its_link_and_its_node(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert block.mkfs(["-q", "-m", "0", "-E", "discard", device]) == 0
    assert block.blkid(["-p", device]) == 0
    assert block.blkid([str(Path(device).resolve())]) == 0
    assert 'TYPE="ext4"' in capsys.readouterr().out


def test_formatting_again_destroys_what_was_there(device: str) -> None:
    block.mkfs([device])
    (block.DISKS / "data" / "fs" / "kept").touch()
    block.mkfs([device])
    assert list((block.DISKS / "data" / "fs").iterdir()) == []


def test_an_unformatted_disk_cannot_be_checked_grown_or_mounted(device: str, tmp_path: Path) -> None:
    (tmp_path / "mnt").mkdir()
    assert block.fsck(["-p", device]) == 8
    assert block.resize2fs([device]) == 1
    assert block.mount(["-t", "ext4", "-o", "discard", device, str(tmp_path / "mnt")]) == 32


def test_a_mounted_disk_shows_its_content_until_it_is_unmounted(device: str, tmp_path: Path) -> None:
    folder = tmp_path / "mnt"
    folder.mkdir()
    block.mkfs([device])
    assert block.mountpoint(["-q", str(folder)]) == 32
    assert block.mount([device, str(folder)]) == 0
    assert block.mountpoint(["-q", str(folder)]) == 0
    (folder / "data").mkdir()
    assert (block.DISKS / "data" / "fs" / "data").is_dir()
    assert block.mount([device, str(folder)]) == 32
    assert block.umount([str(folder)]) == 0
    assert list(folder.iterdir()) == []
    assert block.umount([str(folder)]) == 32


def test_a_device_that_is_not_there_has_no_file_system(device: str) -> None:
    assert block.blkid(["-p", "/dev/disk/by-id/google-other"]) == 2
    assert block.mkfs(["/dev/disk/by-id/google-other"]) == 1


def test_a_mount_point_must_exist(device: str, tmp_path: Path) -> None:
    block.mkfs([device])
    assert block.mount([device, str(tmp_path / "nowhere")]) == 32
