"""Who holds an access token. https://cloud.google.com/docs/authentication/token-types#access-contents"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal import identity
from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.refusal import Refusal

SCOPES = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/cloud-platform"


def tokeninfo(call: Call) -> Mapping[str, Any]:
    token = call.text("access_token")
    account = identity.account_of(call.cloud, token)
    if not token or (token.startswith(identity.ACCESS_PREFIX) and account is None):
        raise Refusal(400, "INVALID_ARGUMENT", "Invalid Value", reason="invalid_token")
    email = account or call.cloud.owner.partition(":")[2]
    return {"email": email, "email_verified": "true", "scope": SCOPES, "expires_in": "3599", "access_type": "online"}


def userinfo(call: Call) -> Mapping[str, Any]:
    return {"email": call.caller.partition(":")[2], "verified_email": True, "id": call.cloud.id}


RULES: Mapping[str, Handler] = {
    "oauth2.tokeninfo": tokeninfo,
    "oauth2.userinfo.get": userinfo,
    "oauth2.userinfo.v2.me.get": userinfo,
}
