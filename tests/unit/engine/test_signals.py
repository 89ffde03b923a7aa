"""The first signal asks the run to stop, the second leaves at once; the process is as before afterwards."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.signals import stop_on_signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_and_second(number: int, code: int) -> None:
    token, left = CancelToken(), threading.Event()
    told: list[int] = []
    order: list[str] = []

    def leave(status: int) -> None:
        order.append(f"leave {status}")
        left.set()

    with stop_on_signals(token, told=told.append, leaving=lambda n: order.append(f"leaving {n}"), leave=leave):
        os.kill(os.getpid(), number)
        assert token.event.wait(10)
        os.kill(os.getpid(), number)
        assert left.wait(10)
    assert token.signal == number
    assert told == [number]
    assert order == [f"leaving {int(number)}", f"leave {code}"]


def test_handlers_are_put_back() -> None:
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    with stop_on_signals(CancelToken()):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_without_a_signal_nothing_is_cancelled() -> None:
    token = CancelToken()
    with stop_on_signals(token):
        pass
    assert not token.cancelled
    assert "memdeploy-signals" not in {thread.name for thread in threading.enumerate()}


def test_a_screen_that_cannot_be_written_to_does_not_take_the_second_signal_away() -> None:
    """A closed pipe: whoever presses Ctrl-C twice must still get out."""

    def broken(number: int) -> None:
        raise BrokenPipeError

    token, left = CancelToken(), threading.Event()
    with stop_on_signals(token, told=broken, leaving=broken, leave=lambda status: left.set()):
        os.kill(os.getpid(), signal.SIGINT)
        assert token.event.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        assert left.wait(10)
