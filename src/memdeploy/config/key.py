"""The model's key and an external Neo4j's password: read from where the configuration says, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memdeploy.config import aws
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
    the cloud's own store, a model that needs none."""

    value: Secret | None
    notices: tuple[str, ...] = ()


def read(model: ModelOptions, environ: Mapping[str, str]) -> Key:
    """Raises `ConfigError` for an empty or unreadable key. `load` has made a file's path absolute."""
    if model.source is None or model.provider is ModelProvider.OFFLINE:
        return Key(None)
    if model.provider is ModelProvider.BEDROCK:
        return _credentials(model.source, environ)
    return found(MODEL_KEY, model.source, environ)


def password(neo4j: Neo4jOptions, environ: Mapping[str, str]) -> Key:
    """Of an external Neo4j, in the same way."""
    return found(NEO4J_PASSWORD, neo4j.password, environ) if neo4j.mode is Neo4jMode.EXTERNAL else Key(None)


def found(what: What, source: KeySource, environ: Mapping[str, str]) -> Key:
    if source.secret is not None:
        return Key(None)
    if source.file is not None:
        text, notices = _file(what, Path(source.file))
        key = typed(what, text, source.file)
        return Key(key.value, (*key.notices, *notices))
    name = source.env or ""
    return typed(what, environ[name], f"the variable {name}") if name in environ else Key(None)


def typed(what: What, text: str, where: str) -> Key:
    """One line that is a key; `where` is for errors."""
    value = text.rstrip("\r\n")
    if not value.strip():
        raise ConfigError(f"{what.words} in {where} is empty", where=what.option)
    if any(c in value for c in "\r\n\0"):
        raise ConfigError(f"{what.words} in {where} holds more than one line", where=what.option)
    notices = (f"a newline at the end of {what.words} in {where} was left out",) if value != text else ()
    return Key(Secret(value), notices)


def _credentials(source: KeySource, environ: Mapping[str, str]) -> Key:
    """AWS's, of which a key is only a part: all of it is one value, so that id and key change together."""
    if source.secret is not None:
        return Key(None)
    if source.file is not None:
        text, notices = _file(MODEL_KEY, Path(source.file))
        return _temporary(aws.from_file(text, source.file), notices)
    name = source.env or ""
    return _temporary(aws.from_environment(name, environ)) if name in environ else Key(None)


def _temporary(credentials: aws.Credentials, notices: tuple[str, ...] = ()) -> Key:
    said = ("AWS credentials with a session token end within hours, and MemMachine with them",)
    return Key(credentials.secret(), (*notices, *(said if credentials.session_token else ())))


def _file(what: What, path: Path) -> tuple[str, tuple[str, ...]]:
    """Its text, and what there is to say about who may read it."""
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
    return text, _readable_by_others(path, mode)


def _readable_by_others(path: Path, mode: int) -> tuple[str, ...]:
    if not stat.S_ISREG(mode) or not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ()
    return (f"{path} can be read by other users of this machine: chmod 600 {path}",)
