"""What a signal makes of a command that was cancelled wherever it happened to be."""

from __future__ import annotations

import os
import signal

import pytest

from memdeploy.cli.signals import stops
from memdeploy.engine.cancel import CancelToken
from memdeploy.errors import Cancelled

pytestmark = pytest.mark.usefixtures("hang_ups")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_whatever_a_signal_cancelled_has_its_exit_code(number: int, code: int) -> None:
    token = CancelToken()

    def look() -> None:
        with stops(token, lambda name: None):
            os.kill(os.getpid(), number)
            assert token.event.wait(10)
            raise Cancelled("stopped while it looked")

    with pytest.raises(Cancelled) as raised:
        look()
    assert raised.value.exit_code == code
