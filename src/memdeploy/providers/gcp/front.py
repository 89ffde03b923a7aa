"""The service before there is anything to serve: its address and its policy exist, and it can have no instance.

Who may call is known everywhere minutes after it was granted
(https://cloud.google.com/iam/docs/access-change-propagation), and can be granted only on what exists. So the service is
made while the databases still are, scaled to zero by hand: what is asked of it is refused, whoever asks
(https://cloud.google.com/run/docs/configuring/services/manual-scaling), and its first revision is not started to be
checked (`healthCheckDisabled`). `Service` then gives it a template to run and the right to scale.
"""

from __future__ import annotations

from typing import Any

from memdeploy.engine.step import Run
from memdeploy.errors import CloudError, Foreign
from memdeploy.providers.gcp import operations
from memdeploy.providers.gcp.run_container import JSON, message, to_json
from memdeploy.providers.gcp.run_service import front_body
from memdeploy.providers.gcp.scope import Scope


class Front:
    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self.path = f"{scope.names.location}/services/{name}"

    def make(self, run: Run) -> None:
        """Leaves a service of ours as it is, whatever it runs. Inputs: `image` (by digest), `account` (e-mail)."""
        found = self._find(run) or self._made(run)
        if found is not None and not self._owned(found):
            raise Foreign(
                f"Cloud Run service {self.name} exists already and does not belong to this deployment",
                where=run.step,
                suggestion="Remove or rename it, or choose another deployment name with --name.",
            )

    def remove(self, run: Run) -> None:
        """What never became more than a front; `Service` removes the rest."""
        found = self._find(run)
        if found is None or not self._owned(found):
            return
        run.change(
            "delete",
            self.path,
            lambda intent: self.scope.clients.run_services(
                "delete_service", name=self.path, etag=found.get("etag", "")
            ),
            operation=_operation,
        )

    def _made(self, run: Run) -> JSON | None:
        """What is there although the request failed, if anything: of a lost answer, or of somebody else; or a service
        whose revision was not ready, which Cloud Run leaves behind: its address is all that is wanted here."""
        try:
            run.change("create", self.path, lambda intent: self._create(run), operation=_operation)
        except CloudError:
            found = self._find(run)
            if found is None:
                raise
            return found
        return None

    def _create(self, run: Run) -> Any:
        from google.cloud import run_v2

        body = front_body(self.scope, image=run.inputs["image"], account=run.inputs["account"])
        return self.scope.clients.run_services(
            "create_service",
            parent=self.scope.names.location,
            service_id=self.name,
            service=message(run_v2.Service, body),
        )

    def _find(self, run: Run) -> JSON | None:
        return run.find(lambda: to_json(self.scope.clients.run_services("get_service", name=self.path)))

    def _owned(self, found: JSON) -> bool:
        return self.scope.marker.on_labels(found.get("labels"))


def _operation(answer: Any) -> Any:
    return operations.of("run", answer)
