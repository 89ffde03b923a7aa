"""Flags over environment over file over defaults -> one validated `Deployment`, and where each value came from."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from memdeploy.config import document, env
from memdeploy.config.document import Document
from memdeploy.config.errors import ConfigError
from memdeploy.config.model import Deployment
from memdeploy.config.options import BY_PATH
from memdeploy.config.problems import explain

DEFAULT_FILE = "memdeploy.yaml"
KEY_FILES = ("model.key.file", "neo4j.password.file")
PATHS = ("local.folder", "local.python")


@dataclass(frozen=True)
class Loaded:
    """`deployment` is None when nobody named a provider: it can then only be the journal's. `given` holds what flags
    and environment set, path -> value. `origins`: path -> where (a flag, a variable, `memdeploy.yaml:7`)."""

    deployment: Deployment | None
    name: str | None
    given: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    from_file: bool = False


_KNOWN = frozenset({"version", *(path.rsplit(".", cut)[0] for path in BY_PATH for cut in range(path.count(".") + 1))})
"""All that a file may name: options, and the blocks that they are in."""


def load(
    *,
    file: Path | None,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    folder: Path,
    others: Iterable[str] = (),
    default_file: bool = True,
) -> Loaded:
    """`file` None: `memdeploy.yaml` in `folder` (the working directory) when there is one, unless `default_file` is
    false; a named file must exist.
    `flags`: path -> value, only those that were given. `others`: variables of memdeploy that are no options.
    Raises `ConfigError` that names every wrong value, its place and what is allowed."""
    written = _document(file, folder, default_file)
    from_env = env.read(environ)
    given = {**_without_rivals(from_env, flags), **flags}
    for path, value in given.items():
        given[path] = _absolute(path, value, folder)
    tree = _textual(written.values)
    _anchor_paths(tree, written.folder)
    origins = {path: written.where(path) for path in written.lines}
    origins |= {path: BY_PATH[path].env for path in from_env} | {path: BY_PATH[path].flag for path in flags}
    deployment = validate(lay(tree, given), lambda path: _origin(path, origins, written))
    return Loaded(
        deployment=deployment if _has(tree, given, "provider") else None,
        name=deployment.name if _has(tree, given, "name") else None,
        given=given,
        origins=origins,
        notices=tuple(env.misspelt(environ, frozenset(others))),
        from_file=bool(written.values),
    )


def override(deployment: Deployment, given: Mapping[str, Any]) -> Deployment:
    """The deployment (the journal's) with single options (path -> value) laid over it."""
    tree = lay(deployment.model_dump(mode="json"), given)
    _drop_uri(tree, given)
    _drop_of_provider(tree, given, deployment.model.provider)
    return validate(tree, lambda path: BY_PATH[path].flag if path in BY_PATH else path)


def _drop_uri(tree: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Another mode leaves the address of the external server behind: `--neo4j vm` says it all."""
    if given.get("neo4j.mode", "external") != "external" and "neo4j.uri" not in given:
        tree["neo4j"]["uri"] = None


def _drop_of_provider(tree: dict[str, Any], given: Mapping[str, Any], before: str) -> None:
    """Another provider of models leaves the address, the region and the key of the one before behind."""
    if given.get("model.provider", before) == before:
        return
    for option in ("base_url", "api", "region"):
        tree["model"][option] = given.get(f"model.{option}")
    if not any(path.startswith("model.key.") for path in given):
        tree["model"]["key"] = {}


def lay(tree: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with the paths of `given` set."""
    result = copy.deepcopy(dict(tree))
    for path, value in given.items():
        rivals = BY_PATH[path].instead_of
        if rivals is not None:
            _set(result, rivals, {})
        _set(result, path, value)
    return result


def validate(tree: Mapping[str, Any], where: Any) -> Deployment:
    """`where(path)` names the place of a wrong value. Without a provider the rest is checked as if it were gcp."""
    try:
        return Deployment.model_validate({"provider": "gcp", **tree})
    except ValidationError as error:
        raise explain(error, where) from error


def _document(file: Path | None, folder: Path, default_file: bool) -> Document:
    path = folder / (file or DEFAULT_FILE)
    if file is None and not (default_file and path.exists()):
        return Document(DEFAULT_FILE, {}, folder=folder)
    return document.read(path)


def _origin(path: str, origins: Mapping[str, str], written: Document) -> str:
    """A wrong value's place; of a value inside an option (`gcp.labels.team`) the option's."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in origins:
            return origins[".".join(parts[:end])]
    below = [place for known, place in origins.items() if known.startswith(f"{path}.")]
    return below[0] if below else written.name


def _without_rivals(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """A flag that names the key takes the place of a variable that names it in another way. In one layer two ways
    contradict each other."""
    for layer in (lower, upper):
        for what in {BY_PATH[path].instead_of for path in layer} - {None}:
            ways = [path for path in layer if BY_PATH[path].instead_of == what]
            if len(ways) > 1:
                raise ConfigError(f"only one of {', '.join(ways)} can be given", where=what)
    taken = {BY_PATH[path].instead_of for path in upper} - {None}
    return {path: value for path, value in lower.items() if BY_PATH[path].instead_of not in taken}


def _has(tree: Mapping[str, Any], given: Mapping[str, Any], path: str) -> bool:
    return path in given or tree.get(path) is not None


def _set(tree: dict[str, Any], path: str, value: Any) -> None:
    *branches, leaf = path.split(".")
    for branch in branches:
        below = tree.get(branch)
        tree[branch] = below if isinstance(below, dict) else {}
        tree = tree[branch]
    tree[leaf] = value


def _textual(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Numbers written where a text belongs (`cpu: 2`), and digits in quotes where a number does."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        option = BY_PATH.get(path)
        number = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, Mapping):
            inside = {k: str(v) if type(v) is int else v for k, v in value.items()}
            result[key] = inside if option else _textual(value, f"{path}.")
        elif option and option.kind == "text" and number:
            result[key] = str(value)
        elif option and option.kind == "integer" and isinstance(value, str) and env.NUMBER.fullmatch(value):
            result[key] = int(value)
        elif value is not None or path not in _KNOWN:  # an empty key says nothing, but for a word that nobody knows
            result[key] = value
    return result


def _anchor_paths(tree: dict[str, Any], folder: Path) -> None:
    """Paths in a file are relative to that file's folder."""
    for path in (*KEY_FILES, *PATHS):
        *rooms, leaf = path.split(".")
        branch: Any = tree
        for room in rooms:
            branch = branch.get(room) if isinstance(branch, dict) else None
        if isinstance(branch, dict) and isinstance(branch.get(leaf), str):
            branch[leaf] = _absolute(path, branch[leaf], folder)


def _absolute(path: str, value: Any, folder: Path) -> Any:
    return str((folder / Path(value).expanduser()).absolute()) if path in (*KEY_FILES, *PATHS) else value
