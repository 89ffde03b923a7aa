"""A file system of its own, of a size, for processes that are let into it; it goes with the one that holds it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_BALLAST = "somebody-elses"
_MOUNTS = 0x00020000  # CLONE_NEWNS, setns(2)


class NotHere(Exception):
    """Why this machine does not let us have one."""


@dataclass(frozen=True)
class SmallDisk:
    """`at` is where its processes see it; `seen` where everybody else does."""

    at: Path
    holder: subprocess.Popen[bytes]

    @property
    def seen(self) -> Path:
        return Path(f"/proc/{self.holder.pid}/root{self.at}")

    @property
    def free(self) -> int:
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def enter(self, folder: Path) -> Callable[[], None]:
        """For a process that is just being started (`preexec_fn`); it then works in `folder`."""
        namespace = f"/proc/{self.holder.pid}/ns/mnt"

        def entered() -> None:
            handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
            if ctypes.CDLL(None, use_errno=True).setns(handle, _MOUNTS) != 0:
                os._exit(99)
            os.chdir(folder)

        return entered

    def leave(self, free: int) -> None:
        """Somebody else's file takes all of it but so many bytes (in pages)."""
        self.empty()
        with (self.seen / _BALLAST).open("wb") as file:
            file.write(bytes(max(0, self.free - free)))

    def empty(self) -> None:
        """It is gone again."""
        (self.seen / _BALLAST).unlink(missing_ok=True)


@contextmanager
def small_disk(at: Path, kib: int) -> Iterator[SmallDisk]:
    """A tmpfs in a mount namespace, which the kernel takes apart when its holder has ended and nobody is in it. Raises
    `NotHere`."""
    missing = [tool for tool in ("unshare", "mount") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        raise NotHere(f"needs {', '.join(missing)}" if missing else "needs root")
    at.mkdir(parents=True)
    script = 'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$2" || exit 1; echo mounted; exec cat'
    line = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", f"{kib}k", str(at)]
    holder = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            _, said = holder.communicate(timeout=30)
            raise NotHere(f"may not mount: {said.decode().strip()}")
        yield SmallDisk(at, holder)
    finally:
        holder.communicate(timeout=30)  # its input ends, so it does
