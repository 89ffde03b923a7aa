"""What is done to a container, each an intent of its own. All are safe to repeat."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from memdeploy.engine.step import Intent, Run
from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.providers.local import vault
from memdeploy.providers.local.containers import spec as specs
from memdeploy.providers.local.containers.found import RUNNING, Found, look
from memdeploy.providers.local.containers.spec import Powers, Spec
from memdeploy.providers.local.scope import Scope
from memdeploy.secret import heard

_TAKEN = ("port is already allocated", "address already in use", "bind: ")


def powers(scope: Scope) -> Powers:
    return Powers.of(scope.engine.info)


def make(run: Run, scope: Scope, spec: Spec, verb: str = "create") -> None:
    """Raises `CloudError` CONFLICT when the name is taken: whose it is shows in the marker."""

    def call(intent: Intent) -> Any:
        api = scope.engine.client.api
        able = powers(scope)
        made = specs.arguments(spec, able, scope.marker.labels, functools.partial(vault.reveal, scope))
        return api.create_container(
            **made,
            host_config=api.create_host_config(**specs.host(spec, able)),
            networking_config=_network(api, spec),
        )["Id"]

    run.change(verb, spec.name, call)


def _network(api: Any, spec: Spec) -> Any:
    if spec.network is None:
        return None
    return api.create_networking_config({spec.network: api.create_endpoint_config(aliases=list(spec.aliases) or None)})


def start(run: Run, scope: Scope, name: str) -> None:
    def call(intent: Intent) -> None:
        try:
            scope.engine.client.api.start(name)
        except Exception as error:
            raise _of_port(error, run.step) from error

    run.change("start", name, call)


def _of_port(error: Exception, step: str) -> Exception:
    text = str(error)
    if not any(sign in text for sign in _TAKEN):
        return error
    return StepFailed(
        "somebody else listens on the port of the loopback address that MemMachine was to have",
        code="port-taken",
        where=step,
        suggestion="End that program, or choose another port with --local-port.",
    )


def wake(run: Run, scope: Scope, found: Found) -> None:
    """Whatever keeps it from running."""
    client = scope.engine.client
    if found.status == "paused":
        run.change("unpause", found.name, lambda intent: client.api.unpause(found.id))
    elif found.status != RUNNING:
        start(run, scope, found.name)
    else:
        run.change("restart", found.name, lambda intent: client.api.restart(found.id, timeout=_grace(found)))


def stop(run: Run, scope: Scope, found: Found) -> None:
    run.change("stop", found.name, lambda intent: scope.engine.client.api.stop(found.id, timeout=_grace(found)))


def remove(run: Run, scope: Scope, found: Found) -> None:
    """Asked to end first, so that what was begun is finished; its volumes by name stay."""

    def call(intent: Intent) -> None:
        api = scope.engine.client.api
        with contextlib.suppress(*_gone()):
            api.stop(found.id, timeout=_grace(found))
        with contextlib.suppress(*_gone()):
            api.remove_container(found.id, v=True, force=True)

    with _not_found_is_well():
        run.change("delete", found.name, call)
    run.until(lambda: True if look(scope.engine.client, found.id) is None else None, what=f"{found.name} to be gone")


def _gone() -> tuple[type[Exception], ...]:
    from docker.errors import NotFound

    return (NotFound,)


@contextlib.contextmanager
def _not_found_is_well() -> Any:
    try:
        yield
    except CloudError as error:
        if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.CONFLICT):  # a conflict: it is going already
            raise


def _grace(found: Found) -> int:
    return int(found.attrs["Config"].get("StopTimeout") or 10)


def last_words(scope: Scope, container: str, lines: int = 20) -> tuple[str, ...]:
    """What it said last, oldest first."""
    said = heard(scope.engine.client.api.logs(container, tail=lines).decode(errors="replace"))
    return tuple(line for line in said.splitlines() if line.strip())
