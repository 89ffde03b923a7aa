"""A rehearsal inside the test's process, with a clock that only the test moves, and the real SDK clients against it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httplib2
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from googleapiclient.discovery import build

from memdeploy.rehearsal import identity, server
from memdeploy.rehearsal.app import App, Settings
from memdeploy.rehearsal.backing.none import NoBacking
from memdeploy.rehearsal.backing.protocol import Backing
from memdeploy.rehearsal.store import Row, Store

PROJECT, NUMBER, REGION = "proj-1", "123456789012", "us-central1"
LOCATION = f"projects/{PROJECT}/locations/{REGION}"
SUBNET = f"projects/{PROJECT}/regions/{REGION}/subnetworks/subnet"
NETWORK = f"projects/{PROJECT}/global/networks/net"
APIS = (
    "artifactregistry",
    "cloudbuild",
    "cloudresourcemanager",
    "compute",
    "iam",
    "run",
    "secretmanager",
    "servicenetworking",
    "sqladmin",
)
_SERVICE_PATHS = {"compute": "compute/v1/"}


class Clock:
    """Starts at a fixed moment; one second of the test is one of the cloud's (scale 1)."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Embedded:
    def __init__(self, app: App, endpoint: str, clock: Clock) -> None:
        self.app, self.endpoint, self.clock = app, endpoint, clock
        self.store = app.store

    def api(self, service: str, version: str) -> Any:
        options = {"api_endpoint": f"{self.endpoint}/{service}/{_SERVICE_PATHS.get(service, '')}"}
        return build(service, version, http=httplib2.Http(), client_options=options, static_discovery=True)

    def services(self) -> run_v2.ServicesClient:
        return run_v2.ServicesClient(**self._gapic())

    def jobs(self) -> run_v2.JobsClient:
        return run_v2.JobsClient(**self._gapic())

    def executions(self) -> run_v2.ExecutionsClient:
        return run_v2.ExecutionsClient(**self._gapic())

    def tasks(self) -> run_v2.TasksClient:
        return run_v2.TasksClient(**self._gapic())

    def revisions(self) -> run_v2.RevisionsClient:
        return run_v2.RevisionsClient(**self._gapic())

    def _gapic(self) -> dict[str, Any]:
        options = ClientOptions(api_endpoint=f"{self.endpoint}/run")
        return {"credentials": AnonymousCredentials(), "transport": "rest", "client_options": options}

    def http(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=20)
        payload = json.dumps(body) if body is not None else None
        try:
            connection.request(verb, path, body=payload, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def put(self, service: str, type_: str, name: str, body: Mapping[str, Any], **hidden: Any) -> None:
        """A resource of another service that is there already."""
        with self.store.transaction():
            self.store.put(Row(service, type_, name, dict(body), hidden), self.clock.now)

    def secret_value(self, name: str, value: bytes) -> None:
        with self.store.transaction():
            self.store.secrets.put(name, value)

    def id_token(self, email: str, audience: str) -> str:
        with self.store.transaction():
            return identity.id_token(self.app.cloud, email, audience)

    def network(self) -> None:
        """A network with private services access and a subnet."""
        self.put("compute", "Network", NETWORK, {"name": "net"})
        self.put("compute", "Subnetwork", SUBNET, {"name": "subnet", "network": NETWORK, "ipCidrRange": "10.71.0.0/24"})
        address = {"name": "range", "address": "10.70.0.0", "prefixLength": 16}
        self.put("compute", "Address", f"projects/{PROJECT}/global/addresses/range", address)

    def peering(self) -> None:
        body = {"network": f"projects/{NUMBER}/global/networks/net", "reservedPeeringRanges": ["range"]}
        self.put("servicenetworking", "Connection", f"services/x/connections/{NUMBER}-net", body)

    def account(self, short: str) -> str:
        email = f"{short}@{PROJECT}.iam.gserviceaccount.com"
        self.put("iam", "ServiceAccount", f"projects/{PROJECT}/serviceAccounts/{email}", {"email": email})
        return email


@contextmanager
def embedded(
    folder: Path, *, backing: Backing | None = None, policies: Mapping[str, Any] | None = None
) -> Iterator[Embedded]:
    world = {
        "projects": [
            {
                "id": PROJECT,
                "number": int(NUMBER),
                "enabled": [f"{api}.googleapis.com" for api in APIS],
                "policies": dict(policies or {}),
            }
        ],
    }
    store, listening, clock = Store(folder), server.listen(0), Clock()
    settings = Settings(backing or NoBacking(), server.endpoint(listening), world_text=json.dumps(world), scale=1.0)
    app = App(store, settings, clock)
    server.attach(listening, app)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    app.prepare()
    try:
        yield Embedded(app, server.endpoint(listening), clock)
    finally:
        listening.shutdown()
        listening.server_close()
        store.close()
