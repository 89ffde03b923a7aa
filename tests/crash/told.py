"""`memdeploy`, a step at a time, telling which crash points it passed: `python -m tests.crash.told FILE up …`."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from memdeploy.cli.entry import main
from memdeploy.engine.crash import VARIABLE, CrashPoints, Point
from memdeploy.lifecycle import session


def tell(path: Path) -> None:
    passed, wanted = CrashPoints.reached, os.environ.get(VARIABLE, "")

    def reached(self: CrashPoints, point: Point, step: str, verb: str) -> None:
        with path.open("a") as file:
            file.write(f"{point} {step} {verb}\n")
        # What a run took away before it was killed, the next one makes, not anew.
        again = verb == "create" and wanted.endswith(f":{step}:remake")
        passed(self, point, step, "remake" if again else verb)

    CrashPoints.reached = reached  # type: ignore[method-assign]
    session.RunOptions = functools.partial(session.RunOptions, max_parallel=1)  # type: ignore[misc, assignment]


if __name__ == "__main__":
    tell(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
