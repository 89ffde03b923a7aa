"""Service accounts, one for each thing that acts. https://cloud.google.com/iam/docs/service-accounts-create"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Difference, Outputs, Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.gcp.scope import Scope

JSON = dict[str, Any]


class Account(Converging[JSON]):
    """`account_id` has 6 to 30 letters and is project-wide; `title` is what the console shows."""

    kind = "iam.serviceAccount"

    def __init__(self, scope: Scope, account_id: str, title: str) -> None:
        self.scope = scope
        self.account_id = account_id
        self.title = title
        self.email = f"{account_id}@{scope.project}.iam.gserviceaccount.com"
        self.path = scope.names.account(self.email)

    def describe(self) -> str:
        return f"service account {self.account_id}"

    def read(self, run: Run) -> JSON | None:
        return run.find(lambda: self.scope.clients.iam("projects.serviceAccounts.get", name=self.path))

    def owned(self, run: Run, live: JSON) -> bool:
        return self.scope.marker.on_description(live.get("description"))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"displayName": self.title, "disabled": False}

    def view(self, live: JSON) -> Mapping[str, Any]:
        return {"displayName": live.get("displayName"), "disabled": live.get("disabled", False)}

    def body(self) -> JSON:
        account = {"displayName": self.title, "description": self.scope.marker.description}
        return {"accountId": self.account_id, "serviceAccount": account}

    def create(self, run: Run) -> None:
        """Synchronous, but visible everywhere only after up to a minute: what uses it retries 'does not exist'."""
        run.change(
            "create",
            self.path,
            lambda intent: self.scope.clients.iam(
                "projects.serviceAccounts.create", name=self.scope.names.project_path, body=self.body()
            ),
        )

    def update(self, run: Run, live: JSON, differences: tuple[Difference, ...]) -> None:
        fields = {difference.field for difference in differences}
        if "disabled" in fields:
            run.change(
                "enable", self.path, lambda intent: self.scope.clients.iam(
                    "projects.serviceAccounts.enable", name=self.path, body={}
                )
            )  # fmt: skip
        if "displayName" in fields:
            body = {"serviceAccount": {"displayName": self.title}, "updateMask": "displayName"}
            run.change(
                "update", self.path, lambda intent: self.scope.clients.iam(
                    "projects.serviceAccounts.patch", name=self.path, body=body
                )
            )  # fmt: skip

    def delete(self, run: Run, live: JSON) -> None:
        """By its number: an account of the same name made in between would be another one."""
        path = self.scope.names.account(live.get("uniqueId") or self.email)
        try:
            run.change(
                "delete", path, lambda intent: self.scope.clients.iam("projects.serviceAccounts.delete", name=path)
            )
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def outputs(self, run: Run, live: JSON) -> Outputs:
        return {"email": self.email, "member": f"serviceAccount:{self.email}", "unique_id": live.get("uniqueId")}
