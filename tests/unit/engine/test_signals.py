"""The first signal asks the run to stop, the second leaves at once; the process is as before afterwards."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.signals import stop_on_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


pytestmark = pytest.mark.usefixtures("hang_ups")


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
    before = [signal.getsignal(number) for number in NUMBERS]
    with stop_on_signals(CancelToken()):
        assert all(signal.getsignal(number) != handler for number, handler in zip(NUMBERS, before, strict=True))
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_terminal_that_was_closed_says_so_twice_and_nobody_leaves_for_that() -> None:
    """bash passes its own SIGHUP on to its jobs; when it ends, the kernel sends one to them all."""
    token = CancelToken()
    left: list[int] = []
    with stop_on_signals(token, leave=left.append):
        os.kill(os.getpid(), signal.SIGHUP)
        assert token.event.wait(10)
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
    assert (token.signal, left) == (signal.SIGHUP, [])


def test_after_a_hang_up_a_kill_still_leaves_at_once() -> None:
    token, left = CancelToken(), threading.Event()
    with stop_on_signals(token, leave=lambda status: left.set()):
        os.kill(os.getpid(), signal.SIGHUP)
        assert token.event.wait(10)
        os.kill(os.getpid(), signal.SIGTERM)
        assert left.wait(10)


def test_under_nohup_a_hang_up_stops_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    token = CancelToken()
    try:
        with stop_on_signals(token):
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert token.signal is None


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
