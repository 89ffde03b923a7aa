"""A second process that holds the lease. Arguments: state root, file with the seconds its boot clock is ahead.

Says `ready` when it holds lease and journal; for each line it reads, it checks the lease and commits a transition, and
says `committed` or the error's code. Leaves with the error's exit code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from memdeploy.engine.clock import boottime
from memdeploy.engine.ledger import Noted
from memdeploy.errors import MemdeployError
from memdeploy.state.deployments import Deployments
from memdeploy.state.lease import Clocks


def main(root: str, ahead: str) -> int:
    clocks = Clocks(boottime=lambda: boottime() + float(Path(ahead).read_text()))
    place = Deployments(Path(root), clocks=clocks).open("toys")
    lease = place.acquire("up")
    journal = place.write(lease)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            if line.strip() == "checked":
                lease.check()
            journal.commit("step", Noted({"by": "the holder"}))
        except MemdeployError as error:
            print(error.code, flush=True)
            return error.exit_code
        print("committed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
