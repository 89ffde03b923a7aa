"""Finding a secret wherever it went and in whatever dress: raw, escaped, encoded, in the middle of something larger."""

from __future__ import annotations

import base64
import json
import os
import shlex
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

SECRETS = "secrets.db"


def stored(folder: Path) -> dict[str, str]:
    """Every value in a rehearsal's own secret file, by its key: passwords, keys, private keys."""
    with closing(sqlite3.connect(f"file:{folder / SECRETS}?mode=ro", uri=True)) as db:
        found = db.execute("SELECT key, value FROM secrets").fetchall()
    return {key: bytes(value).decode("utf-8", errors="surrogateescape") for key, value in found}


def forms(name: str, value: str) -> dict[bytes, str]:
    """What to look for -> what it is. Of a private key each line counts; certificates are public."""
    if "PRIVATE KEY" in value:
        block = value.partition("PRIVATE KEY-----")[2].partition("-----END")[0]
        lines = [line for line in block.splitlines() if len(line) > 30]
        assert lines, name
        return {form: label for line in lines for form, label in _forms(name, line).items()}
    return _forms(name, value)


def _forms(name: str, value: str) -> dict[bytes, str]:
    raw = value.encode("utf-8", errors="surrogateescape")
    text = raw.decode("utf-8", errors="replace")
    dressed = {
        "raw": raw,
        "percent-encoded": quote(raw, safe="").encode(),
        "percent-encoded path": quote(raw).encode(),
        "form-encoded": quote_plus(raw).encode(),
        "JSON": json.dumps(text)[1:-1].encode(),
        "JSON in UTF-8": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
        "Python": repr(text)[1:-1].encode(),
        "shell": shlex.quote(f" {text}")[2:-1].encode(),
        "hexadecimal": raw.hex().encode(),
        **dict(_base64(raw)),
    }
    return {form: f"{name}, {label}" for label, form in dressed.items()}


def _base64(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Wherever it begins inside something that is encoded as a whole: three alignments, without the shared ends."""
    for shift in range(3):
        padded = bytes(shift) + raw
        core = base64.b64encode(padded[: len(padded) // 3 * 3])[4 if shift else 0 :]
        yield f"base64 at {shift}", core
        yield f"base64url at {shift}", core.translate(bytes.maketrans(b"+/", b"-_"))


def found(haystack: bytes, wanted: Mapping[bytes, str]) -> list[str]:
    return sorted({label for form, label in wanted.items() if form in haystack})


def in_files(folder: Path, wanted: Mapping[bytes, str], *, apart_from: Iterable[Path] = ()) -> list[str]:
    """`path: what` of every file below the folder, but for the rehearsals' secret files and what is named."""
    known = set(apart_from)
    return [
        f"{path.relative_to(folder)}: {what}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in known and not path.name.startswith(SECRETS)
        for what in found(path.read_bytes(), wanted)
    ]


@dataclass
class Watch:
    """The command lines of all processes, and the environments of those that `whose` names, while it watches."""

    whose: bytes
    every: float = 0.03
    lines: set[bytes] = field(default_factory=set)
    environments: dict[bytes, bytes] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self.every):
            for process in Path("/proc").iterdir():
                if process.name.isdigit() and int(process.name) != os.getpid():
                    self._look(process)

    def _look(self, process: Path) -> None:
        try:
            line = (process / "cmdline").read_bytes()
            self.lines.add(line)
            if self.whose in line:
                self.environments[line] = (process / "environ").read_bytes()
        except OSError:
            return  # it ended while we looked
