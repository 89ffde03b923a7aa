"""Proves at build time that what starts here starts from bytecode: without it, start-up takes three times as long.

usage: bytecode.py MODULE...
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path


def without_bytecode() -> list[str]:
    """Loaded modules whose source has no bytecode of this interpreter."""
    missing = []
    for name, module in list(sys.modules.items()):
        source, cached = getattr(module, "__file__", None), getattr(module, "__cached__", None)
        if not source or not source.endswith(".py") or "/site-packages/" not in source:
            continue
        if not cached or not usable(Path(cached)):
            missing.append(name)
    return missing


def usable(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def main(names: list[str]) -> None:
    for name in names:
        importlib.import_module(name)
    missing = without_bytecode()
    if missing:
        sys.exit(f"no bytecode for {len(missing)} modules, among them {', '.join(missing[:5])}")


if __name__ == "__main__":
    main(sys.argv[1:])
