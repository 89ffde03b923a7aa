"""The whole embedded cloud without its socket: a request in, an answer (or a cut connection) out."""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from memdeploy.rehearsal import admin, dialect, faults, identity, injected, metadata, methods, mounts, moved, world
from memdeploy.rehearsal.backing.protocol import Backing
from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.contract import Contract, Match
from memdeploy.rehearsal.dispatch import Dispatcher, Strike, with_clock
from memdeploy.rehearsal.documents import VERSIONS
from memdeploy.rehearsal.enabled import switch_on
from memdeploy.rehearsal.http import Answer, Request, json_answer
from memdeploy.rehearsal.permissions import needed
from memdeploy.rehearsal.refusal import Refusal, not_found
from memdeploy.rehearsal.settling import Settler
from memdeploy.rehearsal.store import Store

log = logging.getLogger("memdeploy.rehearsal")

DEFAULT_SCALE = 0.01
SOMEBODY = "user:somebody@example.com"
DAY = 86400.0
HOST = re.compile(r"(?:[a-z]+-[a-z]+\d+-)?(?P<service>[a-z0-9]+)\.googleapis\.com")


@dataclass(frozen=True)
class Settings:
    """`world_text` and `scale` None: what was used last time, else the default. `token` None: none is asked for."""

    backing: Backing
    endpoint: str
    world_text: str | None = None
    scale: float | None = None
    faults: str | None = None
    token: str | None = None
    reason: str | None = None
    "Why there are no containers, when they were asked for."


class App:
    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        self.store = store
        self.settings = settings
        self._contract = Contract()
        self._dispatcher = Dispatcher(self._contract)
        self._settler = Settler(self._dispatcher.finisher)
        self._mounts = mounts.load()
        self._faults_lock = threading.Lock()
        with store.transaction():
            self._world = world.parse_text(_kept(store, "world", settings.world_text, None))
            self._faults = faults.parse(settings.faults)
            _forget_other_faults(store, settings.faults or "")
            self.cloud = self._make_cloud(clock)
        self.ready = False

    def _make_cloud(self, clock: Callable[[], float]) -> Cloud:
        store, backing = self.store, self.settings.backing
        store.put_fact("keep/space", backing.free_space(store.fact("keep/space")))
        return Cloud(
            id=rehearsal_id(store),
            store=store,
            backing=backing,
            scale=float(_kept(store, "scale", self.settings.scale, DEFAULT_SCALE)),
            endpoint=self.settings.endpoint,
            clock=clock,
            project=world.Projects(self._world, store),
            hub=self._world.hub,
            owner=self._world.caller,
        )

    def prepare(self) -> None:
        """Makes the world: APIs that are on, then somebody's requests, each operation finished before the next."""
        with self.store.transaction():
            moved.settle(self.cloud)
            if self.store.fact("world/made"):
                self.ready = True
                return
            for project, hosts in self._world.enabled.items():
                for host in hosts:
                    switch_on(self.cloud, project, host, since=0.0)  # since ever
        moment = self.cloud.now - DAY
        for before in self._world.before:
            moment = self._replay(before, moment) + 1.0
        with self.store.transaction():
            self.store.put_fact("world/made", True)
        self.ready = True

    def _replay(self, before: world.Before, moment: float) -> float:
        """One request of somebody else at `moment`; returns when its operation had ended."""
        body = b"" if before.body is None else json.dumps(before.body).encode()
        request = Request(before.verb, before.path, before.query, {}, body)
        with self.store.transaction():
            cloud = replace(with_clock(self.cloud, moment), owner=SOMEBODY)
            raw_path = before.path.lstrip("/")
            match = self._dispatcher.match(before.service, request, raw_path)
            call = self._dispatcher.call(cloud, match, request, raw_path, Strike())
            try:
                self._dispatcher.answer(call, match, "")
            except Refusal as refusal:
                raise ValueError(f"world: {before.verb} {before.path}: {refusal.code} {refusal.message}") from refusal
        return self._finish_all(moment)

    def _finish_all(self, moment: float) -> float:
        while True:
            with self.store.transaction():
                due = self.store.last_due()
                if due is None:
                    return moment
                moment = max(moment, due)
                waiting = self._settler.settle(with_clock(self.cloud, moment), patiently=False)
            if waiting:
                threading.Event().wait(0.2)  # a real server behind it takes real time

    def settle(self) -> None:
        """Ends what is due, as every request does first."""
        with self.store.transaction():
            self._settler.settle(with_clock(self.cloud, self.cloud.now))

    def set_faults(self, text: str) -> None:
        parsed = faults.parse(text)
        with self.store.transaction():
            _start_faults(self.store, text)
        with self._faults_lock:
            self._faults = parsed

    def reset(self) -> None:
        self.settings.backing.remove_everything()
        with self.store.transaction():
            self.store.reset()
        self.prepare()

    @property
    def skew(self) -> float:
        return self._world.skew

    def handle(self, request: Request, raw_path: str) -> Answer | None:
        """`raw_path` is the path still percent-encoded, with its leading slash. None: cut the connection."""
        try:
            return self._handle(request, raw_path)
        except Exception as error:
            failed("no answer to %s %s", request.verb, raw_path, error=error)
            return json_answer(500, {"error": "the rehearsal failed; see its log"})

    def _handle(self, request: Request, raw_path: str) -> Answer | None:
        if request.path.startswith("/_rehearsal/"):
            return self._own(request)
        for mount in self._mounts:
            found = mount(self.cloud, request)
            if found is not None:
                return found
        if not self._authentic(request):
            return json_answer(401, {"error": {"code": 401, "message": UNAUTHENTICATED, "status": "UNAUTHENTICATED"}})
        service, _, path = raw_path.lstrip("/").partition("/")
        if service not in VERSIONS:
            known = ", ".join(sorted(VERSIONS))
            return dialect.render(not_found(f"No API {service!r} in this rehearsal; it has: {known}"), service)
        try:
            return self._api(service, path, request)
        except Exception as error:
            # A fault of the rehearsal, never of the client; the transaction is undone.
            failed("no answer to %s /%s/%s", request.verb, service, path, error=error)
            return dialect.render(Refusal(500, "INTERNAL", f"The rehearsal failed at {service}; see its log."), service)

    def _own(self, request: Request) -> Answer:
        """With a backing for whoever holds the rehearsal's token: an account of its cloud is none of its keepers."""
        if request.path != admin.HEALTH and not self._trusted(request):
            return json_answer(401, {"error": {"code": 401, "message": UNAUTHENTICATED, "status": "UNAUTHENTICATED"}})
        with self.store.transaction():
            found = metadata.answer(self.cloud, request)
        return found or admin.answer(self, request)

    def _trusted(self, request: Request) -> bool:
        wanted = self.settings.token
        return wanted is None or (wanted != "" and hmac.compare_digest(request.bearer.encode(), wanted.encode()))

    def _authentic(self, request: Request) -> bool:
        """With a backing: the rehearsal's own token, or an access token that this cloud gave to an account."""
        if self._trusted(request):
            return True
        with self.store.transaction():
            return identity.account_of(self.cloud, request.bearer) is not None

    def _api(self, service: str, raw_path: str, request: Request) -> Answer | None:
        with self.store.transaction():
            cloud = with_clock(self.cloud, self.cloud.now)
            self._settler.settle(cloud)
            record: dict[str, Any] = {"service": service, "method": request.verb, "path": f"/{unquote(raw_path)}"}
            answer = self._logged(cloud, service, raw_path, request, record)
            self.store.log_request(record | {"created": self.store.take_born()})
        return answer

    def _logged(
        self, cloud: Cloud, service: str, raw_path: str, request: Request, record: dict[str, Any]
    ) -> Answer | None:
        """Adds status, method id, whether it mutates and the fault to the record. What it created, and what operations
        that ended before it did, is added when all of it is known."""
        record |= {
            "status": 404,
            "api": None,
            "mutates": request.verb != "GET",
            "fault": None,
            "at": cloud.now,
            "permissions": (),
        }
        try:
            match = self._dispatcher.match(service, request, raw_path)
            record |= {"api": match.method.id, "mutates": methods.mutates(match.method)}
            struck = self._strikes(match)
            record["fault"] = ",".join(struck) or None
            answer = self._struck(cloud, match, raw_path, request, struck, record)
        except Refusal as refusal:
            answer = dialect.render(refusal, service)
        record["status"] = answer.status if answer else None
        return None if record["fault"] and {"lost", "reset"} & set(record["fault"].split(",")) else answer

    def _strikes(self, match: Match) -> list[str]:
        with self._faults_lock:
            plan = self._faults
        if not plan:
            return []
        spent: dict[str, int] = self.store.fact("faults/spent", {})
        since = int(self.store.fact("faults/since", 0))
        struck = [
            fault
            for fault in plan.draw(match.method.id, self.store.request_number(), spent, since)
            if fault.name != injected.LAG or injected.lags(match.method)
        ]
        for fault in struck:
            spent[fault.key] = spent.get(fault.key, 0) + 1
        if struck:
            self.store.put_fact("faults/spent", spent)
        return [fault.name for fault in struck]

    def _struck(
        self, cloud: Cloud, match: Match, raw_path: str, request: Request, struck: list[str], record: dict[str, Any]
    ) -> Answer | None:
        code = next((int(name) for name in struck if name.isdigit()), None)
        if faults.EXPIRES in struck:
            raise injected.unauthenticated()
        if "reset" in struck:
            return None
        strike = Strike(faults.SLOW_FACTOR if "slow" in struck else 1.0, "fail" in struck)
        with self.store.attempt():
            call = self._dispatcher.call(cloud, match, request, raw_path, strike)
            if code is not None:
                raise injected.refusal(code, match.method, call.name, call.project_or_none)
            record["permissions"] = needed(call)
            consumer = request.headers.get("x-goog-user-project", "")
            if injected.LAG in struck:
                body = injected.lagging(call, lambda: self._dispatcher.answer(call, match, consumer))
            else:
                body = self._dispatcher.answer(call, match, consumer)
        return json_answer(200, _present(body))


def failed(text: str, *arguments: str, error: BaseException | None) -> None:
    """In the log: which kind of error and where. Its own text may hold what was sent, a password among it."""
    where = "".join(traceback.format_tb(error.__traceback__)) if error else ""
    log.error(f"{text}: %s\n%s", *arguments, type(error).__name__, where)


UNAUTHENTICATED = (
    "Request is missing required authentication credential. This rehearsal has servers behind it and asks for the token"
    " in its state folder."
)


def rehearsal_id(store: Store) -> str:
    """Drawn once; 12 of [a-z0-9]."""
    found = store.fact("keep/id")
    if found is None:
        alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
        found = "".join(secrets.choice(alphabet) for _ in range(12))
        store.put_fact("keep/id", found)
    return str(found)


def host_to_path(host: str, path: str) -> str:
    """`secretmanager.googleapis.com` + `/v1/…` -> `/secretmanager/v1/…`; other hosts: the path as it is.
    https://www.googleapis.com/compute/v1/… is compute's older address."""
    found = HOST.fullmatch(host)
    if found is None:
        return path
    service = found["service"]
    if service == "www":
        service = path.lstrip("/").split("/")[0]
    return f"/{service}{path}"


def read_world(path: Path | None) -> str | None:
    """The file's text, checked. ValueError names the file and the place."""
    if path is None:
        return None
    world.read(path)
    return path.read_text()


def _forget_other_faults(store: Store, text: str) -> None:
    """The same aimed faults strike as often as they say, restarts included; other ones start anew."""
    if store.fact("faults/text", "") != text:
        _start_faults(store, text)


def _start_faults(store: Store, text: str) -> None:
    store.put_fact("faults/spent", {})
    store.put_fact("faults/text", text)
    store.put_fact("faults/since", store.request_number() - 1)


def _kept(store: Store, key: str, given: Any, default: Any) -> Any:
    """The given value, else the one of last time, else the default; remembered."""
    value = given if given is not None else store.fact(f"keep/{key}", default)
    store.put_fact(f"keep/{key}", value)
    return value


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}
