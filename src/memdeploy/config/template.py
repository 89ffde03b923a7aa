"""A commented memdeploy.yaml, made of the table of options: what is set is written, all else is there as a comment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from memdeploy.config.options import OPTIONS, Option

SCHEMA_FILE = "memdeploy.schema.json"
_HEAD = f"# yaml-language-server: $schema={SCHEMA_FILE}\nversion: 1\n"
_WIDTH = 44


def template(values: Mapping[str, Any]) -> str:
    """`values`: path -> value, as flags and environment give them. What comes out loads to exactly these."""
    top = [option for option in OPTIONS if "." not in option.path]
    rooms = groupby((option for option in OPTIONS if "." in option.path), key=lambda option: option.path.split(".")[0])
    by_room: dict[str, list[Option]] = {}
    for room, options in rooms:
        by_room.setdefault(room, []).extend(options)
    parts = ["".join(_leaf(option, values, 0, written=True) for option in top)]
    parts += [_branch(room, options, values, 0, written=True) for room, options in by_room.items()]
    return _HEAD + "\n".join(parts)


def _branch(path: str, options: Iterable[Option], values: Mapping[str, Any], depth: int, *, written: bool) -> str:
    """A branch without any value is a comment as a whole: an empty one would mean null."""
    below = list(options)
    written = written and any(_given(option, values) for option in below)
    text = _line(f"{path.split('.')[-1]}:", "", depth, written=written)
    for head, group in groupby(below, key=lambda option: _next(option, path)):
        inner = list(group)
        if inner[0].path == head:
            text += "".join(_leaf(option, values, depth + 1, written=written) for option in inner)
        else:
            text += _branch(head, inner, values, depth + 1, written=written)
    return text


def _next(option: Option, path: str) -> str:
    """The path one step below `path` on the way to the option."""
    return ".".join(option.path.split(".")[: path.count(".") + 2])


def _leaf(option: Option, values: Mapping[str, Any], depth: int, *, written: bool) -> str:
    key = option.path.split(".")[-1]
    if _given(option, values):
        return _line(f"{key}: {json.dumps(values[option.path])}", option.help, depth, written=written)
    shown = option.default if option.default and " " not in option.default else ""
    about = option.help if shown or not option.default else f"{option.help} Default: {option.default}."
    return _line(f"{key}: {shown}".rstrip(), about, depth, written=False)


def _given(option: Option, values: Mapping[str, Any]) -> bool:
    return option.path in values


def _line(text: str, about: str, depth: int, *, written: bool) -> str:
    whole = f"{'  ' * depth}{text}" if written else f"# {'  ' * depth}{text}"
    return f"{whole:<{_WIDTH}}# {about}\n" if about else f"{whole}\n"
