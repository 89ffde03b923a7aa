"""The image that stands for a machine and for a build's steps, built from the files in `guest/` and kept as a cache."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from memdeploy.rehearsal.backing import images
from memdeploy.rehearsal.backing.engine import Engine
from memdeploy.rehearsal.backing.images import Background, Images
from memdeploy.rehearsal.backing.protocol import Progress

FOLDER = Path(__file__).parent / "guest"
REPOSITORY = "memdeploy/rehearsal-tools"


class Tools:
    def __init__(self, engine: Engine, available: Images, background: Background) -> None:
        self._engine = engine
        self._images = available
        self._background = background

    def progress(self) -> Progress:
        """Done when the image is here; begins to build it otherwise (seconds)."""
        based = self._images.progress(images.PYTHON)
        if not based.done or based.error:
            return based
        return self._background.progress(
            "image of the rehearsal's machines", lambda: images.present(self._engine.client, self.name()), self._build
        )

    def name(self) -> str:
        base = self._engine.client.images.get(images.PYTHON).id or ""
        parts = [base.encode(), *(path.read_bytes() for path in _files())]
        return f"{REPOSITORY}:{hashlib.sha256(b'|'.join(parts)).hexdigest()[:12]}"

    def _build(self) -> None:
        self._engine.client.images.build(
            fileobj=io.BytesIO(_context()),
            custom_context=True,
            tag=self.name(),
            buildargs={"BASE": images.PYTHON},
            labels={"memdeploy.tools": "1"},
            rm=True,
        )


def _files() -> list[Path]:
    return sorted([*FOLDER.glob("*.py"), FOLDER / "Dockerfile"])


def _context() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in _files():
            tar.add(path, arcname=path.name)
    return buffer.getvalue()
