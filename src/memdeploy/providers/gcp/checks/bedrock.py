"""Amazon Bedrock: does it take the credentials, and has it both models. One free call, no tokens spent.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from memdeploy.config.model import ModelOptions
from memdeploy.errors import CloudError
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed, warning
from memdeploy.secret import Secret

_TIMEOUT = 20.0
#: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
_BAD_KEY = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidClientTokenId",
        "IncompleteSignature",
        "ExpiredTokenException",
        "MissingAuthenticationTokenException",
    }
)
#: A profile that spreads one model over regions: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
_SPREAD = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|global)\.")


def answers(facts: Facts, model: ModelOptions, given: Secret) -> Iterable[Finding]:
    url = f"https://bedrock.{model.region}.amazonaws.com/foundation-models"
    found = facts.ask_stranger(lambda: _get(facts, str(model.region), url, given))
    if isinstance(found, CloudError):
        yield warning("model", "model-unreachable", f"{url} does not answer from here", "Check model.region.")
        return
    error = str(found.headers.get("x-amzn-ErrorType", "")).partition(":")[0]
    if error in _BAD_KEY:
        yield failed("model", "model-key-refused", f"Amazon Bedrock answered {error}", "Give other credentials.")
    elif error == "AccessDeniedException":
        text = "the credentials are good, but may not list models (bedrock:ListFoundationModels)"
        yield warning("model", "model-unlisted", text)
    elif found.status_code != 200:
        yield warning("model", "model-unlisted", f"Amazon Bedrock answered {found.status_code}: no list of models")
    else:
        yield _listed(found, model)


def _get(facts: Facts, region: str, url: str, given: Secret) -> Any:
    from google.auth import aws  # its signer, which is there for identities that AWS gives

    parts = json.loads(given.reveal())
    credentials = aws.AwsSecurityCredentials(parts["AccessKeyId"], parts["SecretAccessKey"], parts.get("SessionToken"))
    signed = aws.RequestSigner(region).get_request_options(credentials, url, "GET")
    return facts.scope.clients.http().get(url, headers=signed["headers"], timeout=_TIMEOUT)


def _listed(answer: Any, model: ModelOptions) -> Finding:
    try:
        known = {str(entry["modelId"]) for entry in answer.json()["modelSummaries"]}
    except (ValueError, KeyError, TypeError):
        return warning("model", "model-unlisted", "the list of models cannot be read")
    missing = [name for name in (model.chat, model.embedding) if _SPREAD.sub("", name) not in known]
    if not missing:
        return passed("model", "the credentials are good, both models are there")
    text = f"the credentials are good, but Amazon Bedrock does not list {', '.join(missing)} in {model.region}"
    return warning("model", "model-unlisted", text, "Check model.chat, model.embedding and model.region.")
