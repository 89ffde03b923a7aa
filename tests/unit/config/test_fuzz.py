"""memdeploy.yaml and the environment from anybody: understood as a whole, or refused with a name and a place (exit 2),
in bounded time and memory. Nothing in between, and never a traceback."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.config import document
from memdeploy.config.errors import ConfigError
from memdeploy.config.load import Loaded, load
from memdeploy.config.options import OPTIONS
from memdeploy.errors import ExitCode, UsageError
from tests.support.fuzz import examples

pytestmark = pytest.mark.timeout(120)  # of endless work: what is bounded takes a second

BYTES = 200 * 1024 * 1024
#: Words that mean something to YAML, to a shell, to a terminal or to a path.
WORDS = [
    "on", "null", "~", "", "0", "-1", "1e9", "0x1F", "true", "gcp", "aws", "local", "docker", "!!python/name:os.system",
    "&a", "*a", "<<", "../../etc/passwd", "a/b", "\x1b[2J", "\x9b31m", "\u202eabc", "\ud800", "x\ny", "$(id)", "`id`",
    "9" * 400, "a" * 5000, "sk-c4nary", "http://u:p@h", "0.4.0", "-rf", "--5", "²³",
]  # fmt: skip
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
trees = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip
options = st.dictionaries(st.sampled_from([o.path for o in OPTIONS]), st.one_of(scalars, trees), max_size=6)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *rooms, leaf = path.split(".")
        branch = tree
        for room in rooms:
            below = branch.setdefault(room, {})
            branch = below if isinstance(below, dict) else {}
        branch[leaf] = value
    return tree


def understood(file: Path, environ: dict[str, str] | None = None, flags: dict[str, Any] | None = None) -> None:
    """Or refused, by an error that a person can act on."""
    try:
        found = load(file=file, flags=flags or {}, environ=environ or {}, folder=file.parent)
    except UsageError as error:
        refused = error
    else:
        assert isinstance(found, Loaded)
        return
    assert refused.exit_code == ExitCode.USAGE
    assert refused.message
    assert refused.where


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "memdeploy.yaml"


@given(st.one_of(st.text(), st.lists(texts, max_size=12).map("\n".join), st.lists(texts, max_size=12).map(": ".join)))
@examples(150)
def test_any_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    understood(file)


@given(st.binary(max_size=200))
@examples(80)
def test_any_bytes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    understood(file)


@given(st.one_of(trees, options.map(_nested)))
@examples(150)
def test_any_tree_near_the_schema(file: Path, tree: Any) -> None:
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    understood(file)


@given(options, st.dictionaries(st.sampled_from([o.env for o in OPTIONS]), texts, max_size=5))
@examples(100)
def test_any_environment_and_flags(file: Path, flat: dict[str, Any], environ: dict[str, str]) -> None:
    file.write_text("")
    understood(file, environ=environ)
    understood(file, flags={path: value for path, value in flat.items() if isinstance(value, str)})


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(12)
)
BOMBS = {
    "a billion laughs": LAUGHS,
    "an endless alias": "a: &a [*a]\n",
    "merged keys": "a: &a {x: 1}\nb:\n  <<: *a\n",
    "nested lists": "[" * 100_000,
    "nested maps": "{a: " * 50_000,
    "nested blocks": "".join(f"{' ' * n}a:\n" for n in range(600)),
    "nested keys": "? " * 20_000,
    "a number of many digits": f"version: {'9' * 20_000}\n",
    "a number of many digits where one belongs": f"service: {{instances: {{max: {'9' * 5_000}}}}}\n",
    "quoted digits": f"postgres: {{disk_gb: '{'9' * 5_000}'}}\n",
    "other digits": "postgres: {disk_gb: '²³'}\n",
    "a key twice": "name: abc\nname: abd\n",
    "a key twice inside": "gcp: {project: a, project: b}\n",
    "an object of Python": "name: !!python/object/apply:os.system ['touch PWNED']\n",
    "a module of Python": "name: !!python/module:os\n",
    "a tag of somebody's": "name: !secret x\n",
    "a binary": "name: !!binary aGVsbG8=\n",
    "a set": "name: !!set {a, b}\n",
    "a time": "name: !!timestamp 2027-01-01\n",
    "a wrong number": "name: !!int abc\n",
    "a wrong float": "name: !!float abc\n",
    "a wrong truth": "name: !!bool maybe\n",
    "a wrong binary": "name: !!binary '***'\n",
    "many documents": "---\n" * 10_000,
    "many keys": "".join(f"k{n}: {n}\n" for n in range(5_000)),
    "directives": "%YAML 9.9\n---\nname: abc\n",
    "tags by directive": "%TAG ! tag:yaml.org,2002:python/\n---\nname: !name:os.system x\n",
    "a long line": "name: " + "x" * 50_000 + "\n",
    "comments": "#" * 50_000,
    "quotes": "name: '" + "''" * 20_000 + "\n",
}  # fmt: skip

#: What could make much of little.
TRACED = ("a billion laughs", "an endless alias", "merged keys", "nested keys", "a number of many digits")


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(tmp_path: Path, bomb: str) -> None:
    file = tmp_path / "memdeploy.yaml"
    file.write_text(BOMBS[bomb])
    if bomb in TRACED:
        tracemalloc.start()
    try:
        if bomb == "comments":
            understood(file)
        else:
            with pytest.raises(ConfigError) as raised:
                load(file=file, flags={}, environ={}, folder=tmp_path)
            assert len(raised.value.message) < 20_000
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["memdeploy.yaml"]


@given(st.text())
@examples(150)
def test_what_is_parsed_is_plain(text: str) -> None:
    """Texts, whole numbers, truth, nothing, lists and mappings: no object of any other kind comes of a file."""
    try:
        found = document.parse(text, name="f", folder=Path())
    except ConfigError:
        return
    assert _plain(found.values)


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    return all(map(_plain, value)) if isinstance(value, list) else type(value) in (str, int, bool, type(None))
