"""The proof that the deployment works: health, then a memory stored, found and removed."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.memmachine import smoke
from memdeploy.providers.local.scope import Scope

PATIENCE = 120.0
"Seconds until a server that was just started is healthy; 10 to 16 without bytecode on a slow machine."


class Verify:
    """Input: `uri`. Outputs: `verified` (`real`), `version`, `seconds` (by part)."""

    kind = "local.verify"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        """It is run each time: there is nothing to look at before."""
        return Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        proof = smoke.prove(Loopback(), run.inputs["uri"], clock=run.clock, patience=PATIENCE, progress=run.progress)
        return {
            "verified": "simulated" if proof.simulated else "real",
            "version": proof.version,
            "seconds": proof.seconds,
        }

    def remove(self, run: Run) -> None:
        """It leaves nothing behind."""

    def summary(self, outputs: Outputs) -> str:
        return f"a memory was stored and found ({outputs['verified']})"


class Loopback:
    """`smoke.Http` that no proxy variable of the user's leads elsewhere."""

    def __init__(self) -> None:
        import requests

        self._session = requests.Session()
        self._session.trust_env = False

    def request(self, method: str, url: str, *, json: Any = None, timeout: float) -> Any:
        return self._session.request(method, url, json=json, timeout=timeout, allow_redirects=False)
