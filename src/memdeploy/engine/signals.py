"""Ctrl-C, SIGTERM and a terminal that was closed (SIGHUP): the first asks the run to stop, a second Ctrl-C or SIGTERM
leaves at once.

Signal numbers arrive through a wake-up descriptor and are handled in a thread of their own: a handler in the main
thread could come in the middle of a lock that it needs, and would wait while that thread is inside a C library.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memdeploy.engine.cancel import CancelToken

LEAVE = (signal.SIGINT, signal.SIGTERM)
"A second one of these leaves at once. Not a hang-up: a shell passes its own on, the kernel sends another at its end."
STOP = (*LEAVE, signal.SIGHUP)
_END = b"\0"


@contextmanager
def stop_on_signals(
    token: CancelToken,
    *,
    told: Callable[[int], None] = lambda number: None,
    leaving: Callable[[int], None] = lambda number: None,
    leave: Callable[[int], object] = os._exit,
) -> Iterator[None]:
    """To be entered in the main thread. The first signal cancels `token` and calls `told`; the second calls `leaving`
    (to give the terminal back; must be quick) and then `leave` with 128 + its number: 130 or 143. The journal is valid
    at any moment, so leaving at once loses nothing but comfort."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    watcher = threading.Thread(
        target=_watch, args=(reading, token, told, leaving, leave), name="memdeploy-signals", daemon=True
    )
    before = {number: signal.signal(number, _ignored) for number in heeded()}
    wakeup = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        writing.send(_END)
        watcher.join()
        reading.close()
        writing.close()


def heeded() -> tuple[signal.Signals, ...]:
    """What asks a run to stop. Whoever started us by `nohup` has a hang-up ignored, and means it."""
    left_alone = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return LEAVE if left_alone else STOP


def asked_to_end(number: int | None) -> bool:
    """By another program, not by who sits before it: the exit code is that of SIGTERM."""
    return number in (signal.SIGTERM, signal.SIGHUP)


def _ignored(number: int, frame: object) -> None:
    """Python must have a handler, or it would raise KeyboardInterrupt; the watcher does the work."""


def _watch(
    reading: socket.socket,
    token: CancelToken,
    told: Callable[[int], None],
    leaving: Callable[[int], None],
    leave: Callable[[int], object],
) -> None:
    while True:
        received = reading.recv(1)
        if received in (_END, b""):
            return
        number = received[0]
        if token.signal is None and number in STOP:
            token.cancel(number)
            with contextlib.suppress(Exception):  # a closed pipe must not end this thread: the second signal needs it
                told(number)
        elif number in LEAVE:
            with contextlib.suppress(Exception):
                leaving(number)
            leave(128 + number)
