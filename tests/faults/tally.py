"""The fault table that ends a test run: what was injected how often, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.scenario import KINDS, base_seed
from tests.support import results

PROMISES = ("doubled", "orphaned", "lost", "leaked")
INJECTED = (*KINDS, "expires", "lease")
COLUMNS = ("what", "base seed", "seeds", *INJECTED, *PROMISES)


def add(what: str, struck: Mapping[str, int], found: Mapping[str, int]) -> None:
    """One more seed. `struck`: kind of fault -> how often; `found`: promise -> how often it was broken."""
    row = (what, base_seed(), 1, *(struck.get(kind, 0) for kind in INJECTED), *(found.get(p, 0) for p in PROMISES))
    results.record("faults", "Faults", COLUMNS, [row], keys=2)
