"""A secret's value leaves it by `reveal()` and by nothing else."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import shlex
import traceback
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from memdeploy.secret import URL_SAFE, Secret, SecretRef, generate, heard, hide
from tests.contract.product import canary

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


AWKWARD = "c4n/ry+Key\"one'&%$ @:~?=#\\end-of-it"
DRESSED: dict[str, Callable[[str], str]] = {
    "raw": str,
    "JSON": lambda value: json.dumps({"k": value}),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"k": value})),
    "Python": repr,
    "percent-encoded": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "shell": lambda value: f"PASSWORD={shlex.quote(value)}",
    "hexadecimal": lambda value: value.encode().hex(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 inside": lambda value: base64.b64encode(f"x{value}y".encode()).decode(),
    "base64url inside": lambda value: base64.urlsafe_b64encode(f"xy{value}".encode()).decode(),
}


@pytest.mark.parametrize("dress", DRESSED)
@pytest.mark.parametrize("value", [AWKWARD, VALUE, "sixteen letters!", "ünï-cödé-pässwörd"])
def test_a_value_is_taken_out_of_foreign_text_whatever_it_wears(value: str, dress: str) -> None:
    shown = hide(f"Invalid value: {DRESSED[dress](value)} (TYPE_BYTES)", [Secret("something-else"), Secret(value)])

    assert "***" in shown
    assert not canary.found(shown.encode(), canary.forms("it", value))
    assert shown.startswith("Invalid value: ")
    assert shown.endswith(" (TYPE_BYTES)")


def test_lines_of_a_key_are_taken_out_by_themselves() -> None:
    lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj", "AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4ypbHqGC"]
    pem = "\n".join(("-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"))

    assert hide(f"near {lines[1]}: bad", [Secret(pem)]) == "near ***: bad"


def test_a_short_value_is_a_word_and_stays() -> None:
    assert hide("the offline model", [Secret("offline"), Secret("")]) == "the offline model"


@pytest.mark.parametrize("dress", DRESSED)
def test_what_others_say_is_heard_without_any_value_that_was_ever_held(dress: str) -> None:
    """A generated password, or one that was read back: also when nobody holds it any more."""
    given = [Secret(AWKWARD).reveal(), generate().reveal()]
    for value in given:
        shown = heard(f"refused: {DRESSED[dress](value)}")
        assert shown.startswith("refused: ")
        assert canary.found(shown.encode(), canary.forms("it", value)) == []
