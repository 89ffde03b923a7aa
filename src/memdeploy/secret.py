"""Secrets: a value that cannot print itself, a reference that may be journalled, and generation."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import Any, NoReturn

#: Unreserved in URLs, plain in YAML, shells and Cypher: nothing in a password ever needs quoting.
URL_SAFE = string.ascii_letters + string.digits


class Secret:
    """Holds a value; every way of rendering it gives `***`. `reveal()` is the only way out, to be called
    inside the one call that needs the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

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
