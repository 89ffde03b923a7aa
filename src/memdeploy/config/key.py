"""The model's key and an external Neo4j's password: read from where the configuration says, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memdeploy.config.errors import ConfigError
from memdeploy.config.model import KeySource, ModelOptions, ModelProvider, Neo4jMode, Neo4jOptions
from memdeploy.secret import Secret

MAX_BYTES = 16 * 1024


@dataclass(frozen=True)
class What:
    """How errors call a value, and the option that says where it is."""

    words: str
    option: str


MODEL_KEY = What("the model's key", "model.key")
NEO4J_PASSWORD = What("Neo4j's password", "neo4j.password")


@dataclass(frozen=True)
class Key:
    """`value` is None when there is nothing to read here: a variable that is not set (a stored version is then kept),
    the cloud's own store, the offline model."""

    value: Secret | None
    notices: tuple[str, ...] = ()


def read(model: ModelOptions, environ: Mapping[str, str]) -> Key:
    """Raises `ConfigError` for an empty or unreadable key. `load` has made a file's path absolute."""
    return Key(None) if model.provider is ModelProvider.OFFLINE else found(MODEL_KEY, model.key, environ)


def password(neo4j: Neo4jOptions, environ: Mapping[str, str]) -> Key:
    """Of an external Neo4j, in the same way."""
    return found(NEO4J_PASSWORD, neo4j.password, environ) if neo4j.mode is Neo4jMode.EXTERNAL else Key(None)


def found(what: What, source: KeySource, environ: Mapping[str, str]) -> Key:
    if source.secret is not None:
        return Key(None)
    if source.file is not None:
        return _from_file(what, Path(source.file))
    return _from_env(what, source, environ)


def _from_env(what: What, source: KeySource, environ: Mapping[str, str]) -> Key:
    name = source.env or ""
    if name not in environ:
        return Key(None)
    return _clean(what, environ[name], f"the variable {name}")


def _from_file(what: What, path: Path) -> Key:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise ConfigError(
            f"{what.option}.file: {path} cannot be read: {error.strerror}", where=f"{what.option}.file"
        ) from error
    except UnicodeDecodeError:
        # Without the cause: its text would show bytes of the key.
        raise ConfigError(f"{what.option}.file: {path} is not text", where=f"{what.option}.file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{what.option}.file: {path} is too large", where=f"{what.option}.file")
    key = _clean(what, text, str(path))
    return Key(key.value, (*key.notices, *_readable_by_others(path, mode)))


def _clean(what: What, text: str, where: str) -> Key:
    value = text.rstrip("\r\n")
    if not value.strip():
        raise ConfigError(f"{what.words} in {where} is empty", where=what.option)
    if any(c in value for c in "\r\n\0"):
        raise ConfigError(f"{what.words} in {where} holds more than one line", where=what.option)
    notices = (f"a newline at the end of {what.words} in {where} was left out",) if value != text else ()
    return Key(Secret(value), notices)


def _readable_by_others(path: Path, mode: int) -> tuple[str, ...]:
    if not stat.S_ISREG(mode) or not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ()
    return (f"{path} can be read by other users of this machine: chmod 600 {path}",)
