"""Tokens that this cloud gives out, and who a request comes from. Signed with a key that only its secret file holds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Cloud

KEY = "rehearsal/token-key"
ACCESS_PREFIX = "ya29.r."
ACCESS_LIFETIME = 3600.0
ISSUER = "https://accounts.google.com"


def access_token(cloud: Cloud, email: str, lifetime: float = ACCESS_LIFETIME) -> str:
    """An OAuth access token of a service account, as the metadata server and generateAccessToken give it."""
    return ACCESS_PREFIX + _signed(cloud, {"email": email, "exp": cloud.now + lifetime})


def account_of(cloud: Cloud, token: str) -> str | None:
    """The email whose access token this is; None for anything else, expired ones included."""
    if not token.startswith(ACCESS_PREFIX):
        return None
    claims = _verified(cloud, token.removeprefix(ACCESS_PREFIX))
    if claims is None or claims.get("exp", 0) < cloud.now:
        return None
    return str(claims["email"])


def id_token(cloud: Cloud, email: str, audience: str, *, with_email: bool = True) -> str:
    """A JWT with the claims of Google's identity tokens. https://cloud.google.com/docs/authentication/token-types#id"""
    header = _part({"alg": "HS256", "kid": cloud.id, "typ": "JWT"})
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "azp": email,
        "sub": _subject(email),
        **({"email": email, "email_verified": True} if with_email else {}),
        "iat": int(cloud.now),
        "exp": int(cloud.now) + 3600,
    }
    signed = f"{header}.{_part(claims)}"
    return f"{signed}.{_signature(cloud, signed)}"


def id_claims(cloud: Cloud, token: str) -> Mapping[str, Any] | None:
    """The claims of an unexpired identity token of this cloud (check `aud` yourself); None for anything else."""
    signed, _, signature = token.rpartition(".")
    if signed.count(".") != 1 or not _same(_signature(cloud, signed), signature):
        return None
    claims: dict[str, Any] = json.loads(_decoded(signed.split(".")[1]))
    return claims if claims.get("exp", 0) >= cloud.now else None


def _subject(email: str) -> str:
    return str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big"))


def _signed(cloud: Cloud, claims: Mapping[str, Any]) -> str:
    part = _part(claims)
    return f"{part}.{_signature(cloud, part)}"


def _verified(cloud: Cloud, token: str) -> dict[str, Any] | None:
    part, _, signature = token.partition(".")
    if not _same(_signature(cloud, part), signature):
        return None
    claims: dict[str, Any] = json.loads(_decoded(part))
    return claims


def _same(one: str, other: str) -> bool:
    """Of texts of any letters."""
    return hmac.compare_digest(one.encode(), other.encode(errors="surrogateescape"))


def _signature(cloud: Cloud, text: str) -> str:
    return _encoded(hmac.digest(_key(cloud), text.encode(), "sha256"))


def _key(cloud: Cloud) -> bytes:
    key = cloud.store.secrets.get(KEY)
    if key is None:
        key = secrets.token_bytes(32)
        cloud.store.secrets.put(KEY, key)
    return key


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
