"""`memdeploy` on a machine whose wall clock is set by so many seconds in the middle of it:
`python -m tests.crash.jumping SECONDS up …`. It jumps when the first change of a step after the network is made."""

from __future__ import annotations

import sys
import time

_real, _ahead = time.time, [0.0]
time.time = lambda: _real() + _ahead[0]  # before anybody takes the real one

from memdeploy.cli.entry import main  # noqa: E402
from memdeploy.engine.crash import CrashPoints, Point  # noqa: E402

JUMPS_AT = (Point.AFTER_CALL, "network.subnet")


def set_clock(seconds: float) -> None:
    passed = CrashPoints.reached

    def reached(self: CrashPoints, point: Point, step: str, verb: str) -> None:
        if (point, step) == JUMPS_AT and not _ahead[0]:
            _ahead[0] = seconds
            sys.stderr.write("the clock was set\n")
        passed(self, point, step, verb)

    CrashPoints.reached = reached  # type: ignore[method-assign]


if __name__ == "__main__":
    set_clock(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
