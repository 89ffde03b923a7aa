"""The real commands on terminals and pipes of many kinds: narrow ones, dumb ones, ones that know no Unicode."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.contract.product.conftest import UP
from tests.support import screen
from tests.support.cli import Memdeploy
from tests.support.rehearsed import Rehearsed

#: What only looks, and errors as a newcomer meets them.
LINES: Mapping[str, int] = {
    "status": 0, "status --cached": 0, "verify": 0, "outputs": 0, "list": 0, "history": 0, "logs": 0, "plan": 0,
    "plan --costs": 0, "doctor": 0, "releases": 0, "version": 0, "plan --max-instances 7": 0,
    "status --name nobody": 8, "up --replace nothing": 2, "logs redis": 2, "plan --file none.yaml": 2,
    "plan --embedding-model other": 3, "destroy --finish": 2, "statu": 2, "up --nonsense": 2,
}  # fmt: skip
#: One for each way of showing.
_SHOWING = ("status", "plan --max-instances 7", "doctor", "verify", "destroy --finish", "up --nonsense")
LOCALES = ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "de_DE.ISO-8859-1", "no_SUCH.UTF-8")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memdeploy]:
    folder = tmp_path_factory.mktemp("screens")
    served = Rehearsed.serve(folder / "cloud")
    (folder / "user").mkdir()
    memdeploy = Memdeploy(folder / "user", served.environment)
    memdeploy(*UP)
    yield memdeploy
    served.stop()


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with those of `LOCALES` that this machine can make; the others are unknown to it, as to many others."""
    folder = tmp_path_factory.mktemp("locales")
    for name in LOCALES if shutil.which("localedef") else ():
        language, _, encoding = name.partition(".")
        line = ["localedef", "-i", language, "-f", encoding, str(folder / name)]
        subprocess.run(line, capture_output=True, check=False, timeout=120)
    return str(folder)


def environ(memdeploy: Memdeploy, **extra: str) -> dict[str, str]:
    """As on a terminal: nobody is CI there."""
    kept = memdeploy.environ({"TERM": "xterm-256color", "MEMDEPLOY_STATE": str(memdeploy.state), **extra})
    return {name: value for name, value in kept.items() if name not in ("CI", "LC_ALL")}


def shown(memdeploy: Memdeploy, line: str, columns: int = 80, **extra: str) -> screen.Screen:
    found = screen.run(
        *line.split(), environ=environ(memdeploy, **extra), columns=columns, cwd=str(memdeploy.folder), rows=60
    )
    assert found.code == LINES[line], found.raw
    assert "Traceback" not in found.raw
    return found


@pytest.mark.parametrize(
    ("line", "columns"), [*((line, 40) for line in LINES), *((line, 80) for line in _SHOWING), ("plan --costs", 120)]
)
def test_nothing_is_wider_than_the_terminal_but_a_word_that_is(deployed: Memdeploy, line: str, columns: int) -> None:
    found = shown(deployed, line, columns)
    assert not [said for said in found.stays if "…" in said], "a result is never cut"
    for said in found.lines:
        lead, _, text = said.rpartition("  ")
        assert len(said) <= columns or " " not in text.strip(), (lead, text)


@pytest.mark.parametrize("line", ["status", "plan --max-instances 7", "doctor", "logs redis", "verify"])
def test_colours_can_be_refused(deployed: Memdeploy, line: str) -> None:
    assert shown(deployed, line).coloured
    assert not shown(deployed, line, NO_COLOR="1").coloured


@pytest.mark.parametrize("line", ["status", "plan --max-instances 7", "verify", "logs redis", "statu"])
def test_a_dumb_terminal_gets_no_escapes(deployed: Memdeploy, line: str) -> None:
    assert "\x1b" not in shown(deployed, line, TERM="dumb").raw


@pytest.mark.parametrize("locale", LOCALES)
def test_any_locale_does_and_shows_the_same(deployed: Memdeploy, locales: str, locale: str) -> None:
    """In Turkish `i` and `I` are two letters, and C code takes our names for Turkish ones."""
    spoken = {"LANG": locale, "LOCPATH": locales, "PYTHONIOENCODING": "utf-8"}
    deployed("up", "--yes", "--label", f"spoken={locale.partition('.')[0].lower()}", extra=spoken)
    wanted = shown(deployed, "plan --costs", LANG="C.UTF-8", NO_COLOR="1").stays
    assert shown(deployed, "plan --costs", NO_COLOR="1", **spoken).stays == wanted
    assert any("Nothing to do" in line for line in wanted), wanted
    assert any("$0.0413" in line for line in wanted), wanted


#: cp437 has a `·` and no `…`, cp1252 has both, neither has a `✓`.
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
@pytest.mark.parametrize("line", [*_SHOWING, "status --json", "destroy --finish --json"])
def test_any_encoding_takes_everything(deployed: Memdeploy, line: str, encoding: str) -> None:
    """As bytes, so that whoever decodes them by that encoding reads each of them."""
    found = subprocess.run(
        [sys.executable, "-m", "memdeploy", *line.split()], cwd=deployed.folder, capture_output=True, check=False,
        env=environ(deployed, PYTHONIOENCODING=encoding),
    )  # fmt: skip
    assert found.returncode == LINES[line.removesuffix(" --json")], found.stderr
    said = (found.stdout + found.stderr).decode(encoding)
    assert "Traceback" not in said
    assert "\\u" not in said or line.endswith("--json"), said
    assert "\x1b" not in said
    if line.endswith("--json"):
        assert found.stdout.isascii()
