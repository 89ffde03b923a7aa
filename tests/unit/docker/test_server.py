"""What `serve` becomes, with a stand-in for MemMachine's package and no databases to wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docker.conftest import FOLDER

APP = """\
import gc, sys
class app:
    around = []
    add_middleware = around.append
LOADED_WITH_COLLECTOR = gc.isenabled()
def main():
    from {module}.common.resource_manager.semantic_manager import SemanticResourceManager
    corrected = hasattr(SemanticResourceManager.get_semantic_service, "__wrapped__")
    print(LOADED_WITH_COLLECTOR, gc.isenabled(), gc.get_freeze_count() > 0, corrected, len(app.around))
    sys.exit(3)
"""
MANAGER = """\
class SemanticResourceManager:
    async def get_semantic_service(self): ...
"""


INDEX = """\
class USearchVectorSearchEngine:
    async def save(self, path): ...
"""


def package(root: Path, module: str) -> None:
    for name, text in (("server/app", APP.replace("{module}", module)),
                       ("common/resource_manager/semantic_manager", MANAGER),
                       ("common/vector_store/vector_search_engine/usearch_engine", INDEX)):  # fmt: skip
        path = root / module / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (root / "openai.py").touch()


def serve(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FOLDER / "server.py")], capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONPATH": str(root), "DATA_FOLDER": str(root), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("release", "module", "corrected"),
    [("0.4.0", "memmachine_server", True), ("0.3.9", "memmachine_server", True), ("0.2.6", "memmachine", False)],
)
def test_it_becomes_the_releases_server_and_ends_as_that_does(
    tmp_path: Path, release: str, module: str, corrected: bool
) -> None:
    package(tmp_path, module)
    done = serve(tmp_path, MEMMACHINE_RELEASE=release)
    assert done.stdout.split() == ["False", "True", "True", str(corrected), "0"], done.stderr
    assert done.returncode == 3


def test_a_server_for_this_machine_has_a_door(tmp_path: Path) -> None:
    package(tmp_path, "memmachine_server")
    done = serve(tmp_path, MEMMACHINE_RELEASE="0.4.0", LOCAL_ONLY="yes")
    assert done.stdout.split()[-1] == "1", done.stderr
