"""Tokens are minted when they are needed, and before they end."""

from __future__ import annotations

import base64
import json

from memdeploy.proxy.tokens import MARGIN, UNSTATED, Tokens, expiry
from memdeploy.secret import Secret


def jwt(exp: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"


class Clock:
    now = 1000.0


def tokens(clock: Clock, *values: str) -> Tokens:
    left = [Secret(value) for value in values]
    return Tokens(lambda: left.pop(0), lambda: clock.now)


def test_a_token_is_used_until_shortly_before_its_end() -> None:
    clock = Clock()
    found = tokens(clock, jwt(4600.0), jwt(9000.0))
    first = found.current()
    clock.now = 4600.0 - MARGIN - 1
    assert found.current() is first
    clock.now = 4600.0 - MARGIN
    assert expiry(found.current().reveal()) == 9000.0


def test_one_that_does_not_say_when_it_ends_is_used_for_a_while() -> None:
    clock = Clock()
    found = tokens(clock, "opaque", "another")
    assert found.current().reveal() == "opaque"
    clock.now += UNSTATED
    assert found.current().reveal() == "another"


def test_a_token_that_several_requests_were_refused_with_is_replaced_once() -> None:
    found = tokens(Clock(), "old", "new")
    old = found.current()
    assert found.refused(old).reveal() == "new"
    assert found.refused(old).reveal() == "new"
