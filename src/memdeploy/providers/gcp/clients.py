"""The one place that makes clients of Google's APIs. Importing this loads no SDK; the first call of an API does.

Two kinds, called alike: `clients.compute("networks.get", project=…, network=…)` (googleapiclient, JSON in and out) and
`clients.secrets("get_secret", name=…)` (GAPIC over REST, proto messages out). Neither retries by itself and none of
them is ever asked to wait for an operation: `Run.change` and `poll` do that.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import memdeploy
from memdeploy.errors import UsageError
from memdeploy.providers.base import RehearsalTarget
from memdeploy.secret import Secret

if TYPE_CHECKING:
    import requests

    from memdeploy.providers.gcp.transport import Sessions

#: Discovery documents (in google-api-python-client) that we use, and the path part a compute endpoint must end in.
VERSIONS: Mapping[str, str] = {
    "artifactregistry": "v1",
    "cloudbilling": "v1",
    "cloudbuild": "v1",
    "cloudresourcemanager": "v3",
    "compute": "v1",
    "iam": "v1",
    "iamcredentials": "v1",
    "logging": "v2",
    "oauth2": "v2",
    "run": "v2",
    "servicenetworking": "v1",
    "serviceusage": "v1",
    "sqladmin": "v1",
}
SERVICE_PATHS: Mapping[str, str] = {"compute": "compute/v1/"}
USER_AGENT = f"memdeploy/{memdeploy.__version__}"


def _silence(logger: str) -> None:
    """Without any handler Python prints a library's warnings (here each 403 and 404) into the user's terminal."""
    found = logging.getLogger(logger)
    if not found.handlers:
        found.addHandler(logging.NullHandler())


def require_loopback(endpoint: str) -> str:
    """The endpoint without a trailing slash. A rehearsal is on this machine: anything else could be a real cloud."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if parts.scheme != "http" or not local:
        raise UsageError(
            f"A rehearsal's endpoint must be http on a loopback address, not {endpoint}",
            code="endpoint-not-loopback",
            suggestion="Start one with `memdeploy rehearsal serve` and use the address it prints.",
        )
    return endpoint.rstrip("/")


class Api:
    """A googleapiclient service: `api("projects.locations.repositories.get", name=…)` -> the answer's JSON."""

    def __init__(self, resource: Callable[[], Any], http: Callable[[], Any]) -> None:
        self._resource = resource
        self._http = http
        self._collections: dict[str, Any] = {}

    def __call__(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        collection, _, verb = method.rpartition(".")
        request = getattr(self._collection(collection), verb)(**parameters)
        answer = request.execute(http=self._http(), num_retries=0)
        if not isinstance(answer, dict):
            from memdeploy.providers.gcp import errors

            raise errors.not_google(request.uri)
        return answer

    def _collection(self, path: str) -> Any:
        """Kept: googleapiclient writes the methods of a collection, with their documentation, each time it is asked
        for one. They hold nothing of a call, so threads share them; two that make the same at once do no harm."""
        found = self._collections.get(path)
        if found is None:
            found = self._resource()
            for name in filter(None, path.split(".")):
                found = getattr(found, name)()
            self._collections[path] = found
        return found

    def pages(self, method: str, key: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """All items of a list method, over its pages."""
        items: list[dict[str, Any]] = []
        while True:
            page = self(method, **parameters)
            items += page.get(key, [])
            if not page.get("nextPageToken"):
                return items
            parameters["pageToken"] = page["nextPageToken"]


class Gapic:
    """A GAPIC client over REST: `gapic("get_secret", name=…)` -> the proto message. Pagers: read them inside `read`."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def __call__(self, method: str, /, *, timeout: float = 60.0, **request: Any) -> Any:
        return getattr(self._client(), method)(request=request, retry=None, timeout=timeout)


class Clients:
    """Clients of one project, real or rehearsed. Thread-safe: sessions are a thread's own, documents are read once."""

    def __init__(
        self,
        project: str,
        *,
        rehearsal: RehearsalTarget | None = None,
        wire: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.project = project
        self.rehearsal = rehearsal
        self._endpoint = require_loopback(rehearsal.endpoint) if rehearsal else None
        self._wire = wire
        self._lock = threading.RLock()
        self._credentials: Any = None
        self._sessions: Sessions | None = None
        self._resources: dict[str, Any] = {}
        self._local = threading.local()
        self.artifactregistry = self._api("artifactregistry")
        self.cloudbilling = self._api("cloudbilling")
        self.cloudbuild = self._api("cloudbuild")
        self.cloudresourcemanager = self._api("cloudresourcemanager")
        self.resourcemanager_v1 = self._api("cloudresourcemanager", "v1")  # has organisation policies
        self.compute = self._api("compute")
        self.iam = self._api("iam")
        self.iamcredentials = self._api("iamcredentials")
        self.logging = self._api("logging")
        self.servicenetworking = self._api("servicenetworking")
        self.serviceusage = self._api("serviceusage")
        self.sqladmin = self._api("sqladmin")
        self.secrets = self._gapic("secretmanager", "google.cloud.secretmanager_v1", "SecretManagerServiceClient")
        self.run_services = self._gapic("run", "google.cloud.run_v2", "ServicesClient")
        self.run_revisions = self._gapic("run", "google.cloud.run_v2", "RevisionsClient")
        self.run_jobs = self._gapic("run", "google.cloud.run_v2", "JobsClient")
        self.run_executions = self._gapic("run", "google.cloud.run_v2", "ExecutionsClient")
        self.run_tasks = self._gapic("run", "google.cloud.run_v2", "TasksClient")

    def api(self, service: str) -> Api:
        """By name: `run` and `oauth2` have no attribute of their own."""
        return self._api(service)

    @property
    def credentials(self) -> Any:
        """Looked up once, and never in a rehearsal. Raises google.auth's errors (classified by `errors.classify`)."""
        from memdeploy.providers.gcp import auth

        with self._lock:
            if self._credentials is None:
                self._credentials = auth.rehearsed(self.rehearsal) if self.rehearsal else auth.real(self.project)
            return self._credentials

    def access_token(self) -> Secret | None:
        """A bearer token that is valid now, for a registry's login; None in a rehearsal that asks for none."""
        from memdeploy.providers.gcp import auth

        return auth.token(self.credentials, self.http())

    def session(self) -> requests.Session:
        """HTTP with our credentials, for addresses of Google's (or the rehearsal's) only."""
        return self._sessions_().authorized(self.credentials)

    def http(self) -> requests.Session:
        """HTTP without credentials: registries, tokeninfo, the deployed service."""
        return self._sessions_().plain()

    def base(self, service: str) -> str:
        """`https://SERVICE.googleapis.com` or the rehearsal's address of that service, without a trailing slash."""
        return f"{self._endpoint}/{service}" if self._endpoint else f"https://{service}.googleapis.com"

    # -- how they are made -------------------------------------------------------------------------------------------

    def _api(self, service: str, version: str | None = None) -> Api:
        return Api(lambda: self._discovered(service, version or VERSIONS[service]), self._shim)

    def _shim(self) -> Any:
        from memdeploy.providers.gcp.transport import Http

        return Http(self.session(), USER_AGENT)

    def _discovered(self, service: str, version: str) -> Any:
        from googleapiclient.discovery import build

        with self._lock:
            _silence("googleapiclient")
            known = f"{service}.{version}"
            if known not in self._resources:
                endpoint = f"{self.base(service)}/{SERVICE_PATHS.get(service, '')}" if self._endpoint else None
                self._resources[known] = build(
                    service,
                    version,
                    http=self._shim(),
                    static_discovery=True,
                    cache_discovery=False,
                    client_options={"api_endpoint": endpoint} if endpoint else None,
                )
            return self._resources[known]

    def _gapic(self, service: str, module: str, client: str) -> Gapic:
        return Gapic(lambda: self._transported(service, module, client))

    def _transported(self, service: str, module: str, client: str) -> Any:
        """The thread's client. It makes a session of its own, which gets what all of ours have: timeouts, wire log."""
        import importlib

        made = self._local.__dict__.setdefault("gapic", {})
        if client not in made:
            options = {"api_endpoint": self.base(service)} if self._endpoint else None
            cls = getattr(importlib.import_module(module), client)
            made[client] = cls(credentials=self.credentials, transport="rest", client_options=options)
            self._sessions_().dress(made[client].transport._session)
        return made[client]

    def _sessions_(self) -> Sessions:
        from memdeploy.providers.gcp.transport import Sessions

        with self._lock:
            if self._sessions is None:
                self._sessions = Sessions(USER_AGENT, loopback=self.rehearsal is not None, record=self._wire)
            return self._sessions
