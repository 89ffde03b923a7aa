"""Which deployment is meant, of what carries a marker."""

from __future__ import annotations

import pytest

from memdeploy.errors import NoSuchDeployment, Refused
from memdeploy.lifecycle.tracing import already_there, chosen
from memdeploy.providers.base import Trace

ONE = Trace("a" * 12, "x7k2", "secret toys-x7k2-pg", "2026-11-26 12:00 UTC")
SAME = Trace("a" * 12, "x7k2", "service account toys-x7k2-run")
MORE = Trace("a" * 12, "x7k2", "secret toys-x7k2-neo", "2026-11-26 12:01 UTC")
OTHER = Trace("b" * 12, "zz99", "secret toys-zz99-pg")


def test_several_things_of_one_deployment_are_one() -> None:
    assert chosen([ONE, SAME], "toys", None, "gcp p/r") == ONE


def test_of_two_nobody_is_chosen() -> None:
    with pytest.raises(Refused, match=r"zz99.*x7k2") as caught:
        chosen([ONE, SAME, OTHER], "toys", None, "gcp p/r")
    assert caught.value.code == "several-suffixes"
    assert "--suffix" in str(caught.value.suggestion)


def test_one_suffix_with_two_ids_is_two() -> None:
    with pytest.raises(Refused):
        chosen([ONE, Trace("c" * 12, "x7k2", "secret")], "toys", "x7k2", "gcp p/r")


def test_the_suffix_says_which() -> None:
    assert chosen([ONE, OTHER], "toys", "zz99", "gcp p/r") == OTHER


@pytest.mark.parametrize("suffix", [None, "0000"])
def test_nothing_is_no_deployment(suffix: str | None) -> None:
    with pytest.raises(NoSuchDeployment):
        chosen([ONE] if suffix else [], "toys", suffix, "gcp p/r")


def test_whoever_meets_a_colleagues_deployment_is_told_what_it_is_and_the_ways_on() -> None:
    refused = already_there([MORE, ONE, SAME], "toys", "gcp p/r", "/state")
    assert (refused.code, refused.exit_code) == ("journal-lost", 3)
    assert (
        f"a deployment toys is in gcp p/r already: suffix x7k2, id {'a' * 12}, since 2026-11-26 12:00 UTC"
        " (secret toys-x7k2-neo and 2 more)" in refused.message
    )
    assert "may be a colleague's" in refused.message
    assert "not touched" in refused.message
    for way in ("another --name", "`memdeploy recover --name toys` with the same options", "--state"):
        assert way in str(refused.suggestion)


def test_of_several_each_is_told_and_what_nobody_knows_is_left_out() -> None:
    message = already_there([SAME, OTHER], "toys", "gcp p/r", "/state").message
    assert f"suffix x7k2, id {'a' * 12} (service account toys-x7k2-run); suffix zz99, id {'b' * 12} (secret" in message
    assert "since" not in message
