"""A pretended virtual machine: every command that the boot script calls, as a small program on PATH.

The script itself is the real file, run by the real `sh`.
"""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import memdeploy.providers.gcp as package

SCRIPT = Path(package.__file__).with_name("neo4j_boot.sh")
DEVICE = "neo4j-4711"
PASSWORD = "n/eo'4\"j $x"
KEY = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\ncHVibGlj\n-----END CERTIFICATE-----\n"
IMAGE = "us-central1-docker.pkg.dev/p/hub/library/neo4j@sha256:" + "a" * 64

FAKE = r"""#!/bin/sh
name=${0##*/}
stdin=
case "$name $*" in *'@-'* | *--password-stdin*) stdin=$(cat) ;; esac
{ printf '%s\037' "$name" "$@"; echo; } >>"$FAKE_ROOT/calls"

answer() { # URL OUT WANT_CODE: files under http/ are the answers
  if [ -f "$FAKE_ROOT/http/$1" ]; then
    if [ -n "$2" ]; then cat "$FAKE_ROOT/http/$1" >"$2"; else cat "$FAKE_ROOT/http/$1"; fi
    [ -z "$3" ] || printf 200
    exit 0
  fi
  [ -z "$3" ] || { printf 404; exit 0; }
  exit 22
}

if [ "$name" = curl ]; then
  out= want= header= url=
  while [ $# -gt 0 ]; do
    case $1 in
      -o) out=$2; shift ;;
      -w) want=$2; shift ;;
      -H) header=$2; shift ;;
      http*) url=$1 ;;
    esac
    shift
  done
  case $url in
    */guest-attributes/memdeploy/*) printf '%s\037%s\037\n' "${url##*/}" "$stdin" >>"$FAKE_ROOT/told"; exit 0 ;;
    https://secretmanager.*) [ "$(cat "${header#@}")" = 'Authorization: Bearer tok' ] || exit 99 ;;
  esac
  case $url in */) url=${url}index ;; esac
  answer "$url" "$out" "$want"
fi
[ "$name $1" != 'docker login' ] || [ "$stdin" = tok ] || exit 98
for key in "$name $1" "$name"; do
  [ ! -f "$FAKE_ROOT/commands/$key" ] || { . "$FAKE_ROOT/commands/$key"; printf '%s' "$say"; exit "$code"; }
done
"""

COMMANDS = (
    *("awk", "blkid", "chown", "curl", "docker", "fsck.ext4", "iptables", "mkfs.ext4", "mount", "mountpoint"),
    *("resize2fs", "sleep", "stat"),
)


class Machine:
    """`http`: answers by URL; `commands`: exit code and output by command, or by command and first argument."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.by_id = root / "by-id"
        self.mount = root / "mnt"
        self.run_folder = root / "run"
        self.bin = root / "bin"
        for folder in (self.by_id, self.bin):
            folder.mkdir(parents=True)
        (self.by_id / f"google-{DEVICE}").touch()
        for command in COMMANDS:
            fake = self.bin / command
            fake.write_text(FAKE)
            fake.chmod(0o755)
        metadata = "http://metadata.google.internal/computeMetadata/v1/instance"
        self._attributes = f"{metadata}/attributes/"
        self._secrets = "https://secretmanager.googleapis.com/v1/"
        self.commands: dict[str, tuple[int, str]] = {
            "blkid": (2, ""),
            "mountpoint": (32, ""),
            "stat": (0, "tmpfs\n"),
            "docker inspect": (0, "running\n"),
        }
        token = json.dumps({"access_token": "tok", "expires_in": 3599, "token_type": "Bearer"})
        self.http: dict[str, str] = {
            f"{metadata}/service-accounts/default/token": token,
            "https://10.71.0.5:7687/": "{}",
        }
        self.attribute("device", DEVICE)
        self.attribute("format", DEVICE)
        self.attribute("password", "projects/p/secrets/neo/versions/1")
        self.attribute("tls", "projects/p/secrets/tls/versions/2")
        self.attribute("image", IMAGE)
        self.attribute("address", "10.71.0.5")
        self.attribute("sources", "10.71.0.0/24")
        self.attribute("memory", "4096")
        self.attribute("generation", "g1")
        self.secret("projects/p/secrets/neo/versions/1", PASSWORD)
        self.secret("projects/p/secrets/tls/versions/2", KEY + CERTIFICATE)

    def attribute(self, name: str, value: str | None) -> None:
        url = f"{self._attributes}memdeploy-{name}"
        if value is None:
            self.http.pop(url, None)
        else:
            self.http[url] = value

    def secret(self, version: str, value: str | None) -> None:
        url = f"{self._secrets}{version}:access"
        if value is None:
            self.http.pop(url, None)
            return
        payload = {"data": base64.b64encode(value.encode()).decode(), "dataCrc32c": "1"}
        self.http[url] = json.dumps({"name": version, "payload": payload}, indent=2)

    def boot(self, *, function: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs the whole script, or one of its functions (`function` is a line of shell)."""
        self._write_world()
        environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "FAKE_ROOT": str(self.root),
            "MEMDEPLOY_BY_ID": str(self.by_id),
            "MEMDEPLOY_MOUNT": str(self.mount),
            "MEMDEPLOY_RUN": str(self.run_folder),
            "MEMDEPLOY_TRIES": "3",
        }
        if function is None:
            command = ["sh", str(SCRIPT)]
        else:
            environment["MEMDEPLOY_BOOT_LIBRARY"] = "1"
            command = ["sh", "-c", f'. "{SCRIPT}"; {function}']
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def _write_world(self) -> None:
        for folder in ("http", "commands"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
            (self.root / folder).mkdir()
        for url, answer in self.http.items():
            file = self.root / "http" / (url + "index" if url.endswith("/") else url)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(answer)
        for command, (code, said) in self.commands.items():
            (self.root / "commands" / command).write_text(f"code={code} say={shlex.quote(said)}\n")

    @property
    def calls(self) -> list[list[str]]:
        return self._lines("calls")

    @property
    def told(self) -> list[list[str]]:
        """Guest attributes, in the order they were written."""
        return self._lines("told")

    def called(self, *start: str) -> list[list[str]]:
        return [call for call in self.calls if call[: len(start)] == list(start)]

    def phases(self) -> list[str]:
        return [value for key, value in self.told if key == "phase"]

    def error(self) -> str | None:
        errors = [value for key, value in self.told if key == "error"]
        return errors[-1] if errors else None

    def _lines(self, name: str) -> list[list[str]]:
        file = self.root / name
        return [line.split("\x1f")[:-1] for line in file.read_text().split("\n")[:-1]] if file.exists() else []
