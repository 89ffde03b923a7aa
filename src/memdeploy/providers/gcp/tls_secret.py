"""The secret that holds the key and certificate of Neo4j's Bolt port."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from memdeploy.engine.step import Outputs, Run, Unknown
from memdeploy.providers.gcp import tls
from memdeploy.providers.gcp.scope import Scope
from memdeploy.providers.gcp.vault import Vault
from memdeploy.providers.stored import Stored, StoredSecret
from memdeploy.secret import Secret


class TlsSecret(StoredSecret):
    """Input: `address` (the static one). Outputs: `secret`, `certificate` (PEM, public), `not_after` (ISO 8601).

    One version holds key and certificate, so that the two always match and the certificate is found again from the
    secret alone. A new one is made only when the newest does not speak for the address.
    """

    kind = "secretmanager.tls"

    def __init__(self, scope: Scope, name: str) -> None:
        super().__init__(scope, name, Vault(scope, name))

    def current(self, run: Run) -> bool:
        return "certificate" in run.notes and run.notes.get("address") == run.inputs["address"]

    def desired(self, run: Run) -> Mapping[str, Any]:
        address = run.inputs["address"]
        return {**super().desired(run), **({"value": address} if isinstance(address, Unknown) else {})}

    def value(self, run: Run) -> Secret:
        now = datetime.datetime.fromtimestamp(run.clock.now(), datetime.UTC)
        return tls.issue(run.inputs["address"], now=now).bundle

    def added(self, run: Run, value: Secret) -> None:
        run.note(**self._told(value, run.inputs["address"]))

    def recovered(self, run: Run) -> Mapping[str, Any]:
        """The certificate is public, and stands in what the secret holds: a new one would restart Neo4j."""
        newest, address = run.find(self.vault.newest), run.inputs["address"]
        if newest is None or not newest.enabled or isinstance(address, Unknown):
            return {}
        found = run.read(lambda: self.vault.reveal(newest.number))
        return {"version": newest.number, **self._told(found, address)} if self._speaks(found, address) else {}

    def outputs(self, run: Run, live: Stored) -> Outputs:
        public = {key: run.notes[key] for key in ("certificate", "not_after") if key in run.notes}
        return {**super().outputs(run, live), **public}

    def _renew(self, run: Run) -> None:
        """A version that an interrupted run left behind is taken when it speaks for the address."""
        newest = run.read(self.vault.newest)
        if newest is not None and newest.enabled:
            found = run.read(lambda: self.vault.reveal(newest.number))
            if self._speaks(found, run.inputs["address"]):
                run.note(version=newest.number)
                self.added(run, found)
                return
        super()._renew(run)

    @staticmethod
    def _told(bundle: Secret, address: str) -> Mapping[str, Any]:
        issued = tls.read(bundle)
        return {"address": address, "certificate": issued.certificate, "not_after": issued.not_after.isoformat()}

    @staticmethod
    def _speaks(bundle: Secret, address: str) -> bool:
        try:
            return tls.speaks_for(tls.read(bundle).certificate, address)
        except ValueError:
            return False
