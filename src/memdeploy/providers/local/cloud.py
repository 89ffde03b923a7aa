"""`providers.base.Cloud` for this machine. Opening one does no I/O and loads no SDK."""

from __future__ import annotations

from memdeploy.config.local import Runtime
from memdeploy.config.model import Access, Deployment
from memdeploy.errors import UsageError
from memdeploy.providers.base import Cloud, Context
from memdeploy.providers.local.scope import Scope


def open_local(context: Context) -> Cloud:
    """Raises `UsageError` or `Refused` for what this provider cannot do."""
    _check(context.deployment)
    scope = Scope.open(context)
    if context.deployment.local.runtime is Runtime.EMBEDDED:
        from memdeploy.providers.local.embedded.cloud import Embedded

        return Embedded(scope)
    from memdeploy.providers.local.containers.cloud import Containers

    return Containers(scope)


def _check(deployment: Deployment) -> None:
    if deployment.service.access is not Access.PRIVATE:
        raise UsageError(
            f"access {deployment.service.access} is not for local deployments: they listen on 127.0.0.1 only",
            code="local-access",
            where="service.access",
            suggestion="Leave it out; MemMachine itself asks nobody who they are.",
        )
