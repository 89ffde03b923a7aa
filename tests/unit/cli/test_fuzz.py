"""Any line and any environment: done as a whole, or refused with an exit code and a name, and nothing was begun."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from memdeploy.cli.app import build
from memdeploy.cli.options import RUN_OPTIONS
from memdeploy.cli.seams import Seams
from memdeploy.config.options import OPTIONS
from tests.support.fuzz import examples
from tests.unit.cli.fakes import Lifecycle

COMMANDS = (
    "plan", "up", "status", "verify", "outputs", "destroy", "doctor", "list", "history", "logs", "backup", "restore",
    "upgrade", "rollback", "releases", "proxy", "version",
)  # fmt: skip
ODD = [
    "", "-", "--", "-1", "²", "9" * 5000, "a/../b", "\x1b[2J", "\x9b", "\u202e", "x=y", "=", "a,b", "NaN", "1e999",
    "gcp", "abc", "0", "3", "/dev/null", "~", "sk-c4nary", "http://u:p@h/", "{}", "\ud800",
]  # fmt: skip
FLAGS = [option.flag for option in (*OPTIONS, *RUN_OPTIONS)]
words = st.one_of(st.sampled_from(ODD), st.text(max_size=10))
#: `--events` and `--wire-log` make the file that is named, which is what they are for.
line_parts = st.one_of(
    words, st.sampled_from([flag for flag in FLAGS if flag not in ("--events", "--wire-log")]),
    st.sampled_from(["--delete-data", "--finish", "--port", "--since", "--limit", "--nonsense", "--help", "-f"]),
)  # fmt: skip
VARIABLES = [
    option.env for option in (*OPTIONS, *RUN_OPTIONS) if option.env not in ("MEMDEPLOY_EVENTS", "MEMDEPLOY_WIRE_LOG")
]
environments = st.dictionaries(st.sampled_from(VARIABLES), words.filter(lambda text: "\x00" not in text), max_size=3)


@given(st.sampled_from(COMMANDS), st.lists(line_parts, max_size=6), environments)
@examples(150, 3000)
def test_any_line(
    tmp_path_factory: pytest.TempPathFactory, command: str, line: list[str], environ: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("line")
    life = Lifecycle(folder)
    seams = Seams(environ=environ, folder=folder, command=life.command, now=lambda: 1e9, terminal=lambda: False)
    known: dict[str, Any] = {
        name: environ.get(name) for name in (*VARIABLES, "MEMDEPLOY_STATE", "MEMDEPLOY_JSON", "CI")
    }
    known["MEMDEPLOY_STATE"] = str(folder / "none")
    known = {name: value and value.encode("utf-8", "replace").decode() for name, value in known.items()}
    done = CliRunner().invoke(build(), [command, *line], obj=seams, env=known)
    assert isinstance(done.exception, SystemExit | None), (command, line, environ, done.exception)
    assert "Traceback" not in done.output
    assert "memdeploy itself failed" not in done.output, (command, line, environ)
    assert done.exit_code in (0, 2, 3, 4, 8), (command, line, environ, done.output)
    if done.exit_code:
        assert life.asked == []
    assert list(folder.iterdir()) == []
    if "--json" in line and done.stdout.startswith("{"):
        json.loads(done.stdout)


def test_a_flag_that_is_no_ones_begins_nothing(tmp_path: Path) -> None:
    life = Lifecycle(tmp_path)
    assert life.run("destroy --name abc --yes --delete-dat").exit_code == 2
    assert life.run("destroy --name ../abc --yes").exit_code == 2
    assert life.asked == []
