"""Where no Python will do, uv downloads one; where it cannot, there is one error that names the remedies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memdeploy.errors import ExitCode
from memdeploy.providers.local.embedded import interpreter, layout, uv
from memdeploy.providers.local.embedded.python import Python
from tests.unit.providers.local.embedded.support import FACTS, Rig, plant, program, scope

SAID = json.dumps({**FACTS, "version": [3, 12, 9], "path": "/planted/python3"})
DOWNLOADS = f"""
[ "$1 $2" = "python install" ] || exit 9
echo "$@" >> "$0.calls"
place=$UV_PYTHON_INSTALL_DIR/cpython-3.12.9-linux-x86_64-gnu/bin
/bin/mkdir -p "$place"
/bin/cat > "$place/python3" <<'END'
#!/bin/sh
echo '{SAID}'
END
/bin/chmod 700 "$place/python3"
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any Python of its own."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return tmp_path


def uv_is(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Path:
    planted = program(folder / "uv", script)
    monkeypatch.setattr(uv, "program", lambda: str(planted))
    return planted


def test_one_is_downloaded_once_and_found_again(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    planted = uv_is(monkeypatch, bare, DOWNLOADS)
    for rig in (Rig(), Rig()):
        done = rig.ensure(Python(scope(bare)))
        assert done.ok, done.error
        assert done.steps[0].outputs == {"path": "/planted/python3", "version": "3.12.9"}
    assert (planted.parent / "uv.calls").read_text().splitlines() == ["python install --no-bin 3.12"]
    assert layout.pythons().is_relative_to(bare / "cache")


def test_none_is_one_refusal_that_names_the_remedies(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    uv_is(monkeypatch, bare, "echo 'error: no route to host' >&2; exit 2")
    error = Rig().ensure(Python(scope(bare))).error
    assert error is not None
    assert (error.exit_code, error.code) == (ExitCode.REFUSED, "no-python")
    assert "no route to host" in error.message
    assert str(error.suggestion) == interpreter.REMEDIES
    for remedy in ("uv python install", "pyenv install", "--local-python", "python.org"):
        assert remedy in interpreter.REMEDIES


def test_one_that_is_here_needs_no_uv(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    uv_is(monkeypatch, bare, "exit 9")
    planted = plant(bare / "bin/python3")
    done = Rig().ensure(Python(scope(bare)))
    assert done.steps[0].outputs == {"path": str(planted), "version": "3.12.4"}


def test_the_one_that_served_is_kept_while_it_runs(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    uv_is(monkeypatch, bare, "exit 9")
    rig, old = Rig(), plant(bare / "bin/python3.13", (3, 13, 1))
    rig.ensure(Python(scope(bare)))
    plant(bare / "bin/python3.12")
    assert rig.ensure(Python(scope(bare))).steps[0].outputs["version"] == "3.13.1"
    old.unlink()
    assert rig.ensure(Python(scope(bare))).steps[0].outputs["version"] == "3.12.4"


def test_uv_is_led_where_pip_is_led_and_told_nothing_else() -> None:
    given = {
        "PATH": "/bin", "HOME": "/home/me", "PIP_INDEX_URL": "https://mirror.example/simple", "HTTPS_PROXY": "http://p",
        "no_proxy": "x", "OPENAI_API_KEY": "sk-1", "AWS_SECRET_ACCESS_KEY": "s", "UV_OFFLINE": "",
    }  # fmt: skip
    found = uv.variables(given, Path("/cache"), Path("/pythons"))
    assert found["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert (found["HTTPS_PROXY"], found["no_proxy"]) == ("http://p", "x")
    assert (found["UV_CACHE_DIR"], found["UV_PYTHON_INSTALL_DIR"]) == ("/cache", "/pythons")
    assert not {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "UV_OFFLINE"} & set(found)
    own = uv.variables({**given, "UV_DEFAULT_INDEX": "https://own.example"}, Path("/c"), Path("/p"))
    assert own["UV_DEFAULT_INDEX"] == "https://own.example"
