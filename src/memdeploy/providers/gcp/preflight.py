"""What must be so before anything is touched. Reads only; collects all findings, then refuses once, with remedies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from memdeploy.config.model import ModelProvider
from memdeploy.config.profiles import sizes
from memdeploy.engine.step import Observed, Outputs, Run, State
from memdeploy.errors import CloudError, ErrorKind, Refused
from memdeploy.providers.gcp import apis, auth, errors, permissions
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.names import last
from memdeploy.providers.gcp.neo4j_machine import cpus
from memdeploy.providers.gcp.scope import Scope

T = TypeVar("T")
_PASSING = frozenset({ErrorKind.NETWORK, ErrorKind.UNAVAILABLE, ErrorKind.RATE_LIMIT, ErrorKind.BUSY})
_BOOT_GB = 10


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what puts it right."""

    text: str
    remedy: str


@dataclass
class Report:
    """What one preflight found out. While Cloud Resource Manager is off, permissions are asked for by `Apis`."""

    findings: list[Finding] = field(default_factory=list)
    number: str | None = None
    caller: str | None = None

    def add(self, text: str, remedy: str) -> None:
        self.findings.append(Finding(text, remedy))


class Preflight:
    """A transient step: runs each time, changes nothing."""

    kind = "preflight"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        return Observed(State.PRESENT, outputs=self.ensure(run))

    def ensure(self, run: Run) -> Outputs:
        report = examine(self.scope, run)
        if report.findings:
            raise _refusal(report.findings, run.step)
        return {"project_number": report.number, "caller": report.caller}

    def remove(self, run: Run) -> None:
        """Nothing was made."""

    def summary(self, outputs: Outputs) -> str:
        return f"project {outputs['project_number']}, as {outputs['caller']}"


def examine(scope: Scope, run: Run) -> Report:
    """All checks. Credentials come first: without them no other question has an answer."""
    report = Report()
    _model_key(scope, report)
    if not _credentials(scope, run, report):
        return report
    off = _project(scope, run, report)
    if report.number is None:
        return report
    if "cloudbilling.googleapis.com" not in off:
        _billing(scope, run, report)
    if "cloudresourcemanager.googleapis.com" not in off:
        _permissions(scope, run, report)
    if "compute.googleapis.com" not in off:
        _region(scope, run, report)
    _caller(scope, run, report)
    return report


def _credentials(scope: Scope, run: Run, report: Report) -> bool:
    found = _attempt(run, lambda: scope.clients.credentials)
    if isinstance(found, CloudError):
        report.add(found.message, found.suggestion or errors.LOGIN)
        return False
    return True


def _project(scope: Scope, run: Run, report: Report) -> list[str]:
    """Sets the number; returns the APIs that are off (all, when that could not be asked)."""
    found = _attempt(run, lambda: apis.states(scope))
    if not isinstance(found, CloudError):
        report.number = found["number"] or _number(scope, run)
        off: list[str] = found["off"]
        return off
    if found.kind is ErrorKind.UNAUTHENTICATED:
        report.add(found.message, found.suggestion or errors.LOGIN)
    elif found.kind is ErrorKind.NOT_ENABLED:
        report.add(
            "the Service Usage API, which switches the others on, is itself off",
            f"Run `gcloud services enable serviceusage.googleapis.com --project {scope.project}`.",
        )
    else:
        report.add(
            f"project {scope.project} does not exist, or these credentials may not see it ({found.message})",
            "Check the project's id (not its name or number) and the account that you are signed in with.",
        )
    return list(apis.APIS)


def _number(scope: Scope, run: Run) -> str | None:
    found = _attempt(run, lambda: scope.clients.cloudresourcemanager("projects.get", name=scope.names.project_path))
    return None if isinstance(found, CloudError) else last(found["name"])


def _billing(scope: Scope, run: Run, report: Report) -> None:
    """Somebody without the right to look at billing may still deploy: then nothing is said."""
    found = _attempt(run, lambda: scope.clients.cloudbilling("projects.getBillingInfo", name=scope.names.project_path))
    if not isinstance(found, CloudError) and not found.get("billingEnabled"):
        report.add(
            f"project {scope.project} has no billing account",
            f"Link one at https://console.cloud.google.com/billing/linkedaccount?project={scope.project}.",
        )


def _permissions(scope: Scope, run: Run, report: Report) -> None:
    found = _attempt(run, lambda: permissions.missing(scope))
    if isinstance(found, CloudError):
        if found.kind is not ErrorKind.NOT_ENABLED:
            report.add(f"the permissions could not be asked for ({found.message})", found.suggestion or "Try again.")
        return
    if found:
        report.add(
            f"permissions are missing on project {scope.project}: {permissions.shortened(found)}",
            "Ask an owner of the project for a role that holds them (roles/owner does).",
        )


def _region(scope: Scope, run: Run, report: Report) -> None:
    found = _attempt(run, lambda: scope.clients.compute("regions.get", project=scope.project, region=scope.region))
    if isinstance(found, CloudError):
        if found.kind is ErrorKind.NOT_FOUND:
            report.add(f"there is no region {scope.region}", "Choose one of `gcloud compute regions list`.")
        return
    zones = sorted(last(link) for link in found.get("zones", []))
    if zones and scope.zone not in zones:
        report.add(f"region {scope.region} has no zone {scope.zone}", f"Set gcp.zone to one of {', '.join(zones)}.")
    if "neo4j.vm" not in scope.context.records:
        _quotas(scope, found.get("quotas", []), report)


def _quotas(scope: Scope, quotas: list[dict[str, Any]], report: Report) -> None:
    """Of Compute Engine, for the one machine; Cloud SQL's and Cloud Run's are not told here."""
    size = sizes(scope.deployment)
    needed = {"CPUS": cpus(size.neo4j_machine), "SSD_TOTAL_GB": size.neo4j_disk_gb + _BOOT_GB}
    for quota in quotas:
        want = needed.get(str(quota.get("metric")))
        free = float(quota.get("limit", 0)) - float(quota.get("usage", 0))
        if want is not None and free < want:
            report.add(
                f"quota {quota['metric']} in {scope.region}: {want} needed, {free:g} of {quota['limit']:g} left",
                "Ask for more at https://console.cloud.google.com/iam-admin/quotas, or choose another region.",
            )


def _caller(scope: Scope, run: Run, report: Report) -> None:
    """Whoever calls may mint tokens of the verifier account; who that is must be known before anything is made."""
    report.caller = scope.deployment.gcp.caller
    if report.caller:
        return
    clients = scope.clients
    found = _attempt(
        run,
        lambda: auth.member(
            clients.credentials,
            clients.http(),
            userinfo=lambda: _userinfo(clients),
            rehearsed=clients.rehearsal is not None,
        ),
    )
    if isinstance(found, CloudError):
        report.add(found.message, found.suggestion or errors.LOGIN)
        return
    report.caller = found
    if found is None:
        report.add(
            "these credentials do not tell whose they are, so nobody could be allowed to verify the deployment",
            "Name yourself with --caller MEMBER, such as --caller user:you@example.com.",
        )


def _userinfo(clients: Clients) -> dict[str, Any]:
    """Nothing when the login left out the e-mail scope (401 or 403): it works for all else."""
    try:
        return clients.api("oauth2")("userinfo.get")
    except Exception as raised:
        error = errors.classify(raised)
        if error is not None and error.kind in (ErrorKind.PERMISSION, ErrorKind.UNAUTHENTICATED) and error.status:
            return {}
        raise


def _model_key(scope: Scope, report: Report) -> None:
    model = scope.deployment.model
    stored = "secret.model" in scope.context.records
    if scope.context.model_key or model.provider is ModelProvider.OFFLINE or model.key.secret or stored:
        return
    where = f"environment variable {model.key.env}" if model.key.env else f"file {model.key.file}"
    report.add(f"there is no key for the model: {where} is empty", "Set it, or name another place in model.key.")


def _attempt(run: Run, call: Callable[[], T]) -> T | CloudError:
    """The answer or the refusal. What passes by itself is repeated by `read`; an API that is off is not waited for."""

    def guarded() -> T | CloudError:
        try:
            return call()
        except Exception as raised:
            error = errors.classify(raised)
            if error is None or error.kind in _PASSING:
                raise
            return error

    return run.read(guarded)


def _refusal(findings: list[Finding], step: str) -> Refused:
    if len(findings) == 1:
        return Refused(findings[0].text, code="preflight", where=step, suggestion=findings[0].remedy)
    listed = "\n".join(f"  {n}. {finding.text}" for n, finding in enumerate(findings, 1))
    remedies = "\n".join(f"  {n}. {finding.remedy}" for n, finding in enumerate(findings, 1))
    return Refused(
        f"{len(findings)} things must be put right first:\n{listed}", code="preflight", where=step,
        suggestion=f"\n{remedies}",
    )  # fmt: skip
