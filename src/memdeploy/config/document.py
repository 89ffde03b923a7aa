"""memdeploy.yaml as data with line numbers. Safe to read from anybody: bounded in size and depth, no aliases, no tags.

YAML 1.1 would make `on` a boolean, `0.4` a number and `1:30` ninety; here only true/false, null and whole numbers are
anything but text, so that `deletion_protection: on` means what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from memdeploy.config.errors import ConfigError, shown

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
_TEXT = "tag:yaml.org,2002:str"
#: Whatever else a tag names could be anything, an object of Python among it.
_TAGS = frozenset(f"tag:yaml.org,2002:{word}" for word in ("str", "null", "bool", "int", "map", "seq"))


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own shape


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))


@dataclass(frozen=True)
class Document:
    """`lines`: path -> line (from 1) of every key. `name` is how errors call the file."""

    name: str
    values: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)
    folder: Path = Path()

    def where(self, path: str) -> str:
        """`memdeploy.yaml:7`, by the nearest key that is there."""
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            line = self.lines.get(".".join(parts[:end]))
            if line is not None:
                return f"{self.name}:{line}"
        return self.name


def read(path: Path) -> Document:
    """Raises `ConfigError` (usage, exit 2) for anything that is not a plain YAML mapping."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", where=str(path)) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES // 1024} KB", where=str(path))
    return parse(text, name=path.name, folder=path.resolve().parent)


def parse(text: str, *, name: str, folder: Path) -> Document:
    lines: dict[str, int] = {}
    try:
        _refuse_aliases(text, name)
        loader = _Loader(text)
        node = loader.get_single_node()
        values = {} if node is None else _build(node, loader, name, (), lines)
    except yaml.YAMLError as error:
        raise ConfigError(_problem(error), where=_place(name, error)) from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        told = "a list" if isinstance(values, list) else "a single value"  # not which: it may be the file of a key
        raise ConfigError(f"{name} must hold `key: value` lines, not {told}", where=f"{name}:1")
    return Document(name, values, lines, folder)


def _refuse_aliases(text: str, name: str) -> None:
    """An alias can make gigabytes of a few lines; a file this small needs none. Nesting is bounded here as well,
    before anything recurses."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        place = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError("YAML anchors and aliases are not supported here", where=place)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", where=place)


def _build(node: yaml.Node, loader: _Loader, name: str, path: tuple[str, ...], lines: dict[str, int]) -> Any:
    if node.tag not in _TAGS:
        raise yaml.constructor.ConstructorError(None, None, f"no constructor for {shown(node.tag)}", node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, loader, name, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, loader, name, (*path, str(i)), lines) for i, item in enumerate(node.value)]
    return _scalar(node, loader)


def _scalar(node: yaml.Node, loader: _Loader) -> Any:
    """What a tag claims is not believed: `!!int abc` is a text."""
    meant = loader.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
    if node.tag not in (_TEXT, meant):
        raise yaml.constructor.ConstructorError(None, None, f"{shown(node.value)} is no {node.tag}", node.start_mark)
    return loader.construct_object(node)


def _mapping(
    node: yaml.MappingNode, loader: _Loader, name: str, path: tuple[str, ...], lines: dict[str, int]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError("a key must be plain text", where=place)
        key = str(key_node.value)
        if key in result:
            raise ConfigError(f"{'.'.join((*path, key))} is there twice", where=place)
        lines[".".join((*path, key))] = key_node.start_mark.line + 1
        result[key] = _build(value_node, loader, name, (*path, key), lines)
    return result


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or str(error)
    return f"not valid YAML: {problem}"


def _place(name: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return name if mark is None else f"{name}:{mark.line + 1}"
