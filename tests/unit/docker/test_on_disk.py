"""MemMachine without servers: what the container's programs make of `DATA_FOLDER`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import configure
import corrections
import pytest
import release
from failures import Failure

from tests.support.container import COMPLETE

SERVERS = ("POSTGRES_", "NEO4J_")


def environment(folder: Path, **changes: str) -> dict[str, str]:
    model = {name: value for name, value in COMPLETE.items() if not name.startswith(SERVERS)}
    return {**model, "DATA_FOLDER": str(folder / "data"), "RUN_FOLDER": str(folder), **changes}


def test_no_server_is_named_and_everything_is_in_the_folder(tmp_path: Path) -> None:
    settings = configure.read(environment(tmp_path))
    written = configure.write(settings)
    found = json.loads(written.configuration.read_text())
    assert found["episodic_memory"]["long_term_memory"]["backend"] == "event"
    assert found["semantic_memory"]["storage_backend"] == "vector_store"
    assert {one["provider"] for one in found["resources"]["databases"].values()} == {"sqlite", "sqlite_vector_store"}
    places = [value for one in found["resources"]["databases"].values() for value in one["config"].values()]
    assert all(Path(place).is_relative_to(tmp_path / "data") for place in places)
    assert not any(name.startswith("MEMDEPLOY_") and "MODEL" not in name for name in written.environment)


def test_everything_that_a_configuration_refers_to_is_there(tmp_path: Path) -> None:
    """Names that are stored with every project: one that changes loses them."""
    found = configure.document(configure.read(environment(tmp_path)))
    databases = set(found["resources"]["databases"])
    assert databases == {"sql", "vectors"}
    long_term, semantic = found["episodic_memory"]["long_term_memory"], found["semantic_memory"]
    assert {long_term["vector_store"], semantic["vector_collection"]} == {"vectors"}
    assert {long_term["segment_store"], semantic["feature_store"], semantic["config_database"]} == {"sql"}
    assert found["episode_store"]["database"] == found["session_manager"]["database"] == "sql"


def test_the_model_is_still_asked_for(tmp_path: Path) -> None:
    given = environment(tmp_path)
    del given["MODEL_API_KEY"]
    with pytest.raises(Failure, match="MODEL_API_KEY is missing"):
        configure.read(given)


def test_memmachines_own_log_keeps_nothing(tmp_path: Path) -> None:
    settings = configure.read(environment(tmp_path))
    for _ in range(2):
        path = Path(configure.document(settings)["logging"]["path"])
        path.write_text("lost")
    assert path.parent == tmp_path
    assert path.resolve() == Path("/dev/null")


# -- the index of vectors is saved whole or not at all -----------------------------------------------------------------


class Index:
    """As MemMachine's: writes where it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    async def save(self, path: str) -> None:
        Path(path).write_text("ha" if self.fails else "half, and the rest")
        if self.fails:
            raise OSError("no space left on device")


def test_a_save_that_fails_leaves_the_index_that_was_there(tmp_path: Path) -> None:
    class Corrected(Index):
        save = corrections.whole_or_not(Index.save)

    path = tmp_path / "a.idx"
    path.write_text("before")
    with pytest.raises(OSError, match="no space"):
        asyncio.run(Corrected(fails=True).save(str(path)))
    assert path.read_text() == "before"
    asyncio.run(Corrected().save(str(path)))
    assert path.read_text() == "half, and the rest"
    assert [one.name for one in tmp_path.iterdir()] == ["a.idx"]


def test_only_where_there_is_such_an_index_it_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    found = release.find({release.VARIABLE: "0.4.0"})
    monkeypatch.setattr(release.Release, "part", lambda self, name: asked.append(name) or _Parts())
    monkeypatch.delenv("DATA_FOLDER", raising=False)
    corrections.apply(found)
    assert [name for name in asked if "usearch" in name] == []
    assert [name for name in asked if "neo4j" in name] != []
    asked.clear()
    monkeypatch.setenv("DATA_FOLDER", "/data")
    corrections.apply(found)
    assert [name for name in asked if "usearch" in name] != []
    assert [name for name in asked if "neo4j" in name] == []


class _Parts:
    _neo4j_query = str

    class SemanticResourceManager:
        async def get_semantic_service(self) -> None: ...

    class USearchVectorSearchEngine(Index): ...

    class Neo4jVectorGraphStore:
        async def search_related_nodes(self) -> None: ...
