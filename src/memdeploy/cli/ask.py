"""Questions, on stderr. Only where somebody can answer; elsewhere the command ends and names the flag (exit 4)."""

from __future__ import annotations

import sys
from collections.abc import Callable

from memdeploy.cli import signals

Question = Callable[[str], bool]


def yes_or_no(question: str) -> bool:
    """Anything but yes is no; so is the end of input."""
    return _answer(f"{question} [y/N] ").lower() in ("y", "yes")


def text(question: str) -> str:
    """One line; empty for none, and at the end of input."""
    return _answer(f"{question}: ")


def hidden(question: str) -> str:
    """One line that the terminal does not show; empty for none, and where the terminal would show it."""
    import getpass
    import warnings

    with signals.interruptible(), warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{question}: ", stream=sys.stderr).strip()
        except (EOFError, OSError, getpass.GetPassWarning):
            sys.stderr.write("\n")
            return ""


def typed_name(name: Callable[[], str | None]) -> Question:
    """For what cannot be undone: the deployment's name has to be typed. `name` is asked for when the question comes:
    which deployment it is, the journal may have said meanwhile."""

    def ask(question: str) -> bool:
        expected = name() or "yes"
        return _answer(f"{question}\nType {expected} to go on: ") == expected

    return ask


def _answer(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    with signals.interruptible():
        try:
            line = sys.stdin.readline()
        except OSError:  # the terminal has gone
            line = ""
    if not line:
        sys.stderr.write("\n")
    return line.strip()
