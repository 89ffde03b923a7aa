"""Stand-ins for the tools of a block device, called by their names: blkid, mkfs.ext4, fsck.ext4, resize2fs, mount,
umount, mountpoint. A container without privileges has no block devices; a disk is a volume at
/rehearsal/disks/<device name>, holding `fs/` (the file system's content) and `superblock` once it was formatted.

Exit codes are those of the real tools (blkid(8): 2 when nothing was found; mount(8): 32 for a failed mount;
mountpoint(1): 32 for no mount point since util-linux 2.39).
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

DISKS = Path("/rehearsal/disks")
BY_ID = Path("/dev/disk/by-id")
FORMAT_VALUES = frozenset(("-t", "-o", "-m", "-E", "-L", "-U", "-b", "-i", "-N", "-T", "-O"))


def operands(argv: Sequence[str], with_value: frozenset[str]) -> list[str]:
    """What is neither an option nor an option's value."""
    found: list[str] = []
    words = iter(argv)
    for word in words:
        if word in with_value:
            next(words, None)
        elif not word.startswith("-"):
            found.append(word)
    return found


def disk_of(device: str) -> Path | None:
    """The volume behind a device or one of its links."""
    node = os.path.realpath(device)
    for link in BY_ID.glob("google-*") if BY_ID.exists() else ():
        if os.path.realpath(link) == node:
            return DISKS / link.name.removeprefix("google-")
    return None


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def blkid(argv: Sequence[str]) -> int:
    code = 2
    for device in operands(argv, frozenset(("-o", "-s", "-t", "-L", "-U", "-c", "-n", "-u"))):
        disk = disk_of(device)
        if disk is None:
            say(f"blkid: error: {device}: No such file or directory")
        elif (disk / "superblock").exists():
            sys.stdout.write(f'{device}: UUID="{(disk / "superblock").read_text()}" BLOCK_SIZE="4096" TYPE="ext4"\n')
            code = 0
    return code


def mkfs(argv: Sequence[str]) -> int:
    """As the real one without a terminal: makes the file system, whatever was there before."""
    for device in operands(argv, FORMAT_VALUES):
        disk = disk_of(device)
        if disk is None:
            say(f"mkfs.ext4: No such file or directory while trying to determine filesystem size of {device}")
            return 1
        if (disk / "fs").exists():
            shutil.rmtree(disk / "fs")
        (disk / "fs").mkdir()
        (disk / "superblock").write_text(str(uuid.uuid4()))
    return 0


def fsck(argv: Sequence[str]) -> int:
    for device in operands(argv, frozenset(("-b", "-B", "-j", "-l", "-L", "-z", "-C", "-E"))):
        disk = disk_of(device)
        if disk is None or not (disk / "superblock").exists():
            say(f"fsck.ext4: Bad magic number in super-block while trying to open {device}")
            return 8
        sys.stdout.write(f"{device}: clean\n")
    return 0


def resize2fs(argv: Sequence[str]) -> int:
    for device in operands(argv, frozenset(("-d", "-S", "-z"))):
        disk = disk_of(device)
        if disk is None or not (disk / "superblock").exists():
            say(f"resize2fs: Bad magic number in super-block while trying to open {device}")
            return 1
    return 0


def mount(argv: Sequence[str]) -> int:
    device, folder = operands(argv, frozenset(("-t", "-o", "-O", "-L", "-U")))
    where = Path(folder)
    disk = disk_of(device)
    if not where.is_dir():
        say(f"mount: {folder}: mount point does not exist.")
        return 32
    if disk is None:
        say(f"mount: {folder}: special device {device} does not exist.")
        return 32
    if not (disk / "fs").exists():
        say(f"mount: {folder}: wrong fs type, bad option, bad superblock on {device}.")
        return 32
    if where.is_symlink():
        say(f"mount: {folder}: {device} already mounted on {folder}.")
        return 32
    where.rename(f"{folder}.below")
    where.symlink_to(disk / "fs")
    return 0


def umount(argv: Sequence[str]) -> int:
    for folder in operands(argv, frozenset(("-t", "-O"))):
        if not is_mounted(folder):
            say(f"umount: {folder}: not mounted.")
            return 32
        Path(folder).unlink()
        Path(f"{folder}.below").rename(folder)
    return 0


def is_mounted(folder: str) -> bool:
    return os.path.ismount(folder) or (Path(folder).is_symlink() and DISKS in Path(folder).readlink().parents)


def mountpoint(argv: Sequence[str]) -> int:
    (folder,) = operands(argv, frozenset())
    there = is_mounted(folder)
    if "-q" not in argv:
        sys.stdout.write(f"{folder} is {'' if there else 'not '}a mountpoint\n")
    return 0 if there else 32


TOOLS: dict[str, Callable[[Sequence[str]], int]] = {
    "blkid": blkid,
    "mkfs.ext4": mkfs,
    "fsck.ext4": fsck,
    "resize2fs": resize2fs,
    "mount": mount,
    "umount": umount,
    "mountpoint": mountpoint,
}

if __name__ == "__main__":
    sys.exit(TOOLS[Path(sys.argv[0]).name](sys.argv[1:]))
