"""`--json`: exactly one document on stdout; schema: docs/cli-output.schema.json. Fields are only ever added."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from memdeploy.report.encoding import is_utf8
from memdeploy.report.text import json_safe

VERSION = 1


class Outcome(Protocol):
    """What a command returned (`lifecycle.result.Result`)."""

    @property
    def command(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def errors(self) -> Sequence[Mapping[str, Any]]: ...


def document(outcome: Outcome) -> dict[str, Any]:
    return {
        "version": VERSION,
        "command": outcome.command,
        "status": outcome.status,
        "exit_code": int(outcome.exit_code),
        "data": dict(outcome.data),
        "errors": [dict(error) for error in outcome.errors],
    }


def dumps(outcome: Outcome, encoding: str | None = "utf-8") -> str:
    """For an output of this encoding. What reads JSON takes it for UTF-8, so any other gets ASCII and escapes."""
    return json_safe(json.dumps(document(outcome), indent=2, ensure_ascii=not is_utf8(encoding)))
