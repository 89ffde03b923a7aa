"""AWS credentials for Amazon Bedrock, from wherever people keep them, as the one value that is stored.

The stored form is the AWS tools' own for credentials that a process gives (`aws configure export-credentials`):
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import configparser
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memdeploy.config.errors import ConfigError
from memdeploy.secret import Secret

ACCESS_KEY_ID, SESSION_TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"
_OPTION = "model.key"
_FORMS = "A file holds what `aws configure export-credentials` prints, or is an AWS credentials file with [default]."


@dataclass(frozen=True)
class Credentials:
    """`session_token` is empty for keys that do not end."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret

    def secret(self) -> Secret:
        stored = {
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key.reveal(),
            **({"SessionToken": self.session_token.reveal()} if self.session_token else {}),
        }
        return Secret(json.dumps(stored))


def from_environment(name: str, environ: Mapping[str, str]) -> Credentials:
    """`name` holds the secret access key, with AWS's own variables beside it; or all of it in the stored form."""
    text = environ[name]
    if text.lstrip().startswith("{"):
        return _from_json(text, f"the variable {name}")
    return made(environ.get(ACCESS_KEY_ID, ""), text, environ.get(SESSION_TOKEN, ""), f"the variable {name}")


def from_file(text: str, where: str) -> Credentials:
    if text.lstrip().startswith("{"):
        return _from_json(text, where)
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(text)
    except configparser.Error:
        # Without the cause: its text shows lines of the file.
        raise ConfigError(f"{where} holds no AWS credentials", where=_OPTION, suggestion=_FORMS) from None
    if not parser.has_section("default"):
        raise ConfigError(f"{where} has no profile [default]", where=_OPTION, suggestion=_FORMS)
    found = dict(parser["default"])
    return made(
        found.get("aws_access_key_id", ""), found.get("aws_secret_access_key", ""),
        found.get("aws_session_token", ""), where,
    )  # fmt: skip


def made(access_key_id: str, secret_access_key: str, session_token: str, where: str) -> Credentials:
    """Raises `ConfigError` that names what is missing; white space around a value is left out."""
    parts = {"the access key id": access_key_id.strip(), "the secret access key": secret_access_key.strip()}
    missing = " and ".join(what for what, value in parts.items() if not value)
    if missing:
        raise ConfigError(
            f"AWS credentials in {where}: {missing} is missing", where=_OPTION,
            suggestion=f"Set {ACCESS_KEY_ID} beside it, or name a file. {_FORMS}",
        )  # fmt: skip
    return Credentials(parts["the access key id"], Secret(secret_access_key.strip()), Secret(session_token.strip()))


def _from_json(text: str, where: str) -> Credentials:
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise ConfigError(f"{where} holds no AWS credentials", where=_OPTION, suggestion=_FORMS) from None
    told = [found.get(name) or "" for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    if not all(isinstance(value, str) for value in told):
        raise ConfigError(f"{where} holds no AWS credentials", where=_OPTION, suggestion=_FORMS)
    return made(told[0], told[1], told[2], where)
