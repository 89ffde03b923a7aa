"""Service accounts of ours that somebody deleted: one made anew under the same name is another identity."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, passed, warning


def accounts(facts: Facts) -> Iterable[Finding]:
    """https://cloud.google.com/iam/docs/service-accounts-delete-undelete: within 30 days it can be brought back."""
    known = {name: out for name, out in facts.scope.context.records.items() if name.startswith("account.")}
    if not known or not facts.on("iam"):
        return
    lost = [name for name in known if _gone(facts, str(known[name].get("email")))]
    for name in lost:
        out = known[name]
        yield warning(
            "accounts", "account-deleted", f"{out.get('email')} was deleted by somebody",
            f"`gcloud iam service-accounts undelete {out.get('unique_id')}` brings the same identity back within 30"
            " days; `up` makes a new one and grants it what the old one had.",
        )  # fmt: skip
    if not lost:
        yield passed("accounts", f"all {len(known)} are there")


def _gone(facts: Facts, email: str) -> bool:
    found = facts.ask(
        lambda: facts.scope.clients.iam("projects.serviceAccounts.get", name=f"projects/-/serviceAccounts/{email}")
    )
    return isinstance(found, CloudError) and found.kind is ErrorKind.NOT_FOUND
