"""A container that does one thing and ends: its exit code and what it said are the answer, then it is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from memdeploy.engine.step import Run
from memdeploy.errors import Foreign
from memdeploy.providers.local.containers import found as looking
from memdeploy.providers.local.containers import verbs
from memdeploy.providers.local.containers.found import Found
from memdeploy.providers.local.containers.spec import SETTINGS, Spec
from memdeploy.providers.local.scope import Scope

ROLE = "once"
ENDED = ("exited", "dead")


@dataclass(frozen=True)
class Ended:
    """`out` is its standard output, `said` the last lines of both."""

    code: int
    exhausted: bool
    out: str
    said: tuple[str, ...]


def nothing(container: str) -> None:
    """For what needs nothing before it starts or after it ended."""


def run_once(
    run: Run, scope: Scope, spec: Spec, *, resume: bool, timeout: float,
    before: Callable[[str], None] = nothing, after: Callable[[str], None] = nothing,
) -> Ended:  # fmt: skip
    """`spec.role` is `ROLE`. `resume`: one that an earlier run started with the same settings is waited for; else it
    is begun anew. `before` is called with the name between create and start, `after` once it ended with 0."""
    found = run.read(lambda: looking.look(scope.engine.client, spec.name))
    if found is not None:
        _check_ours(scope, found, run.step)
        if not resume or _spent(found) or found.labels.get(SETTINGS) != spec.settings:
            verbs.remove(run, scope, found)
            found = None
    if found is None:
        verbs.make(run, scope, spec)
        run.read(lambda: before(spec.name))
        verbs.start(run, scope, spec.name)
    ended = run.until(lambda: _ended(scope, spec.name), what=f"{spec.name} to end", every=0.3, timeout=timeout)
    answer = run.read(lambda: _answer(scope, ended))
    if ended.exit_code == 0:
        run.read(lambda: after(spec.name))
    verbs.remove(run, scope, ended)
    return answer


def sweep(run: Run, scope: Scope) -> None:
    """What a run that was killed left of these: nothing may hold a volume or network that is removed."""
    for one in run.read(lambda: looking.of_role(scope, ROLE)):
        verbs.remove(run, scope, one)


def _check_ours(scope: Scope, found: Found, step: str) -> None:
    if not scope.marker.on_labels(found.labels):
        raise Foreign(
            f"container {found.name} exists and is not ours",
            where=step,
            suggestion="Remove or rename it, or choose another deployment name with --name.",
        )


def _spent(found: Found) -> bool:
    """It was never started, or failed: what it failed of may have been put right since."""
    return found.status == "created" or (found.status in ENDED and found.exit_code != 0)


def _ended(scope: Scope, name: str) -> Found | None:
    found = looking.look(scope.engine.client, name)
    return found if found is not None and found.status in ENDED else None


def _answer(scope: Scope, ended: Found) -> Ended:
    api = scope.engine.client.api
    out = api.logs(ended.id, stdout=True, stderr=False).decode(errors="replace")
    return Ended(ended.exit_code, ended.exhausted, out, verbs.last_words(scope, ended.id))


def last_object(text: str) -> Mapping[str, Any] | None:
    """The JSON object on the last line that is one."""
    import json

    for line in reversed(text.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None
