"""Organisation policies, as Resource Manager v1 tells them. What a world's project lists under `policies`:

`sql.restrictPublicIp: true` (a boolean constraint), `run.allowedIngress: {allowed: [internal]}`, `{denied: [...]}` or
`{all: deny}` (a list constraint). https://cloud.google.com/resource-manager/reference/rest/v1/Policy
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.refusal import invalid

PREFIX = "constraints/"
#: List constraints (what is not here is a boolean one), all of which allow everything by default:
#: https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
LISTS = frozenset(
    {"cloudbuild.allowedWorkerPools", "compute.restrictNonConfidentialComputing", "compute.restrictVpcPeering",
     "compute.trustedImageProjects", "gcp.resourceLocations", "gcp.restrictNonCmekServices",
     "gcp.restrictServiceUsage", "iam.allowedPolicyMemberDomains", "run.allowedBinaryAuthorizationPolicies",
     "run.allowedIngress", "run.allowedVPCEgress"}
)  # fmt: skip
_DEFAULT = {"listPolicy": {"allValues": "ALLOW"}}


def effective(call: Call) -> Mapping[str, Any]:
    """A constraint that nobody set answers with its default: of a boolean one that is not being enforced."""
    constraint = str(call.body.get("constraint") or "")
    if not constraint.startswith(PREFIX):
        raise invalid(f"Invalid constraint name: {constraint}")
    name = constraint.removeprefix(PREFIX)
    default = _DEFAULT if name in LISTS else {}
    return {"constraint": constraint, **(_policy(call.project.policies.get(name)) or default)}


def permits(policies: Mapping[str, Any], constraint: str, value: str) -> bool:
    """Whether a list constraint lets this value pass, as the service that asks it would."""
    found = _policy(policies.get(constraint)).get("listPolicy", {})
    if found.get("allValues") == "DENY" or _named(found.get("deniedValues"), value):
        return False
    return not found.get("allowedValues") or _named(found["allowedValues"], value)


def _named(values: Any, value: str) -> bool:
    return bool({value, f"is:{value}"} & set(values or ()))


def _policy(given: Any) -> dict[str, Any]:
    """A bare value or list is what is allowed."""
    if given is None:
        return {}
    if isinstance(given, bool):
        return {"booleanPolicy": {"enforced": True} if given else {}}
    if isinstance(given, str | list | tuple):
        given = {"allowed": [given] if isinstance(given, str) else list(given)}
    if str(given.get("all", "")).lower() == "deny":
        return {"listPolicy": {"allValues": "DENY"}}
    lists = {"allowedValues": given.get("allowed"), "deniedValues": given.get("denied")}
    return {"listPolicy": {name: values for name, values in lists.items() if values}}


RULES: Mapping[str, Handler] = {"cloudresourcemanager.projects.getEffectiveOrgPolicy": effective}
