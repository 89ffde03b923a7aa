"""Output in any encoding: a terminal or a pipe that cannot show a sign is shown another one, and never an error.

Marks at the beginning of lines are chosen for the encoding (`marks.for_encoding`); this is for all the rest.
"""

from __future__ import annotations

import codecs
from typing import IO

#: Of one column each, so that columns stay where they are.
_ALIKE = str.maketrans({"·": "|", "…": "~", "→": ">", "–": "-", "—": "-", "±": "*", "✓": "+", "✗": "x", " ": " ",
                        "‘": "'", "’": "'", "“": '"', "”": '"', "⠋": "-"})  # fmt: skip
_ERRORS = "memdeploy-alike"


def tolerate(stream: IO[str]) -> None:
    """From now on this stream takes every text. A stream that is no file (a test's) is left as it is."""
    codecs.register_error(_ERRORS, _alike)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)


def is_utf8(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "ascii").name == "utf-8"
    except LookupError:
        return False


def _alike(error: UnicodeError) -> tuple[str, int]:
    """A sign that looks alike where there is one, else its escape: nothing of a name or a message is lost."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end].translate(_ALIKE)
    return found.encode("ascii", "backslashreplace").decode("ascii"), error.end
