"""What a rule is given: the embedded cloud and one request that already passed the published contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from memdeploy.rehearsal.backing.protocol import Backing
from memdeploy.rehearsal.refusal import invalid
from memdeploy.rehearsal.store import Row, Store


@dataclass(frozen=True)
class Method:
    """A method of a discovery document. `response` and `request` name schemas; `wants` are its query parameters."""

    service: str
    version: str
    id: str
    verb: str
    flat_path: str
    path: str
    request: str | None
    response: str | None
    query: Mapping[str, Mapping[str, Any]]
    path_params: frozenset[str]

    @property
    def leaf(self) -> str:
        return self.id.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Project:
    id: str
    number: str
    billing: bool = True
    quotas: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    policies: Mapping[str, Any] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None
    "All that whoever runs the client may do here; None: what an owner may."


@dataclass(frozen=True)
class Cloud:
    """The embedded cloud as rules see it. `now` is fixed for one request; `scale` shortens every length and delay.

    `endpoint` is where it listens (http://127.0.0.1:PORT). Everything in `store` happens inside one transaction a
    request, which the server opens.
    """

    id: str
    store: Store
    backing: Backing
    scale: float
    endpoint: str
    clock: Callable[[], float]
    project: Callable[[str], Project | None]
    "By id or number; None: no such project, or not ours to see."
    hub: tuple[str, ...] = ("neo4j:5.26-community",)
    "Images that the public hub has in this world."
    owner: str = "user:you@example.com"
    "Who runs the clients: the IAM member of a request without a token of this cloud."

    @property
    def now(self) -> float:
        return self.clock()

    def after(self, seconds: float, since: float | None = None) -> bool:
        """Have `seconds` of cloud time passed since then?"""
        return since is not None and self.now >= since + seconds * self.scale


@dataclass(frozen=True)
class Call:
    """One request. `name` is the path without version and custom verb, with the project's id even when the number was
    sent (`projects/p/secrets/x`, or the collection `projects/p/secrets` for a create). `params` are those of the
    published path (`parent`, `name`, `project`, `instance`, …), likewise. Query names are camelCase; enum numbers in
    `body` have become names. `body` may be changed freely."""

    cloud: Cloud
    method: Method
    name: str
    params: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: dict[str, Any]
    caller: str
    "An IAM member: user:… for whoever runs the client, serviceAccount:… for tokens that this cloud gave out."
    project_or_none: Project | None = None
    region: str = ""
    "Of a regional host (us-central1-run.googleapis.com), '' for a global one. Cloud Run's v1 paths name no region."
    slowness: float = 1.0
    "Fault injection: how many times longer an operation takes that this call starts."
    doomed: bool = False
    "Fault injection: such an operation ends with an error."

    @property
    def project(self) -> Project:
        if self.project_or_none is None:
            raise invalid(f"Invalid resource name {self.name!r}: it names no project.")
        return self.project_or_none

    @property
    def store(self) -> Store:
        return self.cloud.store

    @property
    def backing(self) -> Backing:
        return self.cloud.backing

    @property
    def now(self) -> float:
        return self.cloud.now

    def text(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.query[name][0] if self.query.get(name) else default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1")

    def mask(self, name: str = "updateMask") -> tuple[str, ...]:
        """The field mask's paths, camelCase; () when absent."""
        return tuple(camel(p.strip()) for value in self.query.get(name, ()) for p in value.split(",") if p.strip())

    def save(
        self, type_: str, name: str, body: dict[str, Any], hidden: dict[str, Any] | None = None, service: str = ""
    ) -> Row:
        """Makes or replaces a resource of this call's service."""
        return self.store.put(Row(service or self.method.service, type_, name, body, hidden or {}), self.now)

    def find(self, name: str, service: str = "") -> Row | None:
        return self.store.get(service or self.method.service, name)


Handler = Callable[[Call], Mapping[str, Any]]
"Returns the body of the 200 answer; raises Refusal. Keys that are None are left out of the answer."


def camel(path: str) -> str:
    """`settings.ip_configuration` -> `settings.ipConfiguration`."""
    head, *rest = path.split("_")
    return head + "".join(p[:1].upper() + p[1:] for p in rest)


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as Google's APIs write it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
