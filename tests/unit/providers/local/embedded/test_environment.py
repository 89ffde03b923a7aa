"""An environment is made aside and renamed, once, by one run at a time; what an interrupted run left is no harm."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from memdeploy.memmachine.files import docker_files
from memdeploy.memmachine.releases import RELEASES
from memdeploy.providers.local.embedded import environment, layout, uv
from memdeploy.providers.local.embedded.environment import Environment
from tests.support.waiting import wait_for
from tests.unit.providers.local.embedded.support import Rig, plant, program, scope

#: Makes what the real one makes, as far as it is looked at; each call leaves a line. `$GATE`: waits until it is gone.
UV = """
echo "$1 $2" >> "$CALLS"
while [ -e "$GATE" ]; do /bin/sleep 0.02; done
case "$1 $2" in
  "venv --relocatable")
    /bin/mkdir -p "$5/bin"; /bin/cp "$4" "$5/bin/python" ;;
  "pip install")
    while [ $# -gt 0 ]; do
      if [ "$1" = --target ]; then
        place=$2/llama_index/core/_static/nltk_cache
        /bin/mkdir -p "$place/corpora/stopwords" "$place/tokenizers/punkt_tab"
        echo x > "$place/corpora/stopwords.zip"; echo y > "$place/corpora/stopwords/english"
      fi
      shift
    done ;;
  *) exit 9 ;;
esac
"""


LOCKED = [one for one in RELEASES.values() if (docker_files() / environment.lock_name(one.version)).is_file()]


class Place:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.calls, self.gate = folder / "calls", folder / "gate"
        self.python = plant(folder / "python3.12")
        self.uv = program(folder / "uv", f"CALLS={self.calls} GATE={self.gate}\n{UV}")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setattr(uv, "program", lambda: str(self.uv))

    def ensure(self) -> dict[str, str]:
        done = Rig().ensure(Environment(scope(self.folder)), python=str(self.python))
        assert done.ok, done.error
        return dict(done.steps[0].outputs)

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_it_is_made_once_and_nothing_is_left_beside_it(place: Place) -> None:
    made = place.ensure()
    assert (Path(made["nltk"]) / "corpora/stopwords/english").read_text() == "y\n"
    assert not list(Path(made["nltk"]).rglob("*.zip"))
    assert place.ensure() == made
    assert place.called() == ["venv --relocatable", "pip install", "pip install"]
    there = [path.name for path in layout.environments().iterdir() if not path.name.endswith(".lock")]
    assert there == [Path(made["path"]).name]


def test_another_lock_or_interpreter_is_another_environment(place: Place) -> None:
    first = place.ensure()
    place.python = plant(place.folder / "other" / "python3.13", (3, 13, 0))
    assert place.ensure()["path"] != first["path"]


def test_one_whose_interpreter_is_gone_is_made_again(place: Place) -> None:
    made = place.ensure()
    Path(made["python"]).unlink()
    assert place.ensure() == made
    assert Path(made["python"]).exists()


def test_two_runs_make_it_once(place: Place) -> None:
    place.gate.touch()
    found: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: found.append(place.ensure())) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_for(lambda: place.called())
    place.gate.unlink()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert place.called() == ["venv --relocatable", "pip install", "pip install"]


def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(place: Place) -> None:
    """And uv, which it leaves behind, keeps the next one waiting until it has ended itself."""
    place.gate.touch()
    killed = subprocess.Popen(
        [sys.executable, "-c", ALONE, str(place.folder), str(place.python), str(place.uv)],
        cwd=Path(__file__).resolve().parents[5],
    )
    wait_for(lambda: place.called())
    killed.send_signal(signal.SIGKILL)
    killed.wait()

    thread = threading.Thread(target=place.ensure)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "uv still writes: its lock is held"
    assert len(place.called()) == 1
    place.gate.unlink()
    thread.join()
    assert len(place.called()) == 4, "made from the beginning"
    assert environment.whole(_plan(place))


ALONE = """
import sys
from pathlib import Path
from memdeploy.providers.local.embedded import uv
from memdeploy.providers.local.embedded.environment import Environment
from tests.unit.providers.local.embedded.support import Rig, scope
folder, python, program = sys.argv[1:]
uv.program = lambda: program
Rig().ensure(Environment(scope(Path(folder))), python=python)
"""


def test_what_failed_is_told_in_uvs_own_words_and_leaves_no_environment(place: Place) -> None:
    program(place.uv, "echo 'error: Failed to fetch: https://pypi.org/simple/aiofile/' >&2; exit 2")
    error = Rig().ensure(Environment(scope(place.folder)), python=str(place.python)).error
    assert error is not None
    assert error.code == "packages"
    assert error.message.endswith("error: Failed to fetch: https://pypi.org/simple/aiofile/")
    assert error.retryable
    assert not environment.whole(_plan(place))


def test_a_lock_pins_and_hashes_all() -> None:
    for release in LOCKED:
        assert release.without_neo4j
        lock = (docker_files() / environment.lock_name(release.version)).read_text()
        assert f"memmachine-server=={release.version}" in lock
        assert f"memmachine-common=={release.version}" in lock
        entries = lock.replace("\\\n", " ").splitlines()[1:]
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
        assert "http" not in "".join(entry.split("==")[1].split()[-1] for entry in entries)


def test_the_lock_has_the_versions_of_the_image() -> None:
    """Both runtimes run the same; only the driver's extension in Rust is the image's alone."""
    for release in LOCKED:
        image, own = (
            _versions(docker_files() / name) for name in (release.requirements, environment.lock_name(release.version))
        )
        assert own == {name: version for name, version in image.items() if name != "neo4j-rust-ext"}


def _versions(lock: Path) -> dict[str, str]:
    pins = [
        line.split()[0].split("==") for line in lock.read_text().splitlines() if "==" in line and line[0] not in "# "
    ]
    return {name.replace(".", "-"): version for name, version in pins}


def _plan(place: Place) -> environment.Plan:
    folder = docker_files()
    lock, data = folder / environment.lock_name("0.4.0"), folder / environment.NLTK_LOCK
    return environment.Plan("0.4.0", str(place.python), lock, data)


def test_a_name_stands_for_everything_that_it_is_made_of(place: Place, tmp_path: Path) -> None:
    lock, data = tmp_path / "lock.txt", tmp_path / "data.txt"
    lock.write_text("a==1\n")
    data.write_text("b==1\n")
    plan = environment.Plan("0.4.0", str(place.python), lock, data)
    first = plan.name
    assert first.startswith("memmachine-0.4.0-")
    lock.write_text("a==2\n")
    assert plan.name != first
    link = tmp_path / "link"
    link.symlink_to(place.python)
    assert environment.Plan("0.4.0", str(link), lock, data).name == plan.name, "the same interpreter by another name"
