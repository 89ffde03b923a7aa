"""Events and results as the kernel and the commands give them, for the tests of what is shown."""

from __future__ import annotations

from typing import Any

from memdeploy.engine.events import Event, EventKind

START = 1_800_000_000.0

HEAD: dict[str, Any] = {
    "deployment": "support-memory",
    "provider": "gcp",
    "target": "gcp acme-prod-1/europe-west1",
    "release": "0.4.0",
    "profile": "standard",
    "rehearsal": False,
    "cost_per_month": 86.2,
    "prices": "2026-11",
}
REHEARSED = {**HEAD, "rehearsal": "k3v9x2"}

STEPS = [
    {"name": "preflight", "seconds": 5, "needs": []},
    {"name": "secrets", "seconds": 5, "needs": ["preflight"]},
    {"name": "postgres", "seconds": 420, "needs": ["secrets"]},
    {"name": "service", "seconds": 60, "needs": ["postgres"]},
    {"name": "verify", "seconds": 15, "needs": ["service"]},
]

PLAN: dict[str, Any] = {
    **HEAD,
    "pending": True,
    "seconds": 540,
    "counts": {"create": 1, "change": 1, "remove": 1, "unchanged": 21, "may_change": 1},
    "actions": [
        *({"step": f"step{n}", "action": "unchanged"} for n in range(21)),
        {"step": "secret.postgres", "action": "create"},
        {
            "step": "service",
            "action": "change",
            "changes": [
                {"path": "service.instances.max", "old": 4, "new": 6, "effect": "in-place"},
                {
                    "path": "image",
                    "old": "europe-west1-docker.pkg.dev/acme-prod-1/support-memory/memmachine@sha256:4be1",
                    "new": "europe-west1-docker.pkg.dev/acme-prod-1/support-memory/memmachine@sha256:77aa",
                    "effect": "in-place",
                },
            ],
        },
        {
            "step": "neo4j.vm",
            "action": "replace",
            "changes": [{"path": "machine", "old": "e2-medium", "new": "e2-small", "effect": "replace"}],
        },
        {
            "step": "postgres.instance",
            "action": "change",
            "changes": [
                {"path": "postgres.tier", "old": "db-f1-micro", "new": "db-custom-1-3840", "effect": "restart"}
            ],
            "restart": {"unreachable": "MemMachine answers no call", "seconds": 180.0},
        },
        {"step": "neo4j.disk", "action": "unchanged", "reason": "stays at 50 GB: a disk can only be made larger"},
        {"step": "old.step", "action": "remove", "reason": "left the configuration; no longer needed"},
        {"step": "prepare", "action": "may-change", "depends_on": ["postgres.instance", "image"]},
        {"step": "network.subnet", "action": "foreign", "reason": "subnet support-memory exists and is not ours"},
    ],
}

UP: dict[str, Any] = {
    **REHEARSED,
    "url": "http://127.0.0.1:40123",
    "steps": [
        {"name": "preflight", "status": "done", "seconds": 6.1, "attempts": 1},
        {"name": "postgres", "status": "done", "seconds": 302.0, "attempts": 1},
        {"name": "image", "status": "done", "seconds": 192.4, "attempts": 2},
    ],
    "seconds": 372.0,
    "resumed": True,
    "verified": "real",
    "pending": ["grants spread for up to 7 minutes"],
    "access": "private",
}

STATUS: dict[str, Any] = {
    **REHEARSED,
    "status": "ready",
    "health": "healthy",
    "url": "http://127.0.0.1:40123",
    "access": "private",
    "certificate": {"not_after": "2036-11-20", "days_left": 42},
    "steps": [
        {"name": "postgres.instance", "state": "present"},
        {
            "name": "service",
            "state": "different",
            "reason": "somebody changed it",
            "changes": [{"path": "scaling.max", "old": 9, "new": 4, "effect": "in-place"}],
        },
        {"name": "neo4j.disk", "state": "kept"},
    ],
}

ERRORS: list[dict[str, Any]] = [
    {
        "code": "prepare-postgres-password",
        "step": "prepare",
        "message": "PostgreSQL at 10.70.0.3 refused the password of user memmachine, which the secret "
        "support-memory-x7k2-pg version 1 holds",
        "suggestion": "Set the user's password to the secret's value in Cloud SQL, then run `memdeploy up` again.",
        "retryable": False,
    },
    {"code": "usage", "step": "memdeploy.yaml:3", "message": "gcp.projct is no option\nother: 2", "suggestion": None},
]


def event(kind: EventKind, after: float, step: str | None = None, /, **data: Any) -> Event:
    """`after`: seconds since the run's start."""
    return Event(kind, START + after, step, data)


def run_so_far() -> list[Event]:
    """A run of which postgres is under way."""
    return [
        event(EventKind.RUN_STARTED, 0, command="up", steps=STEPS, **HEAD),
        event(EventKind.PLAN_READY, 1, create=24, change=0, remove=0, seconds=540),
        event(EventKind.STEP_STARTED, 1, "preflight", title="Preflight", seconds=5.0, resumed=False),
        event(EventKind.STEP_FINISHED, 7.1, "preflight", action="created", seconds=6.1, summary="31 permissions"),
        event(EventKind.STEP_STARTED, 7.1, "secrets", title="Secrets", seconds=5.0, resumed=True),
        event(EventKind.STEP_RETRY, 8, "secrets", kind="unavailable", attempt=2, wait=1.5, message="503 try later"),
        event(EventKind.STEP_FINISHED, 9.5, "secrets", action="unchanged", seconds=2.4, summary=""),
        event(EventKind.STEP_STARTED, 9.5, "postgres", title="Cloud SQL", seconds=420.0, resumed=False),
        event(EventKind.STEP_PROGRESS, 12, "postgres", text="Cloud SQL: RUNNING"),
    ]
