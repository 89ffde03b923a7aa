"""The environment of processes that run here: what they need, and nothing else of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from memdeploy.providers.local.embedded import layout
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.vault import reveal
from memdeploy.providers.model_variables import of_model
from memdeploy.secret import SecretRef

#: What leads to a model's provider from this machine, and where it may put temporary files.
_PASSED = ("TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_LOOPBACK = "127.0.0.1,localhost"


def of_service(scope: Scope, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how MemMachine runs: variable -> text, or SecretRef JSON, or `Unknown` in a plan. It is written
    down and compared. `inputs`: `nltk` (a folder), `key`, `model_url` (of the offline model)."""
    return {
        "MEMMACHINE_RELEASE": scope.deployment.release,
        "DATA_FOLDER": str(layout.data(scope)),
        "RUN_FOLDER": str(layout.run(scope)),
        "NLTK_DATA": inputs["nltk"],
        "HOST": "127.0.0.1",
        "PORT": str(scope.port),
        "LOCAL_ONLY": "yes",
        **of_model(scope.deployment.model, inputs["key"], inputs.get("model_url")),
    }


def around(scope: Scope, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every process here is given besides. Its HOME is the deployment's own folder: nothing is read from, or left
    in, the user's."""
    passed = {name: environ[name] for name in _PASSED if name in environ}
    before = environ.get("NO_PROXY") or environ.get("no_proxy")
    none = f"{before},{_LOOPBACK}" if before else _LOOPBACK
    return {
        **passed,
        "NO_PROXY": none,
        "no_proxy": none,
        "PATH": os.defpath,
        "HOME": str(layout.run(scope)),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "MEMDEPLOY_DEPLOYMENT": scope.context.id,
    }


def revealed(scope: Scope, values: Mapping[str, Any]) -> dict[str, str]:
    """With the secrets themselves: for the call that starts a process, and nothing else."""
    return {name: _text(scope, value) for name, value in values.items()}


def _text(scope: Scope, value: Any) -> str:
    return value if isinstance(value, str) else reveal(scope, SecretRef.from_json(value)).reveal()
