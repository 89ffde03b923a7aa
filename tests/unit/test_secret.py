"""A secret's value leaves it by `reveal()` and by nothing else."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable

import pytest

from memdeploy.secret import URL_SAFE, Secret, SecretRef, generate

VALUE = "hunter2-canary"


@pytest.mark.parametrize(
    "shown",
    [str, repr, format, lambda s: f"{s:>40}", lambda s: f"{s!r}", "{}".format, lambda s: "%s" % s, lambda s: repr([s])],  # noqa: UP031
)
def test_no_way_of_printing_shows_it(shown: Callable[[Secret], str]) -> None:
    text = shown(Secret(VALUE))

    assert VALUE not in text
    assert "***" in text


def test_it_has_no_attributes_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(Secret(VALUE))


@pytest.mark.parametrize("written", [json.dumps, pickle.dumps])
def test_it_cannot_be_written_down(written: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        written(Secret(VALUE))
    assert VALUE not in "".join(traceback.format_exception(refused.value))


def test_copies_and_comparisons() -> None:
    secret = Secret(VALUE)

    assert copy.deepcopy({"key": secret})["key"] is secret
    assert secret == Secret(VALUE)
    assert secret != Secret("another")
    assert secret != VALUE
    assert hash(secret) == hash(Secret("another"))  # a hash would tell something of the value
    assert not Secret("")


def test_generated_ones_need_no_quoting_and_never_come_twice() -> None:
    drawn = {generate().reveal() for _ in range(50)}

    assert len(drawn) == 50
    assert {len(value) for value in drawn} == {32}
    assert set("".join(drawn)) <= set(URL_SAFE)


def test_a_reference_is_plain_json() -> None:
    reference = SecretRef("support-memory-x7k2-pg", "3")

    assert SecretRef.from_json(json.loads(json.dumps(reference.to_json()))) == reference
