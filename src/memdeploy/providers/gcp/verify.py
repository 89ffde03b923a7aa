"""The proof that the deployment works, as the verifier account: health, then a memory stored, found and removed."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.memmachine import smoke
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.scope import Scope
from memdeploy.secret import Secret

SPREAD = 420.0  # seconds; https://cloud.google.com/iam/docs/access-change-propagation: typically 2 minutes, 7 or more


class Verify:
    """Inputs: `uri` (of the service), `verifier` (email). Outputs: `verified` (`real` or `simulated`), `version`,
    `seconds` (by part).

    User credentials cannot mint an identity token; the verifier's is asked of IAM Credentials
    (https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken).
    """

    kind = "verify"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        """It is run each time: there is nothing to look at before."""
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        uri = run.inputs["uri"]
        token = self._token(run, uri, run.inputs["verifier"])
        http = Authorized(self.scope.clients, token)
        proof = smoke.prove(http, uri, clock=run.clock, patience=SPREAD, progress=run.progress)
        return {
            "verified": "simulated" if proof.simulated else "real",
            "version": proof.version,
            "seconds": proof.seconds,
        }

    def remove(self, run: Run) -> None:
        """It leaves nothing behind."""

    def summary(self, outputs: Outputs) -> str:
        return f"a memory was stored and found ({outputs['verified']})"

    def _token(self, run: Run, audience: str, verifier: str) -> Secret:
        """The right to mint one was granted in this very run, perhaps: a refusal is waited out."""

        def minted() -> Secret | None:
            try:
                return mint(self.scope.clients, audience, verifier)
            except Exception as raised:
                if not _spreading(raised):
                    raise
                return None

        what = f"the right to act as {verifier} (roles/iam.serviceAccountOpenIdTokenCreator)"
        return run.until(minted, what=what, every=10.0, timeout=SPREAD)


def mint(clients: Clients, audience: str, verifier: str) -> Secret:
    """An identity token of the verifier account, good for an hour."""
    name, body = f"projects/-/serviceAccounts/{verifier}", {"audience": audience, "includeEmail": True}
    return Secret(clients.iamcredentials("projects.serviceAccounts.generateIdToken", name=name, body=body)["token"])


def _spreading(raised: Exception) -> bool:
    from memdeploy.providers.gcp import errors

    error = raised if isinstance(raised, CloudError) else errors.classify(raised)
    return error is not None and error.kind is ErrorKind.PERMISSION


class Authorized:
    """`smoke.Http` with an identity token, on a session that holds no credentials of ours."""

    def __init__(self, clients: Clients, token: Secret) -> None:
        self._clients = clients
        self._token = token

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Any:
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        return self._clients.http().request(
            method, url, json=json, timeout=timeout, headers=headers, allow_redirects=False
        )
