"""The container's modules are plain files that find each other in their own folder, so here too."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "docker"
sys.path.insert(0, str(FOLDER))
