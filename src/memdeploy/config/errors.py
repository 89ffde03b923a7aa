"""Errors of the configuration, and how a wrong value is shown."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from memdeploy.errors import UsageError

_LOGIN = re.compile(r"(?<=://)[^\s/]+@")


class ConfigError(UsageError):
    """`where` is `memdeploy.yaml:7`, a variable's name or a flag; nothing was touched."""

    code = "configuration"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def shown(value: object, limit: int = 60) -> str:
    """A wrong value for an error text: one line, no control characters, not endless, no password of an address."""
    text = _LOGIN.sub("***@", repr(value) if isinstance(value, str) else str(value))
    text = "".join("?" if unicodedata.category(c).startswith("C") else c for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
