"""What a test may turn, where nothing but a rehearsal or this machine can be harmed (as `engine.crash`)."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.errors import MemdeployError
from memdeploy.state.deployments import Place
from memdeploy.state.lease import TERM

LEASE = "MEMDEPLOY_TEST_LEASE"
"Seconds that the lease of a deployment is good for without being renewed."


def term(place: Place, environ: Mapping[str, str]) -> float:
    """`state.lease.TERM`, but for a test of what is bound to no real cloud."""
    wanted = environ.get(LEASE)
    if wanted is None:
        return TERM
    try:
        journal = place.read()
    except MemdeployError:
        return TERM
    return float(wanted) if journal.rehearsal is not None or journal.provider == "local" else TERM
