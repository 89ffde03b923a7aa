"""Secrets of a deployment, whatever store holds them: generated ones, the model's key, and other values of the user's.

The store (`Vault`) is the only truth of every value. Outputs carry `secret` (a `SecretRef`: name and pinned version),
never a value.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from memdeploy.config.model import KEYLESS, Deployment
from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Difference, Outputs, Run
from memdeploy.errors import AnswerNeeded, CloudError, ErrorKind
from memdeploy.providers.base import Context
from memdeploy.providers.marker import Marker
from memdeploy.secret import Secret, SecretRef, generate

_SCRYPT: Mapping[str, int] = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True)
class Version:
    number: int
    enabled: bool


class Vault(Protocol):
    """A store's calls on one secret. What they raise, the provider's `classify` knows; absent is NOT_FOUND."""

    @property
    def path(self) -> str: ...

    def get(self) -> Any:
        """Has `labels` and `etag`."""
        ...

    def create(self, labels: Mapping[str, str]) -> Any: ...

    def relabel(self, labels: Mapping[str, str], etag: str) -> Any: ...

    def delete(self, etag: str) -> None: ...

    def version(self, number: int | str) -> Version: ...

    def newest(self) -> Version | None:
        """The version with the highest number; None when there is none."""
        ...

    def reveal(self, number: int | str) -> Secret:
        """To be called inside the one call that needs the value."""
        ...

    def add(self, run: Run, value: Secret) -> Version:
        """A new version with this value, exactly once, whatever was lost."""
        ...


class Scope(Protocol):
    """What of a provider's scope a secret needs."""

    @property
    def context(self) -> Context: ...

    @property
    def deployment(self) -> Deployment: ...

    @property
    def marker(self) -> Marker: ...


@dataclass(frozen=True)
class Stored:
    """A secret as found. `version` is the one in use (the journal's), else the newest; `current` says whether it holds
    what is wanted now."""

    labels: Mapping[str, str]
    etag: str
    version: Version | None
    current: bool


class StoredSecret(Converging[Stored]):
    """A secret of the deployment's own. Subclasses say where a value comes from and whether it is still the one."""

    def __init__(self, scope: Scope, name: str, vault: Vault) -> None:
        self.scope = scope
        self.name = name
        self.vault = vault

    @abstractmethod
    def value(self, run: Run) -> Secret:
        """What a new version shall hold. Called inside `update` only."""

    def current(self, run: Run) -> bool:
        """Whether an enabled version that is there holds what is wanted."""
        return True

    def added(self, run: Run, value: Secret) -> None:
        """After a version with this value is known to be there."""

    def describe(self) -> str:
        return f"secret {self.name}"

    def read(self, run: Run) -> Stored | None:
        """Two reads when nothing changed: the secret, and its version by number."""
        found = run.find(self.vault.get)
        if found is None:
            return None
        return Stored(dict(found.labels), found.etag, self._version(run), self.current(run))

    def owned(self, run: Run, live: Stored) -> bool:
        return self.scope.marker.on_labels(live.labels)

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"labels": self.scope.marker.labels, "version": "enabled", "value": "current"}

    def view(self, live: Stored) -> Mapping[str, Any]:
        enabled = live.version is not None and live.version.enabled
        return {
            "labels": self.scope.marker.same_labels(live.labels),
            "version": "enabled" if enabled else ("disabled" if live.version else None),
            "value": "current" if live.current else "outdated",
        }

    def create(self, run: Run) -> None:
        run.change("create", self.vault.path, lambda intent: self.vault.create(self.scope.marker.labels))

    def update(self, run: Run, live: Stored, differences: tuple[Difference, ...]) -> None:
        fields = {difference.field for difference in differences}
        if "labels" in fields:
            labels = {**live.labels, **self.scope.marker.labels}
            run.change("update", self.vault.path, lambda intent: self.vault.relabel(labels, live.etag))
        if fields & {"version", "value"}:
            self._renew(run)

    def delete(self, run: Run, live: Stored) -> None:
        try:
            run.change("delete", self.vault.path, lambda intent: self.vault.delete(live.etag))
        except CloudError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def outputs(self, run: Run, live: Stored) -> Outputs:
        return {"secret": SecretRef(self.name, str(live.version.number)).to_json()} if live.version else {}

    def _renew(self, run: Run) -> None:
        value = self.value(run)
        version = self.vault.add(run, value)
        run.note(version=version.number)
        self.added(run, value)

    def _version(self, run: Run) -> Version | None:
        """The journal's version while it is enabled; otherwise the newest."""
        noted = run.notes.get("version") or _pinned(run.outputs)
        if noted:
            found = run.find(lambda: self.vault.version(noted))
            if found is not None and found.enabled:
                return found
        return run.read(self.vault.newest)


class GeneratedSecret(StoredSecret):
    """Drawn once. A version that an interrupted run left behind is taken: it was drawn for this secret of ours."""

    def value(self, run: Run) -> Secret:
        return generate()

    def _renew(self, run: Run) -> None:
        newest = run.read(self.vault.newest)
        if newest is not None and newest.enabled:
            run.note(version=newest.number)
            return
        super()._renew(run)


class GivenSecret(StoredSecret):
    """What the user gave. A salted fingerprint in the journal tells whether it changed; when none is given this time,
    the stored version stays."""

    @abstractmethod
    def given(self) -> Secret | None: ...

    @abstractmethod
    def missing(self, run: Run) -> AnswerNeeded:
        """The error when there is neither a stored nor a given value."""

    def current(self, run: Run) -> bool:
        given = self.given()
        return given is None or matches(given, run.notes.get("fingerprint"))

    def value(self, run: Run) -> Secret:
        given = self.given()
        if given is None:
            raise self.missing(run)
        return given

    def added(self, run: Run, value: Secret) -> None:
        run.note(fingerprint=fingerprint(value))


class ModelKey(GivenSecret):
    def given(self) -> Secret | None:
        return self.scope.context.model_key

    def value(self, run: Run) -> Secret:
        provider = self.scope.deployment.model.provider
        if self.given() is None and provider in KEYLESS:
            return Secret(str(provider))  # it asks for none, but the container wants the variable
        return super().value(run)

    def missing(self, run: Run) -> AnswerNeeded:
        return AnswerNeeded(
            "there is no stored model key, and none was given",
            code="model-key-missing",
            where=run.step,
            suggestion="Set the environment variable that model.key names (OPENAI_API_KEY; of Amazon Bedrock"
            " AWS_SECRET_ACCESS_KEY), or name a file or a secret there.",
        )


class Neo4jPassword(GivenSecret):
    """Of an external server."""

    def given(self) -> Secret | None:
        return self.scope.context.neo4j_password

    def missing(self, run: Run) -> AnswerNeeded:
        return AnswerNeeded(
            "there is no stored password of the external Neo4j, and none was given",
            code="neo4j-password-missing",
            where=run.step,
            suggestion="Set the environment variable that neo4j.password names (NEO4J_PASSWORD), or name a file or a"
            " secret there.",
        )


def fingerprint(value: Secret) -> dict[str, str]:
    """Tells later whether a given value changed, and nothing else: scrypt with a salt of its own, for the journal."""
    salt = os.urandom(16)
    return {"salt": salt.hex(), "hash": _scrypt(value, salt)}


def matches(value: Secret, known: Mapping[str, str] | None) -> bool:
    return bool(known) and hmac.compare_digest(_scrypt(value, bytes.fromhex(known["salt"])), known["hash"])  # type: ignore[index]


def _scrypt(value: Secret, salt: bytes) -> str:
    return hashlib.scrypt(value.reveal().encode(), salt=salt, **_SCRYPT).hex()


def _pinned(outputs: Outputs | None) -> int | None:
    """The version that an earlier run put out."""
    ref = (outputs or {}).get("secret")
    return int(ref["version"]) if ref else None
