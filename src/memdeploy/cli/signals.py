"""Ctrl-C and SIGTERM. The first one stops gently: calls in flight are recorded. The second leaves at once; the journal
is valid at every moment."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from memdeploy.engine.cancel import CancelToken

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def stops(token: CancelToken, tell: Callable[[str], None]) -> Iterator[None]:
    """While inside, a first signal sets `token`; `tell` is then called with the signal's name, from a thread of its
    own: a signal handler interrupts whoever may hold the locks that telling needs."""
    wake = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if token.cancelled:
            _leave(number)
        token.cancel(number)
        wake.set()

    def watch() -> None:
        wake.wait()
        if token.signal is not None:
            tell(signal.Signals(token.signal).name)

    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    watcher.start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        wake.set()
        watcher.join(timeout=1.0)


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


def _leave(number: int) -> None:
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR.encode())
    os._exit(128 + number)
