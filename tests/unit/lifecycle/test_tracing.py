"""Which deployment is meant, of what carries a marker."""

from __future__ import annotations

import pytest

from memdeploy.errors import NoSuchDeployment, Refused
from memdeploy.lifecycle.tracing import chosen
from memdeploy.providers.base import Trace

ONE = Trace("a" * 12, "x7k2", "secret toys-x7k2-pg")
SAME = Trace("a" * 12, "x7k2", "service account toys-x7k2-run")
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
