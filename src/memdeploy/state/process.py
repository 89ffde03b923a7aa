"""Which process this is, and whether another one still lives, as far as that can be known from here."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memdeploy.state.codec import checked


@dataclass(frozen=True)
class Process:
    """`machine` is the boot of a kernel together with the PID namespace: where it is the same, `pid` means the same
    and boot clocks agree. `started` (clock ticks since boot, Linux only) tells a process from a later one of its pid.
    """

    pid: int
    host: str
    machine: str
    started: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Process:
        """Raises KeyError, TypeError or ValueError for what is none."""
        pid, started = checked(data["pid"], int), checked(data["started"], int, type(None))
        if not 0 < pid < 2**31:
            raise ValueError("no process has this number")
        return cls(pid, checked(data["host"], str), checked(data["machine"], str), started)


def this_process() -> Process:
    return Process(os.getpid(), platform.node(), _machine(), _started(os.getpid()))


def gone(process: Process, here: Process) -> bool:
    """True only when it certainly does not run any more: it ran here and is not there, or here was booted since."""
    if process.machine != here.machine:
        return process.host == here.host and _boot(process.machine) != _boot(here.machine)
    if not _exists(process.pid):
        return True
    return process.started is not None and _started(process.pid) not in (None, process.started)


def _machine() -> str:
    try:
        return f"{_linux_boot()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{_bsd_boot()}/"


def _boot(machine: str) -> str:
    return machine.partition("/")[0]


def _linux_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _bsd_boot() -> str:
    """macOS draws an id for each boot too."""
    command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return platform.node()


def _started(pid: int) -> int | None:
    """Field 22 of proc_pid_stat(5); the second field is in parentheses and may hold anything."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return False
