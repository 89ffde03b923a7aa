"""The build's check sees a module without bytecode, and only that."""

from __future__ import annotations

import compileall
import sys
from pathlib import Path

import bytecode
import pytest


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("with_bytecode", "without_any"):
        (tmp_path / f"{name}.py").write_text("VALUE = 1\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    compileall.compile_file(tmp_path / "with_bytecode.py", quiet=1)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("modules")
def test_a_module_without_bytecode_is_found() -> None:
    __import__("with_bytecode")
    __import__("without_any")
    found = bytecode.without_bytecode()
    assert "without_any" in found
    assert "with_bytecode" not in found
    assert "codecs" not in found  # frozen into the interpreter


def test_bytecode_of_another_interpreter_does_not_count(modules: Path) -> None:
    __import__("with_bytecode")
    for file in (modules / "__pycache__").iterdir():
        file.write_bytes(b"\0\0\0\0" + file.read_bytes()[4:])
    assert "with_bytecode" in bytecode.without_bytecode()


@pytest.mark.usefixtures("modules")
def test_the_build_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="no bytecode for"):
        bytecode.main(["without_any"])
