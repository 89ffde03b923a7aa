"""Ctrl-C and SIGTERM on the command line: what is told, how the terminal is given back, which exit code it is."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memdeploy.engine.cancel import CancelToken
from memdeploy.engine.signals import stop_on_signals
from memdeploy.errors import Cancelled, ExitCode

_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def stops(token: CancelToken, tell: Callable[[str], None]) -> Iterator[None]:
    """While inside, a first signal sets `token`; `tell` is then called with the signal's name, from a thread of its
    own. A second one leaves at once. Whatever was cancelled by SIGTERM is said to be: its exit code is 143."""
    with stop_on_signals(token, told=lambda number: tell(signal.Signals(number).name), leaving=_give_back):
        try:
            yield
        except Cancelled as error:
            if token.signal == signal.SIGTERM:
                error.exit_code = ExitCode.TERMINATED
            raise


@contextmanager
def interruptible() -> Iterator[None]:
    """While somebody is asked, Ctrl-C is the answer: it raises `KeyboardInterrupt` at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _give_back(number: int) -> None:
    """A live display may have hidden the cursor."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR.encode())
