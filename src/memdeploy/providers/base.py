"""What every provider offers to the commands, and what it is opened with. No cloud is named here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import Clock
from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Operation, OperationStatus, Resource, Step
from memdeploy.errors import CloudError, MemdeployError
from memdeploy.secret import Secret


@dataclass(frozen=True)
class RehearsalTarget:
    """Where an embedded cloud listens. `token_file` holds its bearer token when it has containers behind it."""

    id: str
    endpoint: str
    token_file: Path | None = None
    containers: bool = False


@dataclass(frozen=True)
class Context:
    """All that a provider is told. `id` (12 of [a-z0-9]) and `suffix` (4 of [a-z0-9]) were journalled at birth.

    `model_key` and `neo4j_password` (of an external server) are None when the user gave none this time: a stored
    version is then kept. `first` is True until the deployment has been up once.
    `docker_files` is the folder that holds the Dockerfile. `wire` receives one redacted
    record a request when --wire-log is given. `final_backup` (destroy --delete-data): what holds data takes a last
    backup or snapshot before it is deleted, noted as `final` ({"what", "where", "expires"}) before the call.
    """

    deployment: Deployment
    id: str
    suffix: str
    clock: Clock
    docker_files: Path
    rehearsal: RehearsalTarget | None = None
    model_key: Secret | None = None
    neo4j_password: Secret | None = None
    engine_allowed: bool = True
    final_backup: bool = True
    wire: Callable[[Mapping[str, Any]], None] | None = None
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    "Step name -> outputs of earlier runs, for resources that need another step's past (retained data)."


class Verdict(StrEnum):
    PASSED = "passed"
    WARNING = "warning"  # worth knowing; nothing fails because of it, or it could not be found out
    FAILED = "failed"  # `up` would not reach its end


@dataclass(frozen=True)
class Finding:
    """What one check found. `check` and `code` are stable words (`project`, `billing-off`); `remedy`: what to do."""

    check: str
    verdict: Verdict
    text: str
    code: str = "ok"
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": str(self.verdict)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        return cls(**{**data, "verdict": Verdict(data["verdict"])})


@dataclass(frozen=True)
class PriceLine:
    """`quantity` of `unit` a month at `unit_price` US dollars; `usd` is their product. `source` of the price: `table`,
    or `live` when the cloud told it just now for the deployment's region."""

    step: str
    what: str
    quantity: float
    unit: str
    unit_price: float
    usd: float
    source: str = "table"


@dataclass(frozen=True)
class LogQuery:
    """`since`: seconds since the epoch; `level`: the lowest severity (`info`, `warning`, `error`), None: all."""

    component: str
    since: float | None = None
    level: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class LogLine:
    """`id` is the same when the line is read again; `at` in ISO 8601, empty where the source has no times."""

    id: str
    at: str
    component: str
    level: str
    text: str


@dataclass(frozen=True)
class Role:
    """`text` is a definition that the cloud's own tool takes from a file; `how` the command for it."""

    permissions: tuple[str, ...]
    text: str
    how: str


@dataclass(frozen=True)
class Trace:
    """What carries the marker of a deployment of some name. `what` names it for people; `since` says when it was made
    (`2026-11-26 12:00 UTC`), as far as that is known."""

    id: str
    suffix: str
    what: str
    since: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


class Cloud(Protocol):
    """A provider, opened for one deployment. Opening does no I/O and loads no SDK."""

    @property
    def target(self) -> str:
        """For headers: `gcp acme-prod-1/europe-west1`."""
        ...

    @property
    def shared_key(self) -> str:
        """Names the `_shared` deployment: provider, project, region; the binding is added by whoever keeps journals."""
        ...

    @property
    def shared_marker(self) -> str:
        """The fixed id that shared resources carry, the same for every journal on every machine."""
        ...

    @property
    def proof_of_use(self) -> tuple[str, ...]:
        """The deployment's steps that show others that what is shared is in use: done before its lease is released."""
        ...

    @property
    def examiner(self) -> str:
        """The step that tries each part by itself and names the culprit: run again when verification fails. It must
        hold without its notes."""
        ...

    @property
    def remedies(self) -> Mapping[str, str]:
        """Error code -> the step that may put it right once it has forgotten its notes, by the next `up`."""
        ...

    def classify(self, error: Exception) -> CloudError | None:
        """A raised SDK exception as what it means; None when it is none of this cloud's."""
        ...

    def poll(self, operation: Operation) -> OperationStatus:
        """One look at a long-running operation."""
        ...

    def graph(self) -> Graph:
        """All steps of `up`, `shared` scope and transient ones included."""
        ...

    def everything(self) -> Graph:
        """All steps of `graph`, and those that another configuration of this deployment would have had: what a journal
        may hold, with the order and the needs of its data."""
        ...

    def shared_graph(self) -> Graph:
        """The steps of `destroy --shared`."""
        ...

    def doctor(self, *, check_model: bool) -> Step:
        """A transient step that runs all checks of preflight and more, changes nothing, and fails for none of them: its
        outputs have `findings` (as `Finding.to_json`). `check_model` makes one free call to the model's provider."""
        ...

    def traces(self, *, thorough: bool) -> Step:
        """A transient step that looks for what carries the marker of any deployment of this name, whatever its id: its
        outputs have `traces` (as `Trace.to_json`). Not `thorough`: one request, and of a deployment with secrets."""
        ...

    def settings(self) -> Step:
        """A transient step that reads off what is there how this deployment was configured: its outputs are paths of
        the configuration (`model.embedding`) and their values, as far as they can be known."""
        ...

    def role(self) -> Role:
        """The least that whoever runs memdeploy must be allowed to do for this configuration."""
        ...

    @property
    def components(self) -> tuple[str, ...]:
        """What has logs, the service first."""
        ...

    @property
    def absent_components(self) -> Mapping[str, str]:
        """What other configurations have and this one has not, and why."""
        ...

    def logs(self, query: LogQuery) -> Sequence[LogLine]:
        """One look; oldest first. What it raises, `classify` knows."""
        ...

    def dumping(self, folder: Path) -> Graph:
        """Steps of `backup`: `service.stop`, so that nothing is stored meanwhile; then for each part of the data
        `dump.<part>`, which writes one file into `folder` and outputs {"file", "bytes", "sha256"}; then
        `service.start`. All are transient. A run that ends between leaves a stopped service, which `up` starts."""
        ...

    def loading(self, folder: Path) -> Graph:
        """Steps of `restore` into a deployment that stands: `service.stop`, for each part `load.<part>`, which puts the
        file that `dump.<part>` wrote in the place of what is there, `service.start`. All are transient; safe to
        repeat after a run that ended between."""
        ...

    def tool(self, word: str, arguments: Sequence[str] = ()) -> Step:
        """A transient step that runs one of MemMachine's container words (`docker/startup.sh`) once, with the
        service's own environment, beside it; its outputs are the one JSON object that the word prints. Fails with
        `memmachine.exits.failure` for its exit code."""
        ...

    def why(self, step: str, outputs: Mapping[str, Mapping[str, Any]]) -> MemdeployError | None:
        """Why this step's resource is broken, as `up` would tell it; None when nothing more can be said."""
        ...

    def rebuild(self, kind: str, identity: Mapping[str, Any]) -> Resource:
        """A resource that left the graph, from the journal."""
        ...

    def health(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """One look at the running service, from the steps' outputs: {"health": healthy|unhealthy|unknown, "version",
        "reason"}. Never raises."""
        ...

    def endpoints(self, outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """What a program needs to call the deployment (`memdeploy outputs`): url, audience, account, … No secrets."""
        ...

    def how_to_call(self, outputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """Command lines that call the service, for people."""
        ...

    def identity_tokens(self, outputs: Mapping[str, Mapping[str, Any]]) -> Callable[[], Secret] | None:
        """Mints a token that the service takes (an hour or less), for a client that cannot; None when it asks for
        none. What it raises, `classify` knows."""
        ...

    def warnings(self) -> tuple[str, ...]:
        """What the user should know before agreeing: what a weakening option exposes."""
        ...

    @property
    def prices_of(self) -> str:
        """The month of the price table, `2026-11`."""
        ...

    def price_lines(self) -> Sequence[PriceLine]:
        """Estimated costs a month of what costs money while it stands, by the dated table of list prices."""
        ...

    def live_price_lines(self) -> tuple[Sequence[PriceLine], Sequence[str]]:
        """The same by the cloud's own prices of now, in the deployment's region, wherever it tells them without doubt;
        and what there is to say of the others. Never raises for want of prices."""
        ...

    def not_priced(self, *, live: bool = False) -> str:
        """What the estimate leaves out, in words. `live`: no line is the table's."""
        ...

    def kept_costs(self) -> Mapping[str, float]:
        """Estimated US dollars a month by step, for what `destroy` keeps without --delete-data, at rest."""
        ...
