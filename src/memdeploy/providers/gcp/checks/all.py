"""The list of checks, and how it is gone through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.gcp.checks import (
    accounts,
    identity,
    local,
    model,
    neo4j,
    place,
    policy,
    project,
    upstream,
)
from memdeploy.providers.gcp.checks.facts import Facts

Check = Callable[[Facts], Iterable[Finding]]

#: Need no answer of the cloud's: what they find is told even when nobody is signed in.
ALONE: tuple[Check, ...] = (local.release, model.key, model.spelled, place.tier)
#: One after the other; each stops the rest when it fails.
FIRST: tuple[Check, ...] = (identity.credentials, project.project)
#: Side by side.
TOGETHER: tuple[Check, ...] = (
    project.billing,
    project.held,
    place.region,
    place.machine,
    neo4j.external,
    place.network,
    policy.policies,
    identity.caller,
    identity.clock,
    upstream.tag,
)
#: For doctor: `up` finds these out itself, or can do without.
THOROUGH: tuple[Check, ...] = (project.services, local.engine, model.answers, accounts.accounts)


def examine(facts: Facts) -> list[Finding]:
    """All that apply, in the order of the lists. Without credentials or a project there is nothing more to ask."""
    found = [finding for check in ALONE for finding in check(facts)]
    for check in FIRST:
        found += check(facts)
        if failures(found, {finding.check for finding in found if finding.check in ("credentials", "project")}):
            return found
    chosen = TOGETHER + (THOROUGH if facts.thorough else ())
    with ThreadPoolExecutor(len(chosen)) as pool:
        for part in pool.map(lambda check: list(check(facts)), chosen):
            found += part
    return found


def failures(findings: Sequence[Finding], of: Iterable[str] | None = None) -> list[Finding]:
    """Those that FAILED, of these checks where given."""
    among = None if of is None else set(of)
    return [f for f in findings if f.verdict is Verdict.FAILED and (among is None or f.check in among)]
