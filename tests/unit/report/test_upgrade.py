"""Which release a deployment is on after an upgrade that ended, failed or was stopped."""

from __future__ import annotations

from typing import Any

import pytest

from memdeploy.report.marks import ASCII
from memdeploy.report.results.upgrade import render


@pytest.mark.parametrize(
    ("changed", "unfinished", "said"),
    [
        (True, False, "memmachine: MemMachine 0.3.9"),
        (False, False, "memmachine: still MemMachine 0.2.6"),
        (False, True, "memmachine: between MemMachine 0.2.6 and 0.3.9"),
    ],
    ids=["ended well", "back", "stopped"],
)
def test_it_says_where_the_deployment_is(changed: bool, unfinished: bool, said: str) -> None:
    data: dict[str, Any] = {
        "deployment": "memmachine", "from": "0.2.6", "to": "0.3.9", "archive": "/safe/a.tar", "changed": changed,
        "unfinished": unfinished,
    }  # fmt: skip
    assert said in str(render(data, ASCII)[1])
