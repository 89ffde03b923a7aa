"""IAM Service Account Credentials v1: tokens for an account on behalf of those who may.

https://cloud.google.com/iam/docs/create-short-lived-credentials-direct. Owning the project is not enough: the caller
needs a binding with the Token Creator or OpenID Token Creator role, and that takes minutes to count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import identity
from memdeploy.rehearsal.access import Target, allows
from memdeploy.rehearsal.call import Call, Handler, stamp
from memdeploy.rehearsal.refusal import denied, invalid

DURATION = re.compile(r"(\d+)s")
MAX_LIFETIME = 3600


def generate_id_token(call: Call) -> Mapping[str, Any]:
    email = _account(call, "iam.serviceAccounts.getOpenIdToken")
    audience = call.body.get("audience")
    if not audience:
        raise invalid("The audience is required.")
    return {"token": identity.id_token(call.cloud, email, audience, with_email=bool(call.body.get("includeEmail")))}


def generate_access_token(call: Call) -> Mapping[str, Any]:
    email = _account(call, "iam.serviceAccounts.getAccessToken")
    if not call.body.get("scope"):
        raise invalid("At least one scope is required.")
    found = DURATION.fullmatch(call.body.get("lifetime") or "3600s")
    if found is None or not 0 < int(found[1]) <= MAX_LIFETIME:
        raise invalid("The lifetime must be at most 3600s.")
    lifetime = float(found[1])
    return {
        "accessToken": identity.access_token(call.cloud, email, lifetime),
        "expireTime": stamp(call.now + lifetime),
    }


def _account(call: Call, permission: str) -> str:
    """The account's email, once the caller's right counts. One answer for 'no right' and 'no such account'."""
    email = call.name.rsplit("/", 1)[-1]
    project = call.project_or_none
    name = f"projects/{project.id if project else '-'}/serviceAccounts/{email}"
    row = call.find(name, "iam")
    if project is None or row is None or not allows(call.cloud, call.caller, permission, project, Target("iam", name)):
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": "iam.googleapis.com",
            "metadata": {"permission": permission},
        }
        raise denied(f"Permission '{permission}' denied on resource (or it may not exist).", details=[info])
    return email


RULES: Mapping[str, Handler] = {
    "iamcredentials.projects.serviceAccounts.generateIdToken": generate_id_token,
    "iamcredentials.projects.serviceAccounts.generateAccessToken": generate_access_token,
}
