"""Ctrl-C, SIGTERM, SIGHUP on the command line: what is told, how the terminal is given back, which exit code it is."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.signals import asked_to_end, heeded, stop_on_signals
from memdeploy.errors import Cancelled, ExitCode

_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def stops(token: CancelToken, tell: Callable[[str], None]) -> Iterator[None]:
    """While inside, a first signal sets `token`; `tell` is then called with the signal's name, from a thread of its
    own. A second Ctrl-C or SIGTERM leaves at once. What another program cancelled (SIGTERM, SIGHUP) has exit code
    143."""
    with stop_on_signals(token, told=lambda number: tell(signal.Signals(number).name), leaving=_give_back):
        try:
            yield
        except Cancelled as error:
            if asked_to_end(token.signal):
                error.exit_code = ExitCode.TERMINATED
            raise


@contextmanager
def interruptible() -> Iterator[None]:
    """While somebody is asked, a signal is the answer: it raises `KeyboardInterrupt(number)` at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _answered) for number in heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupted(error: KeyboardInterrupt, suggestion: str | None) -> Cancelled:
    """As a command's error, with the exit code that belongs to the signal."""
    found = Cancelled("interrupted", suggestion=suggestion)
    if asked_to_end(next(iter(error.args), None)):
        found.exit_code = ExitCode.TERMINATED
    return found


def _answered(number: int, frame: object) -> None:
    raise KeyboardInterrupt(number)


def _give_back(number: int) -> None:
    """A live display may have hidden the cursor."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR.encode())
