"""What a backup of a local deployment holds: its memories, how it was configured, and no secret."""

from __future__ import annotations

import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from memdeploy.config import key
from memdeploy.config.load import load
from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.errors import Refused
from memdeploy.lifecycle import backup, restore
from memdeploy.lifecycle.changing import Changing
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.scratch import scratch
from memdeploy.memmachine import archive
from memdeploy.memmachine.archive import Manifest, Part
from memdeploy.providers.local.embedded import layout
from memdeploy.providers.local.embedded.transfer import PARTS, Dump
from memdeploy.providers.local.vault import FileVault
from memdeploy.secret import Secret
from tests.contract.product import canary
from tests.support.hostile import careless
from tests.unit.providers.local.embedded.support import Rig, scope
from tests.unit.providers.local.embedded.test_transfer import database

KEY = "c4n/ry+Key\"six'&%$ @:~?=#\\end-of-it"
PASSWORD = "c4n/ry+Neo\"seven'&%$ @:~?=#\\end-of-it"
SECRETS = {form: name for value in (KEY, PASSWORD) for form, name in canary.forms(value[:10], value).items()}
EXTERNAL = "neo4j: {mode: external, uri: bolt://127.0.0.1:1, password: {env: NEO4J_SECRET}}"
CONFIGURED = {
    "environment": f"provider: local\nlocal: {{runtime: docker}}\nmodel: {{key: {{env: MY_KEY}}}}\n{EXTERNAL}\n",
    "file": f"provider: local\nlocal: {{runtime: docker}}\nmodel: {{key: {{file: key.txt}}}}\n{EXTERNAL}\n",
    "embedded": "provider: local\nlocal: {runtime: embedded}\nmodel: {key: {file: key.txt}}\n",
}


@pytest.mark.parametrize("how", CONFIGURED)
def test_a_manifest_says_where_a_secret_is_and_never_what(tmp_path: Path, how: str) -> None:
    """Read as `up` reads it, with the values at hand; and `restore` takes it."""
    deployment = _configured(tmp_path, CONFIGURED[how])
    path = _written(tmp_path, deployment, {}, ())
    assert canary.in_files(path.parent, SECRETS) == []
    manifest = archive.read(path)
    source = manifest.configuration["model"]["key"]
    where = "MY_KEY" if how == "environment" else str(tmp_path / "key.txt")
    assert [value for value in source.values() if value] == [where]
    again = restore._configuration(Request("restore", archive=path, name=deployment.name), manifest)
    assert again.model == deployment.model
    assert again.neo4j == deployment.neo4j


def test_what_is_saved_of_an_embedded_deployment_holds_no_secret(tmp_path: Path) -> None:
    """Its secrets are in the same folder as its memories, and MemMachine's configuration with the key is too."""
    place = scope(tmp_path / "share", model={"provider": "openai"})
    for name, value in (("key", KEY), ("neo4j", PASSWORD)):
        vault = FileVault(place.folder, name)
        vault.create({})
        vault._add(Secret(value))
    layout.data(place).mkdir()
    (layout.data(place) / "index").mkdir()
    for folder in (layout.run(place), layout.logs(place)):
        folder.mkdir()
        (folder / "cfg.yml").write_text(KEY)
    for name in ("memories.db", "vectors.db"):
        database(layout.data(place) / name, "a memory").close()
    (tmp_path / "parts").mkdir(mode=0o700)
    made = []
    for part in PARTS:
        [step] = Rig().ensure(Dump(place, part, tmp_path / "parts")).steps
        out = dict(step.outputs or {})
        made.append(Part(part, out["file"], out["bytes"], out["sha256"]))
    path = _written(tmp_path, place.deployment, {"projects": []}, tuple(made))
    assert canary.in_files(path.parent, SECRETS) == []
    assert canary.in_files(tmp_path / "parts", SECRETS) == []
    with tarfile.open(path) as opened:
        assert [member.name for member in opened] == ["manifest.json", *(f"parts/{name}" for name in PARTS.values())]
        assert {member.mode for member in opened} == {0o600}
    assert b"a memory" in path.read_bytes(), "what is looked through is not packed"


BEGAN = "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("saving", "is_made_anew"),
    [
        ({}, False),
        ({"archive": "another.tar", "began": BEGAN}, False),
        ({"began": BEGAN}, True),
        ({"began": "2026-03-01T12:00:00+00:00"}, False),
        ({"began": BEGAN, "id": "of-another-1"}, False),
    ],
    ids=["nothing was interrupted", "elsewhere", "by the interrupted one", "from before it", "another deployment's"],
)
def test_only_what_an_interrupted_backup_left_is_made_anew(
    tmp_path: Path, saving: dict[str, str], is_made_anew: bool
) -> None:
    """It was killed after the archive was in its place, before the service ran again and anybody was told."""
    path, own = tmp_path / "saved.tar", saving.get("id", "abcdefghijkl")
    archive.write(path, Manifest("one", own, "local", "0.4.0", "2026-03-01T11:00:00+00:00", ()), tmp_path)
    facts = {"saving": {"archive": str(path), **saving}} if saving else {}
    changing = _changing(facts)
    if is_made_anew:
        assert backup.place(changing, path) == path
        return
    with pytest.raises(Refused, match="is there already"):
        backup.place(changing, path)


def test_a_file_that_is_no_archive_stays(tmp_path: Path) -> None:
    path = tmp_path / "saved.tar"
    path.write_text("a letter")
    with pytest.raises(Refused):
        backup.place(_changing({"saving": {"archive": str(path), "began": BEGAN}}), path)


def test_what_killed_backups_left_elsewhere_goes_and_when_the_first_began_is_kept(tmp_path: Path) -> None:
    journal = SimpleNamespace(name="one", id="abcdefghijkl", facts={})
    writer = SimpleNamespace(update=lambda facts: journal.facts.update(facts))
    changing = cast(
        Changing, SimpleNamespace(session=SimpleNamespace(clock=SystemClock()), journal=journal, writer=writer)
    )
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    backup._begin(changing, first / "saved.tar")
    journal.facts["saving"]["began"] = BEGAN
    never_left = scratch(first, journal.id)
    left = never_left.__enter__()
    assert left.exists()
    backup._begin(changing, first / "saved.tar")
    assert not left.exists()
    assert journal.facts["saving"] == {"archive": str(first / "saved.tar"), "began": BEGAN}
    backup._begin(changing, second / "saved.tar")
    assert journal.facts["saving"]["began"] > BEGAN


def _changing(facts: dict[str, Any]) -> Changing:
    journal = SimpleNamespace(name="one", id="abcdefghijkl", facts=facts)
    return cast(Changing, SimpleNamespace(session=SimpleNamespace(clock=SystemClock()), journal=journal))


def _configured(folder: Path, text: str) -> Deployment:
    (folder / "memdeploy.yaml").write_text(f"version: 1\n{text}")
    (folder / "key.txt").write_text(KEY)
    (folder / "key.txt").chmod(0o600)
    environ = {"MY_KEY": KEY, "NEO4J_SECRET": PASSWORD}
    deployment = load(file=None, flags={}, environ=environ, folder=folder).deployment
    assert deployment is not None
    assert key.read(deployment.model, environ).value == Secret(KEY)
    return deployment


def _written(folder: Path, deployment: Deployment, counted: Any, parts: tuple[Part, ...]) -> Path:
    """The archive that `make` writes, of this deployment."""
    session = SimpleNamespace(deployment=deployment, clock=SystemClock())
    journal = SimpleNamespace(name=deployment.name, id="abcdefghijkl")
    changing = cast(Changing, SimpleNamespace(session=session, journal=journal))
    (folder / "out").mkdir()
    (folder / "parts").mkdir(exist_ok=True)
    manifest = backup._manifest(changing, counted, parts)

    with careless():
        archive.write(folder / "out" / "it.memdeploy.tar", manifest, folder / "parts")
    assert (folder / "out" / "it.memdeploy.tar").stat().st_mode & 0o777 == 0o600
    return folder / "out" / "it.memdeploy.tar"
