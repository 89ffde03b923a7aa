"""One of many that hold what is shared, each for a moment. Arguments: state root, a number.

Takes the first free number as its range: reads what is journalled and writes its own beside it, under the lease.
"""

from __future__ import annotations

import sys
from pathlib import Path

from memdeploy.engine.ledger import Noted
from memdeploy.state.deployments import Deployments


def main(root: str, number: str) -> int:
    deployments = Deployments(Path(root))
    place = deployments.shared("gcp-proj-1-r", marker="shared-r", binding="rehearsal-1", provider="gcp", identity={})
    assert place is not None
    with place.acquire("up", wait=100.0) as lease:
        writer = place.write(lease)
        taken = {record.notes["range"] for record in writer.snapshot.steps.values()}
        free = min(set(range(100)) - taken)
        lease.check()
        writer.commit(f"deployment-{number}", Noted({"range": free}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
