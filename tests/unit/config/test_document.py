"""memdeploy.yaml from anybody: bounded, plain, with line numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdeploy.config import document
from memdeploy.config.errors import ConfigError


def parse(text: str) -> document.Document:
    return document.parse(text, name="memdeploy.yaml", folder=Path())


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: &x [1]\nb: *x\n", "memdeploy.yaml:1", "anchors"),
        ("a: 1\nb: *nothing\n", "memdeploy.yaml:2", "aliases"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "memdeploy.yaml:4", "b.c is there twice"),
        ("a: [1\n", "memdeploy.yaml:2", "not valid YAML"),
        ("a: 1\n  b: 2\n", "memdeploy.yaml:2", "not valid YAML"),
        ("[" * 50_000, "memdeploy.yaml:1", "nested deeper"),
        ("- a\n- b\n", "memdeploy.yaml:1", "key: value"),
        ("just text\n", "memdeploy.yaml:1", "key: value"),
        ("a: 1\n---\nb: 2\n", "memdeploy.yaml:2", "another document"),
        ("? [a]\n: 1\n", "memdeploy.yaml:1", "plain text"),
        ("a: !!python/object/apply:os.getcwd\n", "memdeploy.yaml:1", "constructor"),
        ("a: \x07\n", "memdeploy.yaml", "not valid YAML"),
    ],
)
def test_refused(text: str, where: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)

    assert caught.value.where == where
    assert message in caught.value.message


def test_a_file_that_holds_a_key_alone_is_not_quoted() -> None:
    """Somebody took `--file` for `--model-key-file`."""
    with pytest.raises(ConfigError) as caught:
        parse("sk-canary-0815\n")
    assert "canary" not in caught.value.message


def test_texts_stay_texts() -> None:
    text = "a: on\nb: 0.4\nc: 1:30\nd: 0755\ne: 2024-01-01\nf: yes\ng: 1_000\nh: 'true'\n"

    assert parse(text).values == {
        "a": "on", "b": "0.4", "c": "1:30", "d": "0755", "e": "2024-01-01", "f": "yes", "g": "1_000", "h": "true",
    }  # fmt: skip


def test_whole_numbers_truth_and_nothing_are_what_they_are() -> None:
    assert parse("a: 12\nb: -3\nc: true\nd: false\ne:\nf: ~\n").values == {
        "a": 12, "b": -3, "c": True, "d": False, "e": None, "f": None,
    }  # fmt: skip


def test_lines_of_nested_keys() -> None:
    found = parse("a:\n  b:\n    c: 1\n\nd: {e: 2}\n")

    assert found.where("a.b.c") == "memdeploy.yaml:3"
    assert found.where("d.e") == "memdeploy.yaml:5"
    assert found.where("a.b.unknown") == "memdeploy.yaml:2"
    assert found.where("unknown") == "memdeploy.yaml"


def test_an_empty_file_says_nothing() -> None:
    assert parse("").values == {}
    assert parse("# only a comment\n").values == {}


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "memdeploy.yaml"
    path.write_text("a: " + "x" * document.MAX_BYTES)

    with pytest.raises(ConfigError, match="larger than 256 KB"):
        document.read(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memdeploy.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="UTF-8"):
        document.read(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "memdeploy.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: abc\n")

    assert document.read(path).values == {"name": "abc"}
