"""Service Usage v1: which APIs are on. https://cloud.google.com/service-usage/docs/reference/rest"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.rehearsal import operations
from memdeploy.rehearsal.call import Call, Cloud, Handler
from memdeploy.rehearsal.documents import VERSIONS
from memdeploy.rehearsal.enabled import marked_on, switch_off, switch_on
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome
from memdeploy.rehearsal.paging import page
from memdeploy.rehearsal.refusal import denied, failed_precondition, invalid

HOST = re.compile(r"[a-z0-9-]+\.googleapis\.com")
MAX_BATCH = 20  # "up to 20 services" (batchEnable); batchGet takes 30
MAX_READ = 30
RESPONSE = "type.googleapis.com/google.api.serviceusage.v1"


def get(call: Call) -> Mapping[str, Any]:
    return _shown(call, _host(call.name))


def batch_get(call: Call) -> Mapping[str, Any]:
    names = call.query.get("names", ())
    if len(names) > MAX_READ:
        raise invalid(f"A request can include at most {MAX_READ} services.")
    return {"services": [_shown(call, _host(name)) for name in names]}


def list_(call: Call) -> Mapping[str, Any]:
    hosts = [f"{service}.googleapis.com" for service in sorted(VERSIONS)]
    shown = [_shown(call, host) for host in hosts]
    wanted = call.text("filter").partition(":")[2]
    return page(call, "services", [s for s in shown if not wanted or s["state"] == wanted])


def enable(call: Call) -> Mapping[str, Any]:
    return _enable(call, [_host(call.name)])


def batch_enable(call: Call) -> Mapping[str, Any]:
    hosts = call.body.get("serviceIds") or []
    if not hosts or len(hosts) > MAX_BATCH:
        raise invalid(f"A request must include between 1 and {MAX_BATCH} services.")
    return _enable(call, [_known(host) for host in hosts])


def disable(call: Call) -> Mapping[str, Any]:
    host = _host(call.name)
    if not marked_on(call.cloud, call.project.id, host):
        raise failed_precondition(f"The service {host} is not enabled.")
    return _start(call, "disable", [host])


def _enable(call: Call, hosts: Sequence[str]) -> Mapping[str, Any]:
    """Billed APIs need a billing account. Enabling what is on is a no-op, done at once."""
    if not call.project.billing:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "UREQ_PROJECT_BILLING_NOT_FOUND",
            "domain": "serviceusage.googleapis.com",
            "metadata": {"project": call.project.number},
        }
        # https://cloud.google.com/service-usage/docs/troubleshooting
        raise failed_precondition(
            f"Billing account for project '{call.project.number}' is not found. Billing must be enabled for activation"
            f" of service(s) '{','.join(hosts)}' to proceed.",
            details=[info],
        )
    return _start(call, "enable", hosts)


def _start(call: Call, kind: str, hosts: Sequence[str]) -> Mapping[str, Any]:
    idle = kind == "enable" and all(marked_on(call.cloud, call.project.id, host) for host in hosts)
    return operations.start(
        call,
        "lro",
        f"operations/acf.p2-{call.project.number}-{operations.fresh_name(call)}",
        kind=kind,
        target=f"projects/{call.project.id}",
        finisher=kind,
        data={"project": call.project.id, "number": call.project.number, "hosts": list(hosts)},
        seconds=0 if idle else None,
    )


def finish_enable(cloud: Cloud, operation: Operation) -> Outcome:
    project, hosts = operation.data["project"], operation.data["hosts"]
    for host in hosts:
        switch_on(cloud, project, host, since=cloud.now)
    services = [_service(operation.data["number"], host, on=True) for host in hosts]
    if operation.method.endswith("batchEnable"):
        return Outcome(response={"@type": f"{RESPONSE}.BatchEnableServicesResponse", "services": services})
    return Outcome(response={"@type": f"{RESPONSE}.EnableServiceResponse", "service": services[0]})


def finish_disable(cloud: Cloud, operation: Operation) -> Outcome:
    host = operation.data["hosts"][0]
    switch_off(cloud, operation.data["project"], host)
    service = _service(operation.data["number"], host, on=False)
    return Outcome(response={"@type": f"{RESPONSE}.DisableServiceResponse", "service": service})


def _shown(call: Call, host: str) -> dict[str, Any]:
    return _service(call.project.number, host, on=marked_on(call.cloud, call.project.id, host))


def _service(number: str, host: str, *, on: bool) -> dict[str, Any]:
    return {
        "name": f"projects/{number}/services/{host}",
        "config": {"name": host, "title": host},
        "state": "ENABLED" if on else "DISABLED",
        "parent": f"projects/{number}",
    }


def _host(name: str) -> str:
    return _known(name.rsplit("/", 1)[-1])


def _known(host: str) -> str:
    if not HOST.fullmatch(host):
        raise denied(f"Not found or permission denied for service(s): {host}.")
    return host


RULES: Mapping[str, Handler] = {
    "serviceusage.services.get": get,
    "serviceusage.services.batchGet": batch_get,
    "serviceusage.services.list": list_,
    "serviceusage.services.enable": enable,
    "serviceusage.services.batchEnable": batch_enable,
    "serviceusage.services.disable": disable,
}
FINISHERS: Mapping[str, Finisher] = {"enable": finish_enable, "disable": finish_disable}
