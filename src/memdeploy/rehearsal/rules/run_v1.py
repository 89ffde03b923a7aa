"""Cloud Run's v1 (Knative) API, which gcloud speaks, over the state of v2: requests are translated, answered by v2's
rules and translated back (`knative/`). A change answers with the resource; its operation goes on behind, and clients
look at the resource's conditions. https://cloud.google.com/run/docs/reference/rest/v1
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from memdeploy.rehearsal import documents
from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.contract import complete
from memdeploy.rehearsal.knative import services
from memdeploy.rehearsal.knative.meta import Place
from memdeploy.rehearsal.refusal import Refusal, invalid
from memdeploy.rehearsal.rules import run_services, run_v1_checks, run_v1_lists
from memdeploy.rehearsal.rules.run_base import SERVICE, find, in_location, shown
from memdeploy.rehearsal.store import Row

Json = Mapping[str, Any]
_Answer = TypeVar("_Answer", bound=Json)
_V2 = "run.projects.locations"


def create(call: Call) -> Json:
    run_v1_checks.service(call.body)
    return changed(call, _KIND, run_services.create, short=new_name(call))


def replace_(call: Call) -> Json:
    """The whole service; `metadata.resourceVersion` refuses what others changed meanwhile."""
    run_v1_checks.service(call.body)
    find(call, "SERVICE")
    return changed(call, _KIND, run_services.patch)


def get(call: Call) -> Json:
    return services.to_v1(shown(find(call, "SERVICE")), place(call, call.name))


def list_(call: Call) -> Json:
    rows = in_location(call, "Service")
    return run_v1_lists.answer(call, "ServiceList", services.API, _each(call, rows, services.to_v1))


def delete(call: Call) -> Json:
    return deleted(call, _KIND, run_services.delete)


def get_configuration(call: Call) -> Json:
    return services.configuration_to_v1(shown(_service(call, "CONFIGURATION")), place(call, call.name))


def list_configurations(call: Call) -> Json:
    items = _each(call, in_location(call, "Service"), services.configuration_to_v1)
    return run_v1_lists.answer(call, "ConfigurationList", services.API, items)


def get_route(call: Call) -> Json:
    return services.route_to_v1(shown(_service(call, "ROUTE")), place(call, call.name))


def list_routes(call: Call) -> Json:
    items = _each(call, in_location(call, "Service"), services.route_to_v1)
    return run_v1_lists.answer(call, "RouteList", services.API, items)


def get_revision(call: Call) -> Json:
    return _revision(call, below(call, "Revision", "REVISION"))


def list_revisions(call: Call) -> Json:
    rows = sorted(in_location(call, "Revision"), key=lambda row: row.created, reverse=True)
    return run_v1_lists.answer(call, "RevisionList", services.API, [_revision(call, row) for row in rows])


def unserved(call: Call) -> Json:
    """Read as v2 reads them, v1's paths would name resources of their own."""
    raise Refusal(501, "UNIMPLEMENTED", f"The rehearsal has no rule for {call.method.id} (v1).")


@dataclass(frozen=True)
class Kind:
    """What is written in v1: its name in paths without the plural's `s`, and its translation."""

    name: str
    read: Callable[[Json], dict[str, Any]]
    write: Callable[[Json, Place], dict[str, Any]]


def changed(call: Call, kind: Kind, handler: Handler, *, short: str = "") -> Json:
    """A create (`short` is the new name) or a replacement by v2's handler. A dry run is v2's `validateOnly`."""
    verb = "create" if short else "patch"
    body = _in_v1_words(lambda: _definition(call, kind, verb))
    query = {f"{kind.name}Id": [short]} if short else {}
    if call.text("dryRun") == "all":
        query["validateOnly"] = ["true"]
    operation = _in_v1_words(lambda: handler(as_v2(call, f"{kind.name}s.{verb}", body=body, query=query)))
    name = f"{call.name}/{short}" if short else call.name
    if "validateOnly" in query:
        return kind.write(operation["response"], place(call, name))
    return kind.write(shown(find(replace(call, name=name), kind.name.upper())), place(call, name))


def _definition(call: Call, kind: Kind, verb: str) -> dict[str, Any]:
    """What is sent, in v2's form and complete."""
    if call.name.split("/")[3] == "-":
        # https://cloud.google.com/run/docs/reference/rest/v1#service-endpoint: the global one lists, no more
        raise invalid(f"A {kind.name} is written at its region's endpoint, REGION-run.googleapis.com.")
    try:
        body = kind.read(call.body)
    except ValueError as error:
        raise invalid(str(error)) from None
    return complete(documents.read(SERVICE, "run.v2"), f"GoogleCloudRunV2{kind.name.capitalize()}", verb, body)


def new_name(call: Call) -> str:
    """ObjectMeta.name: "If omitted, a default name will be generated"; generateName is its prefix."""
    meta = call.body.get("metadata") or {}
    kind = call.name.rsplit("/", 1)[-1][:-1]
    return str(meta.get("name") or f"{meta.get('generateName') or kind + '-'}{secrets.token_hex(3)}")


def deleted(call: Call, kind: Kind, handler: Handler) -> Json:
    _in_v1_words(lambda: handler(as_v2(call, f"{kind.name}s.delete", body={})))
    return SUCCESS


def below(call: Call, type_: str, kind: str) -> Row:
    """A revision, execution or task by its short name: v1 has no parents in its paths."""
    short = call.name.rsplit("/", 1)[-1]
    found = [row for row in in_location(call, type_) if row.name.rsplit("/", 1)[-1] == short]
    return found[0] if found else find(call, kind)


def place(call: Call, name: str) -> Place:
    return Place(call.project.number, name.split("/")[3])


def _service(call: Call, kind: str) -> Row:
    """A configuration and a route are the service's, under its name."""
    *home, _, short = call.name.split("/")
    return call.store.get(SERVICE, "/".join([*home, "services", short])) or find(call, kind)


def _revision(call: Call, row: Row) -> dict[str, Any]:
    service = call.store.get(SERVICE, row.name.partition("/revisions/")[0])
    active = service is not None and service.body.get("latestReadyRevision") == row.name
    return services.revision_to_v1(shown(row), place(call, row.name), active=active)


def _each(call: Call, rows: Iterable[Row], write: Callable[[Json, Place], dict[str, Any]]) -> list[dict[str, Any]]:
    return [write(shown(row), place(call, row.name)) for row in rows]


def as_v2(call: Call, tail: str, *, body: dict[str, Any], query: Mapping[str, list[str]] | None = None) -> Call:
    """The call as v2's handlers know it; `tail` is the method's id after the location."""
    method = replace(call.method, id=f"{_V2}.{tail}", version="v2")
    return replace(call, method=method, body=body, query=query or {})


def _in_v1_words(ask: Callable[[], _Answer]) -> _Answer:
    try:
        return ask()
    except Refusal as refusal:
        raise run_v1_checks.worded(refusal) from None


# https://cloud.google.com/run/docs/reference/rest/v1/Status
SUCCESS: Json = {"status": "Success"}
_KIND = Kind("service", services.from_v1, services.to_v1)
_SERVICES: Mapping[str, Handler] = {
    "services.create": create,
    "services.get": get,
    "services.list": list_,
    "services.replaceService": replace_,
    "services.delete": delete,
    "configurations.get": get_configuration,
    "configurations.list": list_configurations,
    "routes.get": get_route,
    "routes.list": list_routes,
    "revisions.get": get_revision,
    "revisions.list": list_revisions,
    "revisions.delete": unserved,
}
RULES: Mapping[str, Handler] = {
    f"{prefix}.{tail}@v1": handler for prefix in ("run.namespaces", _V2) for tail, handler in _SERVICES.items()
}
