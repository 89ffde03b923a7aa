"""The boot script, executed by the real shell on a pretended machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .machine import CERTIFICATE, DEVICE, IMAGE, KEY, PASSWORD, SCRIPT, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "vm")


def test_a_first_boot_formats_and_starts_neo4j(machine: Machine) -> None:
    result = machine.boot()

    assert result.returncode == 0, result.stderr
    assert machine.phases() == ["starting", "disk", "secrets", "image", "running", "ready"]
    # Guest attributes outlive a restart: our generation beside an earlier boot's `ready` would be believed.
    assert machine.told[:2] == [["phase", "starting"], ["generation", "g1"]]
    assert len(machine.called("mkfs.ext4")) == 1
    assert machine.error() is None


@pytest.mark.parametrize("code", [0, 2, 4, 8, 1, 127])
def test_without_the_mark_nothing_is_ever_formatted(machine: Machine, code: int) -> None:
    machine.commands["blkid"] = (code, "")
    machine.attribute("format", None)

    machine.boot()

    assert machine.called("mkfs.ext4") == []


@pytest.mark.parametrize("code", [0, 4, 8, 1, 127])
def test_only_a_provably_empty_disk_is_formatted(machine: Machine, code: int) -> None:
    machine.commands["blkid"] = (code, "")

    result = machine.boot()

    assert machine.called("mkfs.ext4") == []
    assert (result.returncode == 0) == (code == 0)


@pytest.mark.parametrize("mark", ["neo4j-4712", "neo4j-47", "yes", ""])
def test_the_mark_of_another_disk_formats_nothing(machine: Machine, mark: str) -> None:
    machine.attribute("format", mark)

    machine.boot()

    assert machine.called("mkfs.ext4") == []
    assert machine.phases()[-1] == "failed"
    assert "not known to be new" in (machine.error() or "")


def test_the_disk_probe_looks_at_the_whole_device(machine: Machine) -> None:
    machine.boot()

    assert machine.called("blkid") == [["blkid", "-p", str(machine.by_id / f"google-{DEVICE}")]]


def test_a_mounted_disk_is_taken_as_it_is(machine: Machine) -> None:
    machine.commands["mountpoint"] = (0, "")

    assert machine.boot().returncode == 0
    for command in ("blkid", "mkfs.ext4", "mount", "fsck.ext4"):
        assert machine.called(command) == []


def test_a_missing_disk_is_named(machine: Machine) -> None:
    (machine.by_id / f"google-{DEVICE}").unlink()

    assert machine.boot().returncode == 1
    assert f"google-{DEVICE} did not appear" in (machine.error() or "")
    assert machine.phases()[-1] == "failed"


def test_a_damaged_file_system_is_left_alone(machine: Machine) -> None:
    machine.commands |= {"blkid": (0, ""), "fsck.ext4": (4, "")}

    assert machine.boot().returncode == 1
    assert machine.called("mount") == []
    assert "repair by hand" in (machine.error() or "")


def test_secrets_reach_files_and_nothing_else(machine: Machine) -> None:
    result = machine.boot()

    assert (machine.run_folder / "auth").read_text() == f"neo4j/{PASSWORD}"
    assert (machine.run_folder / "auth").stat().st_mode & 0o777 == 0o400
    assert (machine.run_folder / "bolt" / "private.key").read_text() == KEY
    assert (machine.run_folder / "bolt" / "private.key").stat().st_mode & 0o777 == 0o400
    assert (machine.run_folder / "bolt" / "public.crt").read_text() == CERTIFICATE
    everything_else = [result.stdout, result.stderr, *(a for call in machine.calls for a in call)]
    everything_else += [value for _, value in machine.told]
    for value in (PASSWORD, "c2VjcmV0", "Bearer tok"):
        assert not [text for text in everything_else if value in text]


def test_nothing_but_the_wanted_files_stays_in_memory(machine: Machine) -> None:
    machine.boot()

    left = sorted(str(p.relative_to(machine.run_folder)) for p in machine.run_folder.rglob("*") if p.is_file())
    assert left == ["auth", "bolt/private.key", "bolt/public.crt"]


def test_secrets_are_never_written_to_a_disk(machine: Machine) -> None:
    machine.commands["stat"] = (0, "ext2/ext3\n")

    assert machine.boot().returncode == 1
    assert not (machine.run_folder / "auth").exists()
    assert "not in memory" in (machine.error() or "")


def test_a_refused_secret_is_named(machine: Machine) -> None:
    machine.secret("projects/p/secrets/neo/versions/1", None)

    assert machine.boot().returncode == 1
    assert machine.error() == "cannot read the password (projects/p/secrets/neo/versions/1): answer 404"


def test_a_tls_secret_without_certificate_is_named(machine: Machine) -> None:
    machine.secret("projects/p/secrets/tls/versions/2", KEY)

    assert machine.boot().returncode == 1
    assert "holds no key and certificate" in (machine.error() or "")


def test_neo4j_runs_by_digest_with_tls_required(machine: Machine) -> None:
    machine.boot()

    (run,) = machine.called("docker", "run")
    assert run[-1] == IMAGE
    assert machine.called("docker", "pull") == [["docker", "pull", "-q", IMAGE]]
    assert machine.called("docker", "login")[0][-1] == "us-central1-docker.pkg.dev"
    joined = " ".join(run)
    for part in (
        "--network host",
        "--restart unless-stopped",
        f"type=bind,source={machine.mount}/data,target=/data",
        "NEO4J_AUTH_FILE=/run/secrets/auth",
        "NEO4J_server_bolt_tls__level=REQUIRED",
        "NEO4J_dbms_ssl_policy_bolt_enabled=true",
        "NEO4J_server_http_enabled=false",
        "NEO4J_server_memory_heap_max__size=1024m",
    ):
        assert part in joined
    assert "NEO4J_AUTH=" not in joined


def test_an_image_that_cannot_be_pulled_is_named(machine: Machine) -> None:
    machine.commands["docker pull"] = (1, "Error response from daemon: denied\n")

    assert machine.boot().returncode == 1
    assert machine.error() == f"cannot pull {IMAGE}: Error response from daemon: denied"
    assert len(machine.called("docker", "pull")) == 4  # grants may spread for half as long again as all else


def test_readiness_is_proved_with_our_certificate_alone(machine: Machine) -> None:
    machine.boot()

    (probe,) = [call for call in machine.called("curl") if call[-1] == "https://10.71.0.5:7687/"]
    assert probe[probe.index("--cacert") + 1] == str(machine.run_folder / "bolt" / "public.crt")
    assert "-k" not in probe


def test_a_server_that_never_answers_is_a_failure(machine: Machine) -> None:
    del machine.http["https://10.71.0.5:7687/"]
    machine.commands["docker inspect"] = (0, "0\n")

    assert machine.boot().returncode == 1
    assert machine.error() == "Neo4j does not answer on 10.71.0.5:7687"
    assert machine.phases()[-2:] == ["running", "failed"]


def test_the_port_is_opened_for_the_subnet_only(machine: Machine) -> None:
    machine.boot()

    (rule,) = machine.called("iptables")  # the rule is there already: -C found it
    assert rule[rule.index("-s") + 1] == "10.71.0.0/24"

    machine.commands["iptables"] = (1, "")
    machine.boot()
    assert "-I" in machine.called("iptables")[-1]
    assert "could not be opened" in (machine.error() or "")


@pytest.mark.parametrize(
    ("memory", "shares"), [("2048", "512 256"), ("4096", "1024 1024"), ("131072", "16384 16384"), ("600", "512 256")]
)
def test_memory_is_shared_by_the_machine(machine: Machine, memory: str, shares: str) -> None:
    assert machine.boot(function=f"memory_shares {memory}").stdout.strip() == shares


def test_a_machine_of_unknown_memory_asks_its_kernel(machine: Machine) -> None:
    machine.attribute("memory", None)

    total = int(Path("/proc/meminfo").read_text().split()[1])
    assert machine.boot(function="machine_memory").stdout.strip() == str(total // 1024)
    assert machine.called("awk") == []


@pytest.mark.parametrize("text", ['{"a": {"data": "eA=="}}', '{\n "data" : "eA==",\n "dataCrc32c": "7"\n}'])
def test_json_is_read_in_either_form(machine: Machine, text: str) -> None:
    assert machine.boot(function=f"printf '%s' '{text}' | json_text data").stdout.strip() == "eA=="


def test_attributes_are_data_and_not_shell(machine: Machine) -> None:
    machine.attribute("image", "$(touch pwned); `touch pwned`@sha256:x")

    machine.boot()

    assert machine.called("docker", "pull")[0][-1] == "$(touch pwned); `touch pwned`@sha256:x"
    assert not list(Path.cwd().glob("pwned"))


def test_the_script_is_posix(tmp_path: Path) -> None:
    for shell in ("dash", "sh"):
        if shutil.which(shell):
            assert subprocess.run([shell, "-n", str(SCRIPT)], check=False).returncode == 0
    if shutil.which("shellcheck"):
        result = subprocess.run(["shellcheck", "-s", "sh", str(SCRIPT)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


def test_the_script_fits_into_one_metadata_value() -> None:
    assert len(SCRIPT.read_bytes()) < 256 * 1024
