"""One API request from its path to its answer: contract, project, API state, permission, rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from memdeploy.rehearsal import dialect, generic, identity, methods, rules
from memdeploy.rehearsal.access import NOT_THE_OWNERS, Target, allows
from memdeploy.rehearsal.call import Call, Cloud, Project
from memdeploy.rehearsal.contract import Contract, Match, complete
from memdeploy.rehearsal.enabled import is_on
from memdeploy.rehearsal.http import Request
from memdeploy.rehearsal.operations import Finisher
from memdeploy.rehearsal.permissions import needed
from memdeploy.rehearsal.refusal import invalid, not_found

VERSION = re.compile(r"(?:compute/v1|sql/v1beta4|apis/[^/]+/v1|v\d+(?:(?:alpha|beta)\d+)?)/")
PROJECT = re.compile(r"(?:^|/)(?:projects|namespaces)/([^/:]+)")
ACCOUNT_PROJECT = re.compile(r"serviceAccounts/[^@/]+@([^.]+)\.iam\.gserviceaccount\.com")
# https://cloud.google.com/run/docs/reference/rest#service-endpoint: `<region>-run.googleapis.com`
REGIONAL_HOST = re.compile(r"(?P<region>[a-z]+-[a-z]+\d+)-[a-z]")
NAMESPACE = re.compile(r"namespaces/(?P<project>[^/]+)/(?P<rest>.+)")
# Not tied to the resource's project but to the caller's own, which is not part of a rehearsal unless it is named
# (X-Goog-User-Project). https://cloud.google.com/docs/quotas/quota-project#project-client-based
CLIENT_BASED = frozenset({"cloudresourcemanager", "cloudbilling", "oauth2"})
ALWAYS_ON = frozenset({"serviceusage"})


@dataclass(frozen=True)
class Strike:
    """What fault injection does to operations that this request starts."""

    slowness: float = 1.0
    doomed: bool = False


class Dispatcher:
    """Knows the contract and the rules. Everything else comes with the call."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._rules: dict[str, rules.ServiceRules] = {}

    def finisher(self, service: str, name: str) -> Finisher | None:
        return self.rules(service).finishers.get(name)

    def rules(self, service: str) -> rules.ServiceRules:
        if service not in self._rules:
            self._rules[service] = rules.load(service)
        return self._rules[service]

    def match(self, service: str, request: Request, raw_path: str) -> Match:
        found = self._contract.match(service, request.verb, raw_path)
        if found is None:
            raise not_found(f"The requested URL /{raw_path} was not found on this server.")
        return found

    def call(self, cloud: Cloud, match: Match, request: Request, raw_path: str, strike: Strike) -> Call:
        """The request, checked against the contract, with everything resolved that a rule may ask for."""
        try:
            sent = request.json()
        except ValueError:
            raise invalid("Invalid JSON payload received. Unexpected token.", reason="parseError") from None
        region = _region(request.headers.get("host", ""))
        name = _located(_name(match, unquote(raw_path)), region)
        project = _project(cloud, name)
        return Call(
            cloud=cloud,
            method=match.method,
            name=_with_id(name, project),
            params={key: _with_id(value, project) for key, value in match.params.items()},
            query=self._contract.query(match, request.query),
            body=self._contract.body(match, sent),
            caller=_caller(cloud, request.bearer),
            project_or_none=project,
            region=region,
            slowness=strike.slowness,
            doomed=strike.doomed,
        )

    def answer(self, call: Call, match: Match, consumer: str) -> Mapping[str, Any]:
        """`consumer` is the X-Goog-User-Project header, '' when absent. What the caller may do is asked before what the
        request lacks (https://google.aip.dev/211)."""
        self._check_project(call, match, consumer)
        call = _completed(call, match)
        handler = self.rules(call.method.service).handler(call.method)
        return handler(call) if handler else generic.answer(call)

    def _check_project(self, call: Call, match: Match, consumer: str) -> None:
        service, wanted = call.method.service, needed(call)
        first = wanted[0] if wanted else methods.permission(call.method)
        named = PROJECT.search(call.name)
        project = call.project_or_none
        if named and named[1] != "-" and project is None:
            raise dialect.no_such_project(service, first, named[1])
        payer = _payer(call, consumer)
        if payer and not is_on(call.cloud, payer, f"{service}.googleapis.com"):
            raise dialect.service_disabled(f"{service}.googleapis.com", match.document.title, payer)
        lacking = [name for name in wanted if project and name not in NOT_THE_OWNERS and not _may(call, name, project)]
        if lacking:
            raise dialect.permission_denied(service, lacking[0], call.name)


def _payer(call: Call, consumer: str) -> Project | None:
    """The project in which the API must be on; None: none that we know."""
    if call.method.service in ALWAYS_ON:
        return None
    if call.method.service in CLIENT_BASED:
        return call.cloud.project(consumer) if consumer else None
    return call.project_or_none


def _may(call: Call, permission: str, project: Project) -> bool:
    """Whoever runs the client: all but what the world denies. An account of this cloud: what it was granted on the
    resource, on one above it or on the project."""
    if not call.caller.startswith("serviceAccount:"):
        return allows(call.cloud, call.caller, permission, project)
    parts = call.name.split("/")
    above = ("/".join(parts[:length]) for length in range(len(parts), 1, -1))
    service = call.method.service
    return any(allows(call.cloud, call.caller, permission, project, Target(service, name)) for name in above)


def _name(match: Match, path: str) -> str:
    custom = match.method.flat_path.rsplit("/", 1)[-1].partition(":")[2]
    bare = path.removesuffix(f":{custom}") if custom and "}" not in custom else path
    return VERSION.sub("", bare, count=1) if VERSION.match(bare) else bare


def _completed(call: Call, match: Match) -> Call:
    method = call.method
    if method.request is None:
        return call
    # An update of what a mask names; Cloud SQL merges what it is sent without one.
    partial = method.verb == "PATCH" and (bool(call.mask()) or method.service == "sqladmin")
    return replace(call, body=complete(match.document, method.request, method.leaf, call.body, partial=partial))


def _region(host: str) -> str:
    found = REGIONAL_HOST.match(host)
    return found["region"] if found else ""


def _located(name: str, region: str) -> str:
    """Cloud Run's v1 names its resources by namespace, which is the project, and the host's region: the same resources
    as v2's. `-` stands for all regions, as in v2."""
    found = NAMESPACE.fullmatch(name)
    return f"projects/{found['project']}/locations/{region or '-'}/{found['rest']}" if found else name


def _project(cloud: Cloud, name: str) -> Project | None:
    named = PROJECT.search(name)
    if named and named[1] == "-":
        named = ACCOUNT_PROJECT.search(name)
    return cloud.project(named[1]) if named else None


def _with_id(name: str, project: Project | None) -> str:
    if project is None or project.number not in name:
        return name
    if name == project.number:
        return project.id
    return re.sub(rf"((?:^|/)projects/){project.number}(?=/|$)", rf"\g<1>{project.id}", name)


def _caller(cloud: Cloud, token: str) -> str:
    account = identity.account_of(cloud, token)
    return f"serviceAccount:{account}" if account else cloud.owner


def with_clock(cloud: Cloud, now: float) -> Cloud:
    """The cloud with its clock stopped at the request's time."""
    return replace(cloud, clock=lambda: now)
