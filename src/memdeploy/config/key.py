"""The model's key: found where the configuration says, read into a `Secret`, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memdeploy.config.errors import ConfigError
from memdeploy.config.model import KeySource, ModelOptions, ModelProvider
from memdeploy.secret import Secret

MAX_BYTES = 16 * 1024


@dataclass(frozen=True)
class Key:
    """`value` is None when there is nothing to read here: a variable that is not set (a stored version is then kept),
    the cloud's own store, the offline model."""

    value: Secret | None
    notices: tuple[str, ...] = ()


def read(model: ModelOptions, environ: Mapping[str, str]) -> Key:
    """Raises `ConfigError` for an empty or unreadable key. `load` has made a file's path absolute."""
    source = model.key
    if model.provider is ModelProvider.OFFLINE or source.secret is not None:
        return Key(None)
    if source.file is not None:
        return _from_file(Path(source.file))
    return _from_env(source, environ)


def _from_env(source: KeySource, environ: Mapping[str, str]) -> Key:
    name = source.env or ""
    if name not in environ:
        return Key(None)
    return _clean(environ[name], f"the variable {name}")


def _from_file(path: Path) -> Key:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise ConfigError(f"model.key.file: {path} cannot be read: {error.strerror}", where="model.key.file") from error
    except UnicodeDecodeError:
        # Without the cause: its text would show bytes of the key.
        raise ConfigError(f"model.key.file: {path} is not text", where="model.key.file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"model.key.file: {path} is too large for a key", where="model.key.file")
    key = _clean(text, str(path))
    return Key(key.value, (*key.notices, *_readable_by_others(path, mode)))


def _clean(text: str, where: str) -> Key:
    value = text.rstrip("\r\n")
    if not value.strip():
        raise ConfigError(f"the model's key in {where} is empty", where="model.key")
    if any(c in value for c in "\r\n\0"):
        raise ConfigError(f"the model's key in {where} holds more than one line", where="model.key")
    notices = (f"a newline at the end of the model's key in {where} was left out",) if value != text else ()
    return Key(Secret(value), notices)


def _readable_by_others(path: Path, mode: int) -> tuple[str, ...]:
    if not stat.S_ISREG(mode) or not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ()
    return (f"{path} can be read by other users of this machine: chmod 600 {path}",)
