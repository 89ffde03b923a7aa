"""What tests and scripts ask the rehearsal itself: `/_rehearsal/…`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from memdeploy.rehearsal import inventory, planted
from memdeploy.rehearsal.http import Answer, Request, json_answer

if TYPE_CHECKING:
    from memdeploy.rehearsal.app import App

HEALTH = "/_rehearsal/health"
_NOT_UNDERSTOOD = (ValueError, KeyError, TypeError, RecursionError)


def answer(app: App, request: Request) -> Answer:
    handler = HANDLERS.get((request.verb, request.path))
    if handler is None:
        known = ", ".join(sorted(f"{verb} {path}" for verb, path in HANDLERS))
        return json_answer(404, {"error": f"no {request.verb} {request.path}; there are: {known}"})
    return handler(app, request)


def _health(app: App, request: Request) -> Answer:
    return json_answer(200, {"provider": "gcp", "id": app.cloud.id, "ready": app.ready})


def _clock(app: App, request: Request) -> Answer:
    """`space` is the /15 that this rehearsal's networks should live in; `reason`: why there are no containers."""
    backing = app.settings.backing
    with app.store.transaction():
        space = app.store.fact("keep/space")
    shown: dict[str, Any] = {"scale": app.cloud.scale, "backing": backing.name, "now": app.cloud.now, "space": space}
    return json_answer(200, {**shown, "reason": app.settings.reason})


def _inventory(app: App, request: Request) -> Answer:
    app.settle()
    with app.store.transaction():
        return json_answer(200, {"resources": inventory.resources(app.store)})


def _requests(app: App, request: Request) -> Answer:
    since = parse_qs(request.query).get("since", ["0"])[0]
    if not re.fullmatch("[0-9]{1,18}", since):
        return json_answer(400, {"error": "since: expected a whole number"})
    with app.store.transaction():
        return json_answer(200, {"requests": app.store.requests(int(since))})


def _faults(app: App, request: Request) -> Answer:
    try:
        spec = json.loads(request.body or b"{}")["spec"]
        app.set_faults(str(spec))
    except _NOT_UNDERSTOOD as error:
        return json_answer(400, {"error": f'expected {{"spec": "503=0.1,…"}}: {error}'})
    return json_answer(200, {"spec": spec})


def _containers(app: App, request: Request) -> Answer:
    try:
        given = json.loads(request.body or b"{}")["containers"]
        with app.store.transaction():
            planted.plant(app.store, given)
    except _NOT_UNDERSTOOD as error:
        return json_answer(400, {"error": f'expected {{"containers": [{{"name": "*-api", …}}]}}: {error}'})
    return json_answer(200, {"containers": given})


def _reset(app: App, request: Request) -> Answer:
    app.reset()
    return json_answer(200, {"reset": True})


HANDLERS: Mapping[tuple[str, str], Callable[[App, Request], Answer]] = {
    ("GET", HEALTH): _health,
    ("GET", "/_rehearsal/clock"): _clock,
    ("GET", "/_rehearsal/inventory"): _inventory,
    ("GET", "/_rehearsal/requests"): _requests,
    ("POST", "/_rehearsal/faults"): _faults,
    ("POST", "/_rehearsal/containers"): _containers,
    ("POST", "/_rehearsal/reset"): _reset,
}
