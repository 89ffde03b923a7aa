"""IAM policies: read, change one binding, write with the etag read; and `Grants`, the resource made of that.

Policies are JSON here, `{"bindings": [{"role", "members", "condition"?}], "etag", "version"}`, whichever client brings
them. Conditional bindings and everything that is not ours is carried over untouched.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from memdeploy.engine.step import Difference, Effect, Intent, Observed, Outputs, Run, State, Unknown, unknowns
from memdeploy.errors import CloudError, ErrorKind, StepFailed

Policy = dict[str, Any]
Bindings = Mapping[str, Iterable[str]]
"""Role -> members, such as `{"roles/run.invoker": ["user:a@b.c"]}`."""
ATTEMPTS = 5  # shared policies: several deployments may write at once, each takes the etag from the others


@dataclass(frozen=True)
class PolicyAccess:
    """How one resource's policy is read and written. `what` names it for people; `get` may raise NOT_FOUND."""

    what: str
    get: Callable[[], Policy]
    set: Callable[[Policy], Policy]


def from_proto(policy: Any) -> Policy:
    """`google.iam.v1.Policy` (GAPIC) as JSON; the etag becomes base64 text, as in JSON APIs."""
    from google.protobuf.json_format import MessageToDict

    found: Policy = MessageToDict(policy, preserving_proto_field_name=True)
    return found


def to_proto_fields(policy: Policy) -> Policy:
    """Arguments for a `google.iam.v1.Policy`: the etag as bytes again."""
    etag = policy.get("etag", "")
    return {**policy, "etag": base64.b64decode(etag) if isinstance(etag, str) else etag}


def gapic_access(client: Any, resource: str, what: str) -> PolicyAccess:
    """Policies of secrets and of Cloud Run services (`clients.secrets`, `clients.run_services`)."""
    return PolicyAccess(
        what,
        lambda: from_proto(client("get_iam_policy", resource=resource, options={"requested_policy_version": 3})),
        lambda policy: from_proto(client("set_iam_policy", resource=resource, policy=to_proto_fields(policy))),
    )


def discovery_access(
    api: Any, collection: str, resource: str, what: str, *, body_on_get: bool = False, version_option: bool = True
) -> PolicyAccess:
    """Policies over googleapiclient. Projects' and accounts' getIamPolicy is a POST, others' a GET."""
    options: dict[str, Any] = {}
    if body_on_get:
        options = {"body": {"options": {"requestedPolicyVersion": 3}}}
    elif version_option:
        options = {"options_requestedPolicyVersion": 3}
    return PolicyAccess(
        what,
        lambda: api(f"{collection}.getIamPolicy", resource=resource, **options),
        lambda policy: api(f"{collection}.setIamPolicy", resource=resource, body={"policy": policy}),
    )


# -- pure -------------------------------------------------------------------------------------------------------------


def members(policy: Policy, role: str) -> set[str]:
    """Members of the role without a condition."""
    return {
        member
        for binding in policy.get("bindings", [])
        if binding.get("role") == role and not binding.get("condition")
        for member in binding.get("members", [])
    }


def missing(policy: Policy, wanted: Bindings) -> dict[str, list[str]]:
    """What of `wanted` the policy does not hold."""
    lacking = {role: sorted(set(names) - members(policy, role)) for role, names in wanted.items()}
    return {role: names for role, names in lacking.items() if names}


def held(policy: Policy, unwanted: Bindings) -> dict[str, list[str]]:
    """What of `unwanted` the policy holds."""
    found = {role: sorted(set(names) & members(policy, role)) for role, names in unwanted.items()}
    return {role: names for role, names in found.items() if names}


def with_bindings(policy: Policy, wanted: Bindings) -> Policy:
    """The policy and the wanted members, at most once each."""
    bindings = [dict(binding) for binding in policy.get("bindings", [])]
    for role, names in wanted.items():
        binding = next((b for b in bindings if b.get("role") == role and not b.get("condition")), None)
        if binding is None:
            binding = {"role": role, "members": []}
            bindings.append(binding)
        binding["members"] = sorted({*binding.get("members", []), *names})
    return {**policy, "bindings": bindings}


def without_bindings(policy: Policy, unwanted: Bindings) -> Policy:
    """The policy without these members; a binding without members is left out."""
    bindings = []
    for binding in policy.get("bindings", []):
        drop = set() if binding.get("condition") else set(unwanted.get(binding.get("role", ""), ()))
        left = [member for member in binding.get("members", []) if member not in drop]
        if left:
            bindings.append({**binding, "members": left})
    return {**policy, "bindings": bindings}


# -- read, change, write ---------------------------------------------------------------------------------------------


def add(run: Run, access: PolicyAccess, wanted: Bindings) -> Policy:
    """Makes the policy hold `wanted`; writes only when something is missing."""
    return _converge(run, access, lambda policy: with_bindings(policy, wanted) if missing(policy, wanted) else None)


def remove(run: Run, access: PolicyAccess, unwanted: Bindings) -> None:
    """Takes `unwanted` off; silent when the resource or the members are gone."""
    try:
        _converge(run, access, lambda policy: without_bindings(policy, unwanted) if held(policy, unwanted) else None)
    except CloudError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise


def _converge(run: Run, access: PolicyAccess, change: Callable[[Policy], Policy | None]) -> Policy:
    for _ in range(ATTEMPTS):
        policy = run.read(access.get)
        wanted = change(policy)
        if wanted is None:
            return policy
        try:
            return run.change("setIamPolicy", access.what, _write(access, wanted)) or wanted
        except CloudError as error:
            if error.kind not in (ErrorKind.STALE, ErrorKind.CONFLICT):
                raise
    raise StepFailed(
        f"the IAM policy of {access.what} is changed by somebody else all the time",
        where=run.step,
        suggestion="Run the same command again.",
        retryable=True,
    )


def _write(access: PolicyAccess, policy: Policy) -> Callable[[Intent], Policy]:
    return lambda intent: access.set(policy)


# -- the resource -----------------------------------------------------------------------------------------------------


class Grants:
    """Members of roles in one resource's policy: added, never taken from anybody else, taken off at removal.

    Input `bindings`: role -> members. What was granted is noted before it is written, so that `remove` needs no input,
    and members that are no longer wanted are taken off.
    """

    kind = "iam.grants"

    def __init__(self, access: PolicyAccess) -> None:
        self.access = access

    def probe(self, run: Run) -> Observed:
        wanted, unknown = self._wanted(run)
        policy = run.find(self.access.get)
        if policy is None or (unknown and not run.notes.get("bindings")):
            return Observed(State.ABSENT, unknown=tuple(unknown))
        lacking, stale = missing(policy, wanted), held(policy, self._stale(run, wanted))
        if not lacking and not stale:
            return Observed(State.PRESENT, outputs={"members": _plain(wanted)}, unknown=tuple(unknown))
        if not run.notes.get("bindings"):
            return Observed(State.ABSENT, unknown=tuple(unknown))
        return Observed(State.DIFFERENT, _differences(lacking, stale), outputs={"members": _plain(wanted)})

    def ensure(self, run: Run) -> Outputs:
        wanted, _ = self._wanted(run)
        stale = self._stale(run, wanted)
        every = {role: sorted({*wanted.get(role, ()), *stale.get(role, ())}) for role in {*wanted, *stale}}
        if run.notes.get("bindings") != every:
            run.note(bindings=every)
        _converge(run, self.access, lambda policy: self._changed(policy, wanted, stale))
        if stale:
            run.note(bindings=_plain(wanted))
        run.apply({"bindings": _plain(wanted)})
        return {"members": _plain(wanted)}

    def remove(self, run: Run) -> None:
        remove(run, self.access, run.notes.get("bindings") or {})

    def recovered(self, run: Run) -> dict[str, Any]:
        """Without them `remove` would leave our members behind in a policy that stays."""
        wanted, _ = self._wanted(run)
        policy = run.find(self.access.get)
        ours = held(policy, wanted) if policy else {}
        return {"bindings": ours} if ours else {}

    def _changed(self, policy: Policy, wanted: Bindings, stale: Bindings) -> Policy | None:
        if not missing(policy, wanted) and not held(policy, stale):
            return None
        return with_bindings(without_bindings(policy, stale), wanted)

    def _wanted(self, run: Run) -> tuple[dict[str, list[str]], list[Unknown]]:
        """Members known so far, and those that a plan cannot know yet."""
        given: Mapping[str, Iterable[Any]] = run.inputs.get("bindings", {})
        wanted = {role: sorted({m for m in names if isinstance(m, str)}) for role, names in given.items()}
        return wanted, unknowns(given)

    def _stale(self, run: Run, wanted: Bindings) -> dict[str, list[str]]:
        before: Bindings = run.notes.get("bindings") or {}
        gone = {role: sorted(set(names) - set(wanted.get(role, ()))) for role, names in before.items()}
        return {role: names for role, names in gone.items() if names}


def _plain(bindings: Bindings) -> dict[str, list[str]]:
    return {role: sorted(names) for role, names in bindings.items()}


def _differences(lacking: Bindings, stale: Bindings) -> tuple[Difference, ...]:
    added = [Difference(f"bindings.{role}", None, sorted(n), Effect.IN_PLACE) for role, n in lacking.items()]
    dropped = [Difference(f"bindings.{role}", sorted(n), None, Effect.IN_PLACE) for role, n in stale.items()]
    return (*added, *dropped)
