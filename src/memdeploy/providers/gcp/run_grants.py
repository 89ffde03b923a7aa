"""Waiting for a grant to reach Cloud Run. Nothing can be awaited there: the same request is sent again.

https://cloud.google.com/iam/docs/access-change-propagation: two minutes usually, seven and more at worst.
"""

from __future__ import annotations

import re

from memdeploy.engine.step import Run

ATTEMPTS, PAUSE = 22, 20.0
_SPREADING = re.compile(r"permission denied on secret|(not|must) have (permission|access)", re.I)


def spreading(text: str) -> bool:
    """Whether this refusal may pass by itself."""
    return bool(_SPREADING.search(text))


def pause(run: Run) -> None:
    run.progress("waits for a grant to take effect")
    run.clock.sleep(PAUSE)
