"""Which registry is shown our token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.providers.gcp import image_registry
from memdeploy.secret import Secret


@pytest.mark.parametrize(
    ("repository", "shown"),
    [
        ("europe-west1-docker.pkg.dev/acme-prod-1/memdeploy/app", True),
        ("registry.example/acme-prod-1/memdeploy/app", False),
        ("europe-west1-docker.pkg.dev.example/acme-prod-1/app", False),
        ("europe-west1-docker.pkg.dev@registry.example/app", False),
        ("europe-west1-docker.pkg.dev:443@registry.example/app", False),
        ("127.0.0.1:5000/app", False),
    ],
)
def test_only_artifact_registry_is_shown_the_token(repository: str, shown: bool) -> None:
    sent: list[dict[str, str]] = []

    def head(url: str, headers: dict[str, str], allow_redirects: bool) -> Any:
        assert not allow_redirects
        sent.append(headers)
        return SimpleNamespace(status_code=404)

    clients: Any = SimpleNamespace(
        http=lambda: SimpleNamespace(head=head), access_token=lambda: Secret("ya29.canary"), rehearsal=None
    )
    assert image_registry.digest(clients, repository, "tag") is None
    assert ("Authorization" in sent[0]) is shown
