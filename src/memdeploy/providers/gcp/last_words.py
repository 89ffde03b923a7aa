"""What a container of ours said last, for an error's details: an addition, never a reason to fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memdeploy.providers.base import LogLine
from memdeploy.providers.gcp import errors, logs
from memdeploy.providers.gcp.scope import Scope

Guarded = Callable[[Callable[[], Sequence[LogLine]]], Sequence[LogLine]]
"""`run.read`, or what calls through."""
SHOWN = 10
_LOOKS = 5


def heard(
    scope: Scope, guarded: Guarded, chosen: str, component: str, pause: Callable[[], None] | None = None
) -> tuple[str, ...]:
    """Oldest first. Lines can be read some seconds after they were written: `pause` waits a little between looks;
    without it one look has to do. Nothing when they may not be read."""
    lines = _look(scope, guarded, chosen, component)
    for _ in range(_LOOKS if pause else 0):
        if lines or pause is None:
            break
        pause()
        lines = _look(scope, guarded, chosen, component)
    return lines


def _look(scope: Scope, guarded: Guarded, chosen: str, component: str) -> tuple[str, ...]:
    try:
        found = guarded(lambda: logs.entries(scope, chosen, SHOWN, component))
    except Exception as raised:
        if errors.classify(raised) is None:
            raise
        return ()
    return tuple(line.text for line in found)
