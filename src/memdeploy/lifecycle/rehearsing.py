"""Which cloud a command talks to: the real one, a rehearsal that somebody else serves, or our own beside the journals.

A journal is bound at birth to `real` or to one rehearsal. So a forgotten variable can never point a rehearsal's destroy
at the real cloud, nor a real deployment at a toy.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from memdeploy.errors import UsageError
from memdeploy.lifecycle.request import Request
from memdeploy.providers.base import RehearsalTarget
from memdeploy.rehearsal import process, users
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import REAL, DeploymentStatus

FOLDER = "_rehearsal"
LOCAL = "local"
_SERVING = frozenset({DeploymentStatus.DEPLOYING, DeploymentStatus.READY, DeploymentStatus.FAILED})


@dataclass(frozen=True)
class Stage:
    """Where a run takes place. `binding` is what its journal is bound to; `scale` is the cloud's time."""

    binding: str = REAL
    target: RehearsalTarget | None = None
    scale: float = 1.0
    backing: str | None = None
    reason: str | None = None
    space: str | None = None

    @property
    def containers(self) -> bool:
        return self.target is not None and self.target.containers


@contextlib.contextmanager
def stage(
    request: Request, provider: str, binding: str | None, root: Path, environ: Mapping[str, str]
) -> Iterator[Stage]:
    """The stage of one command. `binding` is the journal's, None before there is one.

    A rehearsal without containers that a command started ends with the last command that uses it; its state stays.
    Raises `UsageError` when flags, environment and the journal's binding contradict each other.
    """
    if provider == LOCAL:
        if request.rehearse:
            raise UsageError(
                "a local deployment is no rehearsal",
                code="local-rehearsal",
                where="--rehearse",
                suggestion="Leave out --rehearse: it runs on this machine alone, and destroy removes all of it.",
            )
        yield Stage()
        return
    endpoint = environ.get(f"MEMDEPLOY_{provider.upper()}_ENDPOINT")
    if endpoint is not None:
        found = _attached(endpoint, environ.get(f"MEMDEPLOY_{provider.upper()}_TOKEN_FILE"))
        check(binding, found)
        yield found
    elif request.rehearse or (binding is not None and binding != REAL):
        with _ours(request, root / FOLDER / provider) as found:
            check(binding, found)
            yield found
    else:
        check(binding, Stage())
        yield Stage()


def _attached(endpoint: str, token_file: str | None) -> Stage:
    try:
        return _staged(process.attach(endpoint, Path(token_file) if token_file else None))
    except process.RehearsalError as error:
        raise _unavailable(str(error)) from error


@contextlib.contextmanager
def _ours(request: Request, folder: Path) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        try:
            use = stack.enter_context(users.using(folder))
            started = _started(request, folder)
        except OSError as error:
            raise _unavailable(f"{error.filename or folder}: {error.strerror}") from error
        except process.RehearsalError as error:
            raise _unavailable(str(error)) from error
        found = _staged(started)
        try:
            yield found
        finally:
            if started.detached and not found.containers and use.ended_as_last():
                process.stop(folder)


def _unavailable(why: str) -> UsageError:
    return UsageError(
        f"the rehearsal cannot be used: {why}",
        code="rehearsal-unavailable",
        suggestion="See its log, or start afresh with `memdeploy rehearsal stop`.",
    )


def _started(request: Request, folder: Path) -> process.Started:
    return process.start(
        folder,
        backing=request.backing,  # type: ignore[arg-type]
        time_scale=request.time_scale,
        world=request.world,
        faults=request.faults,
    )


def _staged(found: process.Started) -> Stage:
    target = RehearsalTarget(found.id, found.endpoint, found.token_file, found.backing == "containers")
    return Stage(found.id, target, found.scale, found.backing, found.reason, found.space)


def check(binding: str | None, found: Stage) -> None:
    """Raises `UsageError` when a journal with this binding (None: there is none) is not of this stage."""
    if binding is None or binding == found.binding:
        return
    if binding == REAL:
        raise UsageError(
            "this deployment is real, but a rehearsal was named",
            code="binding",
            suggestion="Leave out --rehearse and unset the MEMDEPLOY_*_ENDPOINT variable, or choose another --name.",
        )
    raise UsageError(
        f"this deployment belongs to rehearsal {binding}, not to {found.binding}",
        code="binding",
        suggestion="Use the endpoint of that rehearsal, or choose another --name or --state.",
    )


def leave(deployments: Deployments, *, entirely: bool = False) -> None:
    """After a destroy: nobody is served any more by a rehearsal of ours whose deployments are gone or at rest, so its
    server ends. `entirely` (after `destroy --shared`): when none is left at all, it and its containers go too. While
    another command uses it, it stays: that one may be at a deployment that has no journal yet."""
    for ours in sorted((deployments.root / FOLDER).glob("*")):
        if process.running(ours) is None:
            continue
        with users.unused(ours) as alone:
            if alone:
                _end(ours, deployments, entirely=entirely)


def _end(ours: Path, deployments: Deployments, *, entirely: bool) -> None:
    found = process.running(ours)
    if found is None:
        return
    journals = [listed.journal for listed in deployments.list() if listed.journal is not None]
    bound = [journal for journal in journals if journal.binding == found.id]
    if entirely and all(journal.status == DeploymentStatus.DESTROYED for journal in bound):
        process.remove_everything(ours)
        shutil.rmtree(ours)
    elif not any(journal.status in _SERVING for journal in bound):
        process.stop(ours)
