"""Process 1 of a container that stands for a virtual machine: devices, trust, relay, then the startup script.

The script is what the client gave, executed once at every start as the guest agent does, with its output on the
container's log as on a serial console. Afterwards the machine stays up.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

DISKS = Path("/rehearsal/disks")
HOST = Path("/rehearsal/host")
BY_ID = Path("/dev/disk/by-id")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
AUTHORITY = HOST / "authority.pem"
SCRIPT = Path("/var/lib/google/startup-script")
MAJOR, STEP = 8, 16  # as Linux numbers SCSI disks; the device is a name only, nothing can open it


def make_devices() -> None:
    """/dev/disk/by-id/google-<device name> for each disk, as on Compute Engine; block devices, so that `-b` holds."""
    BY_ID.mkdir(parents=True, exist_ok=True)
    for index, disk in enumerate(sorted(DISKS.iterdir()), start=1):
        node = Path(f"/dev/sd{chr(ord('a') + index)}")
        if not node.exists():
            os.mknod(node, 0o660 | stat.S_IFBLK, os.makedev(MAJOR, STEP * index))
        link = BY_ID / f"google-{disk.name}"
        link.unlink(missing_ok=True)
        link.symlink_to(node)


def trust_authority() -> None:
    authority = AUTHORITY.read_text()
    if authority not in BUNDLE.read_text():
        with BUNDLE.open("a") as bundle:
            bundle.write(authority)


def run_script() -> int:
    """The exit code. A script without an interpreter line is given to sh."""
    SCRIPT.parent.mkdir(parents=True, exist_ok=True)
    text = (HOST / "startup-script").read_bytes()
    SCRIPT.write_bytes(text)
    SCRIPT.chmod(0o700)
    argv = [str(SCRIPT)] if text.startswith(b"#!") else ["/bin/sh", str(SCRIPT)]
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    # S603: a machine runs what its owner gave it; it has no privileges here.
    return subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603


def main() -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    make_devices()
    trust_authority()
    relay = subprocess.Popen([sys.executable, "/opt/rehearsal/relay.py"], stdout=subprocess.PIPE)
    if relay.stdout is not None:
        relay.stdout.readline()  # it says when it listens
    threading.Thread(target=lambda: report(run_script()), daemon=True).start()
    stopped.wait()
    relay.terminate()


def report(code: int) -> None:
    sys.stderr.write(f"startup-script exit status {code}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
