"""What the rig needs of the machine: Debian packages, a running engine, a CPython 3.12, its own certificates."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from kit.shell import RigError, run, succeeds

PROGRAMS = {"docker": "docker.io", "dockerd": "docker.io", "mmdebstrap": "mmdebstrap", "iptables": "iptables"}
CERTIFICATES = Path("/usr/local/share/ca-certificates")
KEYRING = Path("/usr/share/keyrings/debian-archive-trixie-stable.gpg")


def ensure_programs(*more: tuple[str, str]) -> None:
    """Installs what is missing when root; otherwise names the one command that does. Pairs of (program, package)."""
    wanted = {**PROGRAMS, **dict(more)}
    missing = sorted({package for program, package in wanted.items() if not _on_path(program)})
    if not missing:
        return
    packages = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RigError(f"missing programs; as root: apt-get install --no-install-recommends {packages}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=quiet)


def _on_path(program: str) -> bool:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def ensure_engine(work: Path) -> None:
    """Starts dockerd when none answers. A running one is never touched."""
    if succeeds(["docker", "version"]):
        return
    if os.geteuid() != 0:
        raise RigError("no container engine answers, and only root can start one: sudo systemctl start docker")
    if not succeeds(["pgrep", "-x", "dockerd"]):
        # A killed dockerd leaves its pid file behind, and Debian's 20.10 refuses to start over one.
        for stale in ("/var/run/docker.pid", "/var/run/docker/containerd/containerd.pid"):
            Path(stale).unlink(missing_ok=True)
        if not os.path.ismount("/sys/fs/cgroup") and _on_path("cgroupfs-mount"):
            run(["cgroupfs-mount"])
        with (work / "dockerd.log").open("ab") as log:
            subprocess.Popen(["dockerd"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not succeeds(["docker", "version"]):
        if time.monotonic() > deadline:
            raise RigError(f"dockerd does not answer within 60 s; its log: {work / 'dockerd.log'}")
        time.sleep(0.2)


def debian_mirror() -> str:
    """The mirror this machine's apt uses, so that a network with its own mirror works; else the public one."""
    for path in [*sorted(Path("/etc/apt/sources.list.d").glob("*.sources")), Path("/etc/apt/sources.list")]:
        if not path.exists():
            continue
        found = re.search(
            r"^\s*(?:URIs:|deb)\s+(?:\[[^]]*\]\s+)?(\S+/debian)/?(?:\s|$)", path.read_text(), re.MULTILINE
        )
        if found:
            return found.group(1)
    return "http://deb.debian.org/debian"


def own_certificates() -> list[Path]:
    """Certificate authorities that whoever runs this machine's network has added: read here, never committed."""
    return sorted(CERTIFICATES.glob("*.crt"))


def fingerprint(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def python312() -> Path | None:
    """The folder of a relocatable CPython 3.12: one that pyenv built, or a `python3.12` outside /usr."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    trees = sorted(pyenv.glob("3.12.*"), key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)])
    for tree in reversed(trees):
        if (tree / "bin/python3.12").exists():
            return tree
    if shutil.which("python3.12"):
        prefix = Path(run(["python3.12", "-c", "import sys; print(sys.base_prefix)"]).strip())
        if prefix not in (Path("/usr"), Path("/usr/local")):
            return prefix
    return None
