"""The question whether whoever runs memdeploy is allowed to do what is needed (`needs.py`), and the role to ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding, Role, Verdict
from memdeploy.providers.gcp import errors, needs
from memdeploy.providers.gcp.scope import Scope

_AT_ONCE = 100  # https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions
_NAMED = re.compile(r"[Pp]ermission '?([a-z]+\.[A-Za-z]+\.[A-Za-z]+)'? is not valid")


def required(scope: Scope) -> tuple[str, ...]:
    """For this configuration, and for what is left of an earlier one."""
    return needs.permissions(scope.deployment, scope.context.records)


def role(scope: Scope) -> Role:
    """https://cloud.google.com/iam/docs/creating-custom-roles"""
    names = required(scope)
    lines = [
        "title: memdeploy",
        "description: What memdeploy needs to deploy, update and destroy MemMachine",
        "stage: GA",
        "includedPermissions:",
        *(f"- {name}" for name in names),
    ]
    how = f"gcloud iam roles create memdeploy --project {scope.project} --file role.yaml"
    return Role(names, "\n".join(lines) + "\n", how)


def lacking(scope: Scope, names: Iterable[str]) -> Finding:
    return Finding(
        "permissions", Verdict.FAILED,
        f"permissions are missing on project {scope.project}: {shortened(names)}", "permissions-missing",
        "Ask an owner of the project for a role that holds them: `memdeploy doctor --print-role` prints the least"
        " (roles/owner holds them all).",
    )  # fmt: skip


def missing(scope: Scope, wanted: Sequence[str]) -> list[str]:
    """What of `wanted` the caller does not hold on the project, for use inside `run.read`."""
    held: set[str] = set()
    asked: list[str] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = list(wanted[start : start + _AT_ONCE])
        held |= _held(lambda names: _ask(scope, names), part)
        asked += part
    return sorted(set(asked) - held)


def _ask(scope: Scope, names: list[str]) -> set[str]:
    """The subset that is held; the answer has no key at all when it is none."""
    answer = scope.clients.cloudresourcemanager(
        "projects.testIamPermissions", resource=scope.names.project_path, body={"permissions": names}
    )
    return set(answer.get("permissions", []))


def _held(ask: Callable[[list[str]], set[str]], names: list[str]) -> set[str]:
    """One name that Google does not know (any more) fails the whole question: such a name is left out, and no reason
    to refuse."""
    unknown: set[str] = set()
    while True:
        try:
            return ask([name for name in names if name not in unknown]) | unknown
        except Exception as raised:
            name = _unknown_name(errors.classify(raised))
            if name is None or name in unknown or name not in names:
                raise
            unknown.add(name)


def _unknown_name(error: CloudError | None) -> str | None:
    found = _NAMED.search(error.message) if error is not None and error.kind is ErrorKind.INVALID else None
    return found.group(1) if found else None


def shortened(names: Iterable[str]) -> str:
    """`run.services.{create,delete}, …`: few lines for many names."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        resource, _, verb = name.rpartition(".")
        groups.setdefault(resource, []).append(verb)
    return ", ".join(f"{r}.{v[0]}" if len(v) == 1 else f"{r}.{{{','.join(v)}}}" for r, v in groups.items())
