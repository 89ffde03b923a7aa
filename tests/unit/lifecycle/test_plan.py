"""What --replace may name."""

from __future__ import annotations

import pytest

from memdeploy.engine.graph import Graph
from memdeploy.errors import Refused, UsageError
from memdeploy.lifecycle.plan import check_replace
from tests.unit.lifecycle.toys import step

GRAPH = Graph([step("vm"), step("disk", holds_data=True)])


def test_a_step_that_holds_no_data_may_be_replaced() -> None:
    check_replace(GRAPH, {"vm"})


def test_a_step_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="no step vn") as raised:
        check_replace(GRAPH, {"vn"})
    assert "vm, disk" in str(raised.value.suggestion)


def test_what_holds_data_is_never_replaced() -> None:
    with pytest.raises(Refused, match="holds memories"):
        check_replace(GRAPH, {"vm", "disk"})
