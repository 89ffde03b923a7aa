"""The rules of Cloud Run, Admin API v2: services with revisions, jobs with executions and tasks; and v1 over them."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Handler
from memdeploy.rehearsal.operations import Finisher
from memdeploy.rehearsal.rules import run_executions, run_jobs, run_revisions, run_services, run_v1, run_v1_jobs
from memdeploy.rehearsal.rules.guard import guarded

_BASE = "run.projects.locations"
_IAM: Mapping[str, Handler] = {
    "getIamPolicy": run_services.get_iam,
    "setIamPolicy": run_services.set_iam,
    "testIamPermissions": run_services.test_iam,
}

RULES: Mapping[str, Handler] = {
    f"{_BASE}.services.create": run_services.create,
    f"{_BASE}.services.get": run_services.get,
    f"{_BASE}.services.list": run_services.list_,
    f"{_BASE}.services.patch": run_services.patch,
    f"{_BASE}.services.delete": run_services.delete,
    **{f"{_BASE}.services.{leaf}": handler for leaf, handler in _IAM.items()},
    f"{_BASE}.services.revisions.get": run_revisions.get,
    f"{_BASE}.services.revisions.list": run_revisions.list_,
    f"{_BASE}.jobs.create": run_jobs.create,
    f"{_BASE}.jobs.get": run_jobs.get,
    f"{_BASE}.jobs.list": run_jobs.list_,
    f"{_BASE}.jobs.patch": run_jobs.patch,
    f"{_BASE}.jobs.delete": run_jobs.delete,
    f"{_BASE}.jobs.run": run_jobs.run,
    **{f"{_BASE}.jobs.{leaf}": handler for leaf, handler in _IAM.items()},
    f"{_BASE}.jobs.executions.get": run_executions.get,
    f"{_BASE}.jobs.executions.list": run_executions.list_,
    f"{_BASE}.jobs.executions.cancel": run_executions.cancel,
    f"{_BASE}.jobs.executions.delete": run_executions.delete,
    f"{_BASE}.jobs.executions.tasks.get": run_executions.get_task,
    f"{_BASE}.jobs.executions.tasks.list": run_executions.list_tasks,
    **run_v1.RULES,
    **run_v1_jobs.RULES,
}

_FAILED: Mapping[str, Finisher] = {
    "deployed": run_services.deployment_failed,
    "service-deleted": run_services.delete_failed,
    "job-deployed": run_jobs.deployment_failed,
    "job-deleted": run_services.delete_failed,
    "executed": run_executions.failed,
}

FINISHERS: Mapping[str, Finisher] = {
    "deployed": guarded(run_services.deployed, _FAILED["deployed"]),
    "unchanged": run_services.unchanged,
    "service-deleted": guarded(run_services.deleted, _FAILED["service-deleted"]),
    "job-deployed": run_jobs.deployed,
    "job-deleted": run_jobs.deleted,
    "executed": guarded(run_executions.executed, _FAILED["executed"]),
    **{f"fail.{name}": finisher for name, finisher in _FAILED.items()},
}
