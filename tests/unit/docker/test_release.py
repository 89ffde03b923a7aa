"""What the image knows of its release."""

from __future__ import annotations

import copy
import gc
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import configure
import corrections
import pytest
import release
from failures import Failure

from memdeploy.memmachine import releases
from tests.support.container import COMPLETE

DEPLOYED = releases.deployable()


def of(version: str) -> release.Release:
    return release.find({release.VARIABLE: version})


def test_every_release_of_the_table_has_its_facts_and_no_other() -> None:
    assert release.there() == [*reversed(releases.RELEASES)]
    for version, known in releases.RELEASES.items():
        assert (of(version).module, of(version).lacks) == (known.module, known.lacks)


def test_an_image_holds_one_and_needs_no_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0.2.6.json").write_text((release.FOLDER / "0.2.6.json").read_text())
    monkeypatch.setattr(release, "FOLDER", tmp_path)
    assert release.find({}).version == "0.2.6"
    with pytest.raises(Failure, match=r"MEMMACHINE_RELEASE is not the release of this image \(0.2.6\)"):
        configure.read({**COMPLETE, release.VARIABLE: "0.4.0"})


def paths(tree: object, prefix: str = "") -> set[str]:
    if not isinstance(tree, dict):
        return {prefix}
    return {prefix}.union(*(paths(value, f"{prefix}.{name}".strip(".")) for name, value in tree.items()))


@pytest.mark.parametrize("version", DEPLOYED)
def test_the_configuration_says_what_the_release_knows_and_no_more(version: str) -> None:
    newest = paths(configure.document(configure.read(COMPLETE), ingestion=False))
    found = paths(configure.document(configure.read({**COMPLETE, release.VARIABLE: version}), ingestion=False))
    lacks = of(version).lacks
    assert found < newest or not lacks
    assert newest - found == {path for path in newest if any(f"{path}.".startswith(f"{gone}.") for gone in lacks)}
    assert set(lacks) <= newest


def test_leaving_out_changes_nothing_of_what_was_given() -> None:
    given = {"semantic_memory": {"database": "x", "config_database": "x"}, "retrieval_agent": {}}
    before = copy.deepcopy(given)
    assert of("0.2.6").known(given) == {"semantic_memory": {"database": "x"}}
    assert given == before


@pytest.mark.parametrize(
    ("version", "module"), [("0.4.0", "memmachine_server"), ("0.3.9", "memmachine_server"), ("0.2.6", "memmachine")]
)
def test_a_part_of_the_server_is_found_under_its_name(
    monkeypatch: pytest.MonkeyPatch, version: str, module: str
) -> None:
    for name in (module, f"{module}.server", f"{module}.server.app"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert of(version).part("server.app") is sys.modules[f"{module}.server.app"]


@pytest.mark.parametrize(("version", "corrected"), [("0.4.0", True), ("0.3.9", True), ("0.2.6", False)])
def test_only_a_release_with_the_fault_is_corrected(
    monkeypatch: pytest.MonkeyPatch, version: str, corrected: bool
) -> None:
    class Manager:
        async def get_semantic_service(self) -> None: ...

    before = Manager.get_semantic_service
    name = f"{of(version).module}.common.resource_manager.semantic_manager"
    for parent in (name.split(".")[0], *(name.rsplit(".", n)[0] for n in (2, 1))):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(SemanticResourceManager=Manager))  # type: ignore[arg-type]
    searches: list[object] = []
    store = f"{of(version).module}.common.vector_graph_store.neo4j_vector_graph_store"
    for module in (store.rsplit(".", 1)[0], store):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
    indexes: list[object] = []
    monkeypatch.setattr(corrections.together, "apply", searches.append)
    monkeypatch.setattr(corrections.nearest, "apply", indexes.append)
    corrections.apply(of(version))
    assert (Manager.get_semantic_service is not before) is corrected
    assert searches == ([sys.modules[store]] if version == "0.4.0" else [])
    assert indexes == [sys.modules[store]]


def test_a_part_is_loaded_while_nothing_is_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And what goes on afterwards is as it was: the server begins with its collector at rest."""
    (tmp_path / "memmachine_server").mkdir()
    (tmp_path / "memmachine_server" / "part.py").write_text("import gc\nSWEPT = gc.isenabled()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert gc.isenabled()
    try:
        assert of("0.4.0").part("part").SWEPT is False
        assert gc.isenabled()
        gc.disable()
        of("0.4.0").part("part")
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
