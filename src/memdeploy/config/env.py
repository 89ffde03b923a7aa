"""Options from `MEMDEPLOY_*` variables, and from texts in general (flags give texts too)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.config.errors import ConfigError, nearest, shown
from memdeploy.config.options import OPTIONS, PREFIX, Option

#: As in the file: what no option could take is not worth reading.
NUMBER = re.compile(r"-?[0-9]{1,18}")


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """Path -> value of every option that has a variable. An empty variable counts as none."""
    return {o.path: convert(o, environ[o.env], where=o.env) for o in OPTIONS if environ.get(o.env)}


def convert(option: Option, text: str, *, where: str) -> Any:
    """A text as the option's kind: numbers are digits, lists `a,b`, mappings `a=1,b=2`."""
    if option.kind == "integer":
        if not NUMBER.fullmatch(text.strip()):
            raise wrong(option, text, where=where)
        return int(text)
    if option.kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    if option.kind == "mapping":
        return _pairs(option, [item for item in text.split(",") if item.strip()], where)
    return text


def from_flag(option: Option, values: str | list[str]) -> Any:
    """What a flag was given: a repeatable one its list of texts, else its one text."""
    if isinstance(values, str):
        return convert(option, values, where=option.flag)
    return _pairs(option, values, option.flag) if option.kind == "mapping" else list(values)


def misspelt(environ: Mapping[str, str], known: frozenset[str] = frozenset()) -> list[str]:
    """One notice for each `MEMDEPLOY_*` variable that is nobody's and looks like one of ours."""
    ours = {o.env for o in OPTIONS} | known
    notices = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in ours:
            continue
        meant = nearest(name[len(PREFIX) :], [n[len(PREFIX) :].lower() for n in ours])
        if meant:
            notices.append(f"{name} is no variable of memdeploy; did you mean {PREFIX}{meant.upper()}?")
    return notices


def wrong(option: Option, value: object, *, where: str) -> ConfigError:
    return ConfigError(
        f"{option.path}: {shown(value)} is not allowed",
        where=where,
        suggestion=f"{option.path} takes {option.allowed}.",
    )


def _pairs(option: Option, items: list[str], where: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise wrong(option, item, where=where)
        pairs[key.strip()] = value.strip()
    return pairs
