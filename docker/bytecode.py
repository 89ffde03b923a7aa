"""Proves at build time that what starts here starts from bytecode: without it, start-up takes three times as long.

usage: bytecode.py MODULE...        (one that begins with a dot is MemMachine's, whatever this release calls itself)
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import release


def without_bytecode() -> list[str]:
    """Loaded modules whose source has no bytecode of this interpreter. Frozen ones are part of it."""
    modules = [(name, module) for name, module in sys.modules.items() if name != "__main__"]
    return [name for name, module in modules if from_source(module) and not usable(module)]


def from_source(module: ModuleType) -> bool:
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return isinstance(origin, str) and origin.endswith(".py")


def usable(module: ModuleType) -> bool:
    path = Path(getattr(module, "__cached__", None) or "/nowhere")
    return path.is_file() and path.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def main(names: list[str]) -> None:
    for name in names:
        importlib.import_module(release.find(os.environ).module + name if name.startswith(".") else name)
    missing = without_bytecode()
    if missing:
        sys.exit(f"no bytecode for {len(missing)} modules, among them {', '.join(missing[:5])}")


if __name__ == "__main__":
    main(sys.argv[1:])
