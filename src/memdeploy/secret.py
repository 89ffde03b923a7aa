"""Secrets: a value that cannot print itself, a reference that may be journalled, generation, and taking values out of
text that others wrote."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

#: Unreserved in URLs, plain in YAML, shells and Cypher: nothing in a password ever needs quoting.
URL_SAFE = string.ascii_letters + string.digits


#: Every value that this process has held: generated ones and those read back too, which no other list has.
_held: dict[str, None] = {}


class Secret:
    """Holds a value; every way of rendering it gives `***`. `reveal()` is the only way out, to be called
    inside the one call that needs the value. What others say afterwards is told by way of `heard`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _held[value] = None

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and secrets.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(Secret)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


@dataclass(frozen=True)
class SecretRef:
    """Names one version of a secret in the cloud's store: journalled in the place of the value.

    `version` is the number as text, never `latest`: instances that start at different times must agree.
    """

    name: str
    version: str

    def to_json(self) -> dict[str, str]:
        return {"secret": self.name, "version": self.version}

    @classmethod
    def from_json(cls, data: Any) -> SecretRef:
        return cls(data["secret"], data["version"])


def generate(length: int = 32) -> Secret:
    """A random password of `length` characters, about 5.95 bits each."""
    return Secret("".join(secrets.choice(URL_SAFE) for _ in range(length)))


HIDDEN = "***"
SHORTEST = 8
"Of what is looked for in foreign text: a shorter value is a word that may stand there by itself."


def heard(text: str) -> str:
    """What others said (an SDK's error, the last words of a program) without any value that this process has held:
    whoever was given one may repeat it. To be called before anything is cut off."""
    return _without(text, tuple(_held))


def hide(text: str, values: Iterable[Secret]) -> str:
    """`text` without these values, in whatever dress: raw, escaped, encoded, in the middle of something larger."""
    return _without(text, [value.reveal() for value in values])


def _without(text: str, values: Iterable[str]) -> str:
    forms = {form for value in values for form in _long_forms(value)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


@lru_cache(maxsize=4096)
def _long_forms(value: str) -> tuple[str, ...]:
    return tuple({form for line in _lines(value) for form in _forms(line) if len(form) >= SHORTEST})


def _lines(value: str) -> Iterator[str]:
    """The value, and of a key in PEM each line: whoever quotes it may wrap it in another way."""
    yield value
    if "\n" in value:
        yield from (line for line in value.splitlines() if not line.startswith("-----"))


def _forms(value: str) -> Iterator[str]:
    import json
    import shlex
    from urllib.parse import quote, quote_plus

    raw = value.encode("utf-8", errors="surrogatepass")
    escaped = json.dumps(value)[1:-1]
    yield from (value, repr(value)[1:-1], shlex.quote(f" {value}")[2:-1], raw.hex())
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield from (escaped, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(escaped)[1:-1])
    yield from _in_base64(raw)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Wherever the value begins inside what is encoded as a whole: three alignments, without the shared ends."""
    import base64

    for shift in range(3):
        padded = bytes(shift) + raw
        core = base64.b64encode(padded[: len(padded) // 3 * 3]).decode()[4 if shift else 0 :]
        yield from (core, core.replace("+", "-").replace("/", "_"))
    yield base64.b64encode(raw).decode()
