"""Organisation policies that forbid what this deployment needs.

Asked of Resource Manager v1, which is on anyway; the Organisation Policy API would be one more to switch on.
https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from memdeploy.config.model import Access, Deployment
from memdeploy.errors import CloudError
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp import modes
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning

_EXCEPTION = "Ask whoever looks after the organisation for an exception for this project"
Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """`matters`: does this deployment need what it may forbid; `judged`: from the effective policy to what it forbids
    (None: nothing) and whether that is certain."""

    constraint: str
    needs: str
    matters: Callable[[Deployment], bool]
    judged: Callable[[Policy, Facts], bool | None]
    instead: str = ""


def enforced(policy: Policy, facts: Facts) -> bool | None:
    return bool(policy.get("booleanPolicy", {}).get("enforced")) or None


def excluded(*values: str) -> Callable[[Policy, Facts], bool | None]:
    """Certain when the list leaves these values out."""

    def judged(policy: Policy, facts: Facts) -> bool | None:
        return None if any(_allowed(policy, value) for value in values) else True

    return judged


def perhaps(policy: Policy, facts: Facts) -> bool | None:
    """A list whose values we cannot resolve from here (customer ids, `under:` folders, groups of places)."""
    found = policy.get("listPolicy", {})
    if found.get("allValues") == "DENY":
        return True
    return False if found.get("allowedValues") or found.get("deniedValues") else None


def denied(*values: str) -> Callable[[Policy, Facts], bool | None]:
    """Certain when one of these is denied, for a constraint whose lists name what is restricted."""

    def judged(policy: Policy, facts: Facts) -> bool | None:
        found = policy.get("listPolicy", {})
        named = {str(value).removeprefix("is:") for value in found.get("deniedValues", [])}
        return True if found.get("allValues") == "DENY" or named & set(values) else None

    return judged


def lists(policy: Policy, facts: Facts) -> bool | None:
    """Certain when anything is listed at all: what is asked for there is not what we make."""
    return True if _restricted(policy) else None


def services(policy: Policy, facts: Facts) -> bool | None:
    """https://cloud.google.com/resource-manager/docs/organization-policy/restricting-resources: either list."""
    return None if all(_allowed(policy, name) for name in _made_of(facts)) else True


def own_keys(policy: Policy, facts: Facts) -> bool | None:
    """https://cloud.google.com/kms/docs/cmek-org-policy: the services that are denied to go without."""
    return denied(*_made_of(facts))(policy, facts)


def _made_of(facts: Facts) -> tuple[str, ...]:
    """Those that the constraints can name; IAM, logging and the like cannot be restricted."""
    names = ["artifactregistry", "run", "secretmanager", "sqladmin"]
    if modes.network(facts.scope.deployment):
        names.append("compute")
    return tuple(f"{name}.googleapis.com" for name in names)


def pools(policy: Policy, facts: Facts) -> bool | None:
    """We build in no pool of anybody's; an engine on this machine needs none."""
    return False if _restricted(policy) else None


def _restricted(policy: Policy) -> bool:
    """A list that nobody set is answered as `allValues: ALLOW`, its default."""
    found = policy.get("listPolicy", {})
    return bool(found) and found.get("allValues") != "ALLOW"


def located(policy: Policy, facts: Facts) -> bool | None:
    """By the region's name or its own group; what is in a larger group (`in:europe-locations`) we do not know."""
    found, scope = policy.get("listPolicy", {}), facts.scope
    allowed, denied = set(found.get("allowedValues", [])), set(found.get("deniedValues", []))
    own = {scope.region, f"is:{scope.region}", f"in:{scope.region}-locations"}
    if found.get("allValues") == "DENY" or denied & {*own, scope.zone, f"is:{scope.zone}"}:
        return True
    if any(value.startswith("in:") for value in denied):
        return False
    if not allowed or own & allowed:
        return None
    return not any(value.startswith("in:") for value in allowed)


def _allowed(policy: Policy, value: str) -> bool:
    """`is:` before a value is as none.
    https://cloud.google.com/resource-manager/docs/organization-policy/understanding-constraints#list"""
    found, either = policy.get("listPolicy", {}), {value, f"is:{value}"}
    if found.get("allValues") == "DENY" or either & set(found.get("deniedValues", [])):
        return False
    return bool(either & set(found["allowedValues"])) if found.get("allowedValues") else True


def _always(deployment: Deployment) -> bool:
    return True


def _strangers(deployment: Deployment) -> bool:
    return deployment.service.access is not Access.PRIVATE


RULES: tuple[Rule, ...] = (
    Rule("iam.disableServiceAccountCreation", "service accounts of its own", _always, enforced),
    Rule("gcp.resourceLocations", "resources in this region", _always, located, "choose another --region"),
    Rule("run.allowedIngress", "a service that is reached from outside (ingress all)", _always, excluded("all")),
    Rule(
        "run.allowedVPCEgress", "egress of private ranges only", modes.network, excluded("private-ranges-only")
    ),
    Rule("sql.restrictPublicIp", "the database's public address, by which the connector reaches it", modes.connector,
         enforced, "set postgres.connectivity: private"),
    Rule("compute.restrictVpcPeering", "the peering with Google's services", modes.network, perhaps),
    Rule(
        "compute.trustedImageProjects", "Container-Optimized OS (projects/cos-cloud)", modes.vm,
        excluded("projects/cos-cloud", "under:projects/cos-cloud"),
    ),
    Rule("compute.disableGuestAttributesAccess", "guest attributes, by which Neo4j's machine says it is ready",
         modes.vm, enforced),
    Rule("compute.restrictNonConfidentialComputing", "machines that are not confidential ones", modes.vm,
         denied("compute.googleapis.com")),
    Rule("gcp.restrictServiceUsage", "the services it is made of", _always, services),
    Rule("gcp.restrictNonCmekServices", "encryption with Google's own keys", _always, own_keys),
    Rule("run.allowedBinaryAuthorizationPolicies", "a service without Binary Authorization", _always, lists),
    Rule("cloudbuild.allowedWorkerPools", "builds outside of a worker pool", _always, pools,
         "build with a container engine on this machine"),
    Rule(
        "iam.allowedPolicyMemberDomains", "callers from outside the organisation", _strangers, perhaps,
        "name only members of the organisation",
    ),
)  # fmt: skip


def policies(facts: Facts) -> Iterable[Finding]:
    """One finding for each that forbids, or one for all when none does."""
    if not facts.on("cloudresourcemanager"):
        yield warning("policies", "not-readable", "the Cloud Resource Manager API is off: cannot be asked before `up`")
        return
    rules = [rule for rule in RULES if rule.matters(facts.scope.deployment)]
    with ThreadPoolExecutor(len(rules)) as pool:
        answers = list(pool.map(lambda rule: _effective(facts, rule), rules))
    found = [_finding(rule, answer, facts) for rule, answer in zip(rules, answers, strict=True)]
    told = [finding for finding in found if finding is not None]
    yield from told or [passed("policies", f"none of {len(rules)} forbids anything that is needed")]


def _effective(facts: Facts, rule: Rule) -> Policy | CloudError:
    clients, scope = facts.scope.clients, facts.scope
    return facts.ask(
        lambda: clients.resourcemanager_v1(
            "projects.getEffectiveOrgPolicy",
            resource=scope.names.project_path,
            body={"constraint": f"constraints/{rule.constraint}"},
        )
    )


def _finding(rule: Rule, answer: Policy | CloudError, facts: Facts) -> Finding | None:
    check = f"policy.{rule.constraint}"
    if isinstance(answer, CloudError):
        return warning(check, "not-readable", f"could not be read ({answer.message})") if facts.thorough else None
    certain = rule.judged(answer, facts)
    if certain is None:
        return None
    text = f"constraints/{rule.constraint} forbids {rule.needs}"
    remedy = f"{_EXCEPTION}{', or ' + rule.instead if rule.instead else ''}."
    if certain:
        return failed(check, "policy-forbids", text, remedy)
    return warning(check, "policy-restricts", text.replace("forbids", "restricts"), remedy)
