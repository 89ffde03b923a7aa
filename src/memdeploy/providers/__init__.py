"""One package per place. `load` is the only way in, and loads only the provider asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memdeploy.config.model import Provider
from memdeploy.errors import UsageError

if TYPE_CHECKING:
    from memdeploy.providers.base import Cloud, Context


def load(provider: Provider | str) -> Callable[[Context], Cloud]:
    """`open_cloud(context) -> Cloud` of the provider. `UsageError` for one that this version does not have."""
    if provider == Provider.GCP:
        from memdeploy.providers.gcp.cloud import open_cloud

        return open_cloud
    if provider == Provider.LOCAL:
        from memdeploy.providers.local.cloud import open_local

        return open_local
    raise UsageError(
        f"provider {provider} is not in this version",
        code="not-in-this-version",
        where="provider",
        suggestion="Use --provider gcp (--rehearse needs no account) or --provider local.",
    )
