"""Secrets in Secret Manager, the only truth of every value (`providers.stored`), and ones of the user's own.

Who may read is `iam.Grants`' business.
"""

from __future__ import annotations

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import Refused
from memdeploy.providers import stored
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.gcp.vault import Vault
from memdeploy.providers.stored import Version
from memdeploy.secret import SecretRef


class GeneratedSecret(stored.GeneratedSecret):
    kind = "secretmanager.generated"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, Vault(scope, name))


class ModelKey(stored.ModelKey):
    kind = "secretmanager.modelKey"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, Vault(scope, name))


class Neo4jPassword(stored.Neo4jPassword):
    kind = "secretmanager.neo4jPassword"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, Vault(scope, name))


class ReferencedSecret:
    """A secret of the user's own (`{secret: NAME}` in model.key or neo4j.password): read, pinned, never made, changed
    or removed."""

    kind = "secretmanager.referenced"

    def __init__(self, scope: Scope, name: str) -> None:
        self.name, _, self.wanted = name.partition("/versions/")
        self.vault = Vault(scope, self.name)

    def probe(self, run: Run) -> Observed:
        found = run.find(self._version)
        if found is None or not found.enabled:
            return Observed(State.BROKEN, reason=f"secret {self.name} has no enabled version")
        return Observed(State.PRESENT, outputs=self._outputs(found))

    def ensure(self, run: Run) -> Outputs:
        found = run.find(self._version)
        if found is None or not found.enabled:
            raise Refused(
                f"secret {self.name}, which the configuration names, has no enabled version",
                code="secret-missing",
                where=run.step,
                suggestion=f"Add one: gcloud secrets versions add {self.name} --data-file=-",
            )
        return self._outputs(found)

    def remove(self, run: Run) -> None:
        """It is not ours."""

    def _version(self) -> Version:
        return self.vault.version(self.wanted or "latest")

    def _outputs(self, found: Version) -> Outputs:
        return {"secret": SecretRef(self.name, str(found.number)).to_json()}
