"""Keys of service accounts. https://cloud.google.com/iam/docs/keys-create-delete

The private half is in the answer to `create` and nowhere else, as with the real one. This cloud takes no token that is
signed with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from memdeploy.rehearsal.call import Call, Handler, stamp
from memdeploy.rehearsal.refusal import failed_precondition, invalid, not_found
from memdeploy.rehearsal.store import Row

Find = Callable[[Call, str], Row]
Json = Mapping[str, Any]
_FOREVER = "9999-12-31T23:59:59Z"
_MOST = 10  # https://cloud.google.com/iam/quotas: keys a service account
_PEM = serialization.Encoding.PEM


def rules(account: Find) -> Mapping[str, Handler]:
    """`account` finds the service account by what the path calls it."""
    base = "iam.projects.serviceAccounts.keys"
    verbs = {"create": _create, "get": _get, "list": _list, "delete": _delete}
    return {f"{base}.{verb}": partial(_with_account, account, handler) for verb, handler in verbs.items()}


def _with_account(find: Find, handler: Callable[[Call, Row, str], Json], call: Call) -> Json:
    email, _, key = call.name.split("/serviceAccounts/")[1].partition("/keys")
    return handler(call, find(call, email), key.lstrip("/"))


def _create(call: Call, account: Row, _: str) -> Json:
    if call.project.policies.get("iam.disableServiceAccountKeyCreation"):
        raise failed_precondition("Key creation is not allowed on this service account.")
    if len(_keys(call, account)) >= _MOST:
        raise failed_precondition("Maximum number of keys on account reached.")
    if call.body.get("privateKeyType") == "TYPE_PKCS12_FILE" or call.body.get("keyAlgorithm") == "KEY_ALG_RSA_1024":
        raise invalid("The rehearsal makes 2048 bit keys as a Google credentials file only.")
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = pair.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = pair.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    id_ = hashlib.sha1(public, usedforsecurity=False).hexdigest()
    body = {
        "name": f"{account.name}/keys/{id_}",
        "validAfterTime": stamp(call.now),
        "validBeforeTime": _FOREVER,
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
    }
    call.save("ServiceAccountKey", body["name"], body)
    file = _file(account.body, id_, private)
    return {**body, "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": file}


def _get(call: Call, account: Row, key: str) -> Json:
    return _key(call, account, key).body


def _list(call: Call, account: Row, _: str) -> Json:
    return {"keys": [row.body for row in _keys(call, account)]}


def _delete(call: Call, account: Row, key: str) -> Json:
    call.store.delete("iam", _key(call, account, key).name)
    return {}


def _keys(call: Call, account: Row) -> list[Row]:
    return call.store.children("iam", f"{account.name}/keys")


def _key(call: Call, account: Row, key: str) -> Row:
    row = call.find(f"{account.name}/keys/{key}")
    if row is None:
        raise not_found(f"Service account key {key} does not exist.")
    return row


def _file(account: Json, id_: str, private: str) -> str:
    email = str(account["email"])
    certificates = "https://www.googleapis.com"
    credentials = {
        "type": "service_account",
        "project_id": account["projectId"],
        "private_key_id": id_,
        "private_key": private,
        "client_email": email,
        "client_id": account["uniqueId"],
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": f"{certificates}/oauth2/v1/certs",
        "client_x509_cert_url": f"{certificates}/robot/v1/metadata/x509/{email.replace('@', '%40')}",
        "universe_domain": "googleapis.com",
    }
    return base64.b64encode(json.dumps(credentials, indent=2).encode()).decode()
