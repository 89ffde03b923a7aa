"""What a failed revision's last lines say: anybody who uses the service may have written them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memdeploy.memmachine.files import docker_files
from memdeploy.providers.gcp import run_failure
from tests.unit.providers.gcp.bodies import scope


@pytest.mark.parametrize(
    "line",
    [
        '{"ok": false, "code": "99999999999999999999"}',
        '{"ok": false, "code": "' + "9" * 5000 + '"}',
        '{"ok": false}',
        '{"ok',
        pytest.param('{"ok": ' + "[" * 100_000, id="deep"),
        '{"ok": false, "code": NaN}',
        '{"ok": false, "code": Infinity}',
    ],
)
def test_a_line_that_only_looks_like_the_images_last_names_nobody(line: str) -> None:
    real = scope()
    ours = replace(real, context=replace(real.context, docker_files=docker_files()))
    assert run_failure._culprit(ours, ["something", line]) is None
