"""What lives inside the Cloud SQL instance: its certificate authorities, the database, the application's user.

They carry no marker of their own: they are ours because the instance is, and they go with it. So `remove` leaves them
alone, and a final backup still holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from memdeploy.engine.converge import Converging
from memdeploy.engine.step import Difference, Effect, Observed, Outputs, Run, State, unknowns
from memdeploy.providers.gcp import operations, vault
from memdeploy.providers.gcp.scope import Scope
from memdeploy.secret import SecretRef

DATABASE = "memmachine"
USER = "memmachine"


class PostgresAuthority:
    """All certificates that the instance may show, now or after a rotation: `instances.listServerCas`.

    Inputs: `instance` (name). Outputs: `pem`, oldest first.
    """

    kind = "sql.authority"

    def __init__(self, scope: Scope, *, instance: str) -> None:
        self.scope = scope
        self.instance = instance

    def probe(self, run: Run) -> Observed:
        unknown = tuple(unknowns(run.inputs))
        answer = None if unknown else run.find(self._list)
        if not answer or not answer.get("certs"):
            return Observed(State.ABSENT, unknown=unknown)
        return Observed(State.PRESENT, outputs={"pem": pem(answer)})

    def ensure(self, run: Run) -> Outputs:
        answer = run.until(self._certified, what=f"the certificates of Cloud SQL instance {self.instance}")
        return {"pem": pem(answer)}

    def remove(self, run: Run) -> None:
        """Nothing of its own."""

    def summary(self, outputs: Outputs) -> str:
        certificates = str(outputs["pem"]).count("BEGIN CERTIFICATE")
        return f"{certificates} certificate{'s' if certificates != 1 else ''}"

    def _certified(self) -> dict[str, Any] | None:
        answer = self._list()
        return answer if answer.get("certs") else None

    def _list(self) -> dict[str, Any]:
        return self.scope.clients.sqladmin(
            "instances.listServerCas", project=self.scope.project, instance=self.instance
        )


def pem(answer: Mapping[str, Any]) -> str:
    certificates = sorted(answer["certs"], key=lambda c: (c.get("createTime", ""), c.get("cert", "")))
    return "".join(c["cert"].strip() + "\n" for c in certificates)


class Part(Converging[dict[str, Any]]):
    """A database or user. Input `running` (of the instance): False means that the instance rests and tells nothing."""

    def __init__(self, scope: Scope, *, instance: str, name: str) -> None:
        self.scope = scope
        self.instance = instance
        self.name = name

    def owned(self, run: Run, live: dict[str, Any]) -> bool:
        return True

    def probe(self, run: Run) -> Observed:
        if unknown := unknowns(run.inputs):
            return Observed(State.ABSENT, unknown=tuple(unknown))
        if run.inputs.get("running") is False:
            return Observed(State.PRESENT, reason="kept; the instance is stopped", outputs=run.outputs or self._named())
        return super().probe(run)

    def remove(self, run: Run) -> None:
        """It goes with the instance."""

    def delete(self, run: Run, live: dict[str, Any]) -> None:
        raise NotImplementedError("a part goes with its instance")

    def outputs(self, run: Run, live: dict[str, Any]) -> Outputs:
        return self._named()

    def _named(self) -> Outputs:
        return {"name": self.name}

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.scope.clients.sqladmin(method, project=self.scope.project, instance=self.instance, **parameters)


class PostgresDatabase(Part):
    """Inputs: `instance`, `running`. Outputs: `name`."""

    kind = "sql.database"
    effects: ClassVar[Mapping[str, Effect]] = {"charset": Effect.FORBIDDEN}

    def describe(self) -> str:
        return f"database {self.name} in {self.instance}"

    def read(self, run: Run) -> dict[str, Any] | None:
        return run.find(lambda: self._call("databases.get", database=self.name))

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"charset": "UTF8"}

    def view(self, live: dict[str, Any]) -> Mapping[str, Any]:
        return {"charset": live.get("charset")}

    def create(self, run: Run) -> None:
        body = {"name": self.name, "charset": "UTF8", "collation": "en_US.UTF8"}
        run.change(
            "create",
            self.describe(),
            lambda intent: self._call("databases.insert", body=body),
            operation=lambda answer: operations.of("sqladmin", answer),
        )


class PostgresUser(Part):
    """Inputs: `instance`, `running`, `password` (SecretRef JSON). Outputs: `name`.

    Which version of the password the user has is noted once it is set: the cloud does not tell. Without the note it is
    set (again), so neither a crash nor a recovered journal leaves another password behind than the stored one.
    """

    kind = "sql.user"

    def describe(self) -> str:
        return f"user {self.name} in {self.instance}"

    def read(self, run: Run) -> dict[str, Any] | None:
        found = run.find(lambda: self._call("users.get", name=self.name))
        return None if found is None else {"user": found, "password": run.notes.get("password")}

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"password": run.inputs["password"]}

    def view(self, live: dict[str, Any]) -> Mapping[str, Any]:
        return {"password": live["password"]}

    def create(self, run: Run) -> None:
        self._set(run, "create", "users.insert")

    def update(self, run: Run, live: dict[str, Any], differences: tuple[Difference, ...]) -> None:
        self._set(run, "set the password of", "users.update", name=self.name)

    def _set(self, run: Run, verb: str, method: str, **parameters: Any) -> None:
        reference = run.inputs["password"]
        ref = SecretRef.from_json(reference)

        def call(_: object) -> dict[str, Any]:
            password = vault.reveal(self.scope, ref)
            body = {"name": self.name, "type": "BUILT_IN", "password": password.reveal()}
            return self._call(method, body=body, **parameters)

        run.change(verb, self.describe(), call, operation=lambda answer: operations.of("sqladmin", answer))
        run.note(password=reference)
