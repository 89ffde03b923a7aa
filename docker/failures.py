"""Failures with a culprit and its exit code, from the one table that `up` reads too."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).parent
TABLE: Mapping[str, Mapping[str, str]] = json.loads((HERE / "exit_codes.json").read_text())
CODES: Mapping[str, int] = {entry["culprit"]: int(code) for code, entry in TABLE.items()}


class Failure(Exception):
    """`culprit` is a word of the table. `detail` is for the log and never holds a secret.

    `passing`: it may go away by itself (a server that still starts), so it is worth asking again.
    """

    def __init__(self, culprit: str, detail: str = "", *, passing: bool = False) -> None:
        super().__init__(f"{culprit}: {detail}" if detail else culprit)
        self.culprit = culprit
        self.code = CODES[culprit]
        self.detail = " ".join(detail.split())[:300]
        self.passing = passing


def defect(error: Exception) -> Failure:
    """What nobody foresaw: its type and its place in our own files, no text of it, since that may hold anything."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if Path(frame.f_code.co_filename).parent == HERE]
    place = f" in {Path(ours[-1].f_code.co_filename).stem}.{ours[-1].f_code.co_name}" if ours else ""
    return Failure("defect", f"{type(error).__name__}{place}")


def end(failure: Failure) -> NoReturn:
    """One line of JSON on standard output, the same in words on standard error, and the exit code."""
    entry = TABLE[str(failure.code)]
    print(f"memdeploy: {entry['message']} {failure.detail}".rstrip(), file=sys.stderr, flush=True)
    line = {"ok": False, "culprit": failure.culprit, "code": failure.code, "detail": failure.detail}
    print(json.dumps(line), flush=True)
    sys.exit(failure.code)
