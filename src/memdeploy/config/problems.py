"""What pydantic found wrong, as one error a person can act on: place, path, value, what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from memdeploy.config.errors import ConfigError, nearest, shown
from memdeploy.config.options import BY_PATH

#: Somebody may have pasted the key itself here; its value is never repeated.
_KEY = "model.key"
_TOLD = 20  # findings at once; for each a word is looked for that was meant
_KEY_FORMS = "Write exactly one of key: {env: NAME}, key: {file: PATH} or key: {secret: NAME}."


def explain(error: ValidationError, where: Callable[[str], str]) -> ConfigError:
    """One error for all findings: the first one's place and advice, and a line for each of the others."""
    found = error.errors(include_url=False)
    findings = [_finding(item) for item in found[:_TOLD]]
    path, message, advice = findings[0]
    others = "".join(f"\n{where(p)}: {m}. {a}" for p, m, a in findings[1:])
    if len(found) > _TOLD:
        others += f"\nand {len(found) - _TOLD} more"
    return ConfigError(message + others, where=where(path), suggestion=advice)


def _finding(item: Any) -> tuple[str, str, str]:
    """(path, message, advice) of one of pydantic's errors."""
    path = ".".join(str(part) for part in item["loc"])
    option = _option(path)
    if item["type"] == "extra_forbidden":
        return path, f"{path} is no option of memdeploy", _did_you_mean(path)
    if item["type"] == "missing":
        return path, f"{path} is missing", f"Set {path}."
    if path == _KEY:
        return path, f"{path} says where the model's key is found, never the key itself", _KEY_FORMS
    advice = f"{option} takes {BY_PATH[option].allowed}." if option else "See docs/configuration.md."
    if item["type"] == "value_error":
        return path, f"{path or 'the configuration'}: {item['ctx']['error']}", advice
    value = "this value" if path.startswith(_KEY) else _value(item["input"])
    return path, f"{path}: {value} is not allowed", advice


def _option(path: str) -> str | None:
    """The option that a path belongs to: `gcp.labels.team` is part of `gcp.labels`."""
    parts = path.split(".")
    known = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((p for p in known if p in BY_PATH), None)


def _did_you_mean(path: str) -> str:
    parent, _, key = path.rpartition(".")
    level = f"{parent}." if parent else ""
    here = sorted({known[len(level) :].split(".")[0] for known in [*BY_PATH, "version"] if known.startswith(level)})
    meant = nearest(key, here)
    if meant:
        return f"Did you mean {level}{meant}?"
    by_name = {known.rpartition(".")[2]: known for known in reversed(BY_PATH)}
    elsewhere = nearest(key, by_name)
    if elsewhere:
        return f"Did you mean {by_name[elsewhere]}?"
    return f"Known here: {', '.join(here)}." if here else f"{parent} has no keys below it."


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "a block of keys"
    return shown(value)
