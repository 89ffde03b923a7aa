"""Why prepare failed, by the exit code of its task and the image's own table."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from memdeploy.errors import CloudError, ErrorKind, StepFailed
from memdeploy.providers.gcp import prepare_culprit, run_grants

from .bodies import scope


class Looking:
    """Of a run, what `explain` uses: its step, and reads that succeed or not."""

    step = "prepare"
    clock = SimpleNamespace(sleep=lambda seconds: None)

    def read(self, call: Callable[[], Any]) -> Any:
        return call()


def explained(tasks: list[dict[str, Any]], *, logs: Any = None, ended: dict[str, Any] | None = None) -> StepFailed:
    def logging(method: str, body: dict[str, Any]) -> dict[str, Any]:
        assert method == "entries.list"
        assert 'execution_name"="prep-t1"' in body["filter"]
        if logs is None:
            raise CloudError("no rights", kind=ErrorKind.PERMISSION)
        return {"entries": [{"textPayload": text} for text in logs]}

    real = scope()
    clients = SimpleNamespace(logging=logging)
    pretended: Any = SimpleNamespace(clients=clients, names=real.names, context=real.context)
    return prepare_culprit.explain(Looking(), pretended, "prep-t1", tasks, ended or {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "culprit"),
    [(23, "postgres-password"), (33, "neo4j-password"), (32, "neo4j-tls"), (43, "model-key"), (22, "postgres-tls")],
)
def test_the_exit_code_names_the_culprit(code: int, culprit: str) -> None:
    error = explained([{"lastAttemptResult": {"exitCode": code}}])

    assert (error.code, error.where) == (culprit, "prepare")
    assert error.suggestion


def test_the_last_lines_are_details_in_their_order() -> None:
    error = explained([{"lastAttemptResult": {"exitCode": 23}}], logs=["second", "first"])

    assert error.details == ("first", "second")


def test_where_the_culprit_is_vague_the_lines_tell_the_cause() -> None:
    line = "alembic.util.exc.CommandError: Can't locate revision identified by 'e8d4a37b69f2'"
    error = explained([{"lastAttemptResult": {"exitCode": 50}}], logs=[line])

    assert error.code == "tables"
    assert "used by a newer MemMachine" in error.message
    assert "release that used it last" in error.suggestion


def test_a_culprit_that_names_the_cause_is_not_doubted() -> None:
    error = explained([{"lastAttemptResult": {"exitCode": 33}}], logs=["password authentication failed for user x"])

    assert error.code == "neo4j-password"
    assert "PostgreSQL" not in error.message


def test_a_code_that_is_not_the_images_is_told_with_its_condition() -> None:
    failed = {"state": "CONDITION_FAILED", "message": "Memory limit exceeded"}
    error = explained([{"lastAttemptResult": {"exitCode": 137}, "conditions": [failed]}])

    assert error.code == "prepare-failed"
    assert "exit code 137" in error.message
    assert "Memory limit exceeded" in error.message


def test_a_task_that_never_ran_is_told_by_the_execution() -> None:
    ended = {"conditions": [{"state": "CONDITION_FAILED", "message": "Image not found"}]}
    error = explained([{}], ended=ended)

    assert "before it could run: Image not found" in error.message


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("Permission denied on secret: projects/1/secrets/x/versions/1 for Revision service account y", True),
        ("The user-provided container failed to start and listen on the port", False),
        ("Image 'x' not found", False),
    ],
)
def test_only_missing_grants_are_waited_for(text: str, passes: bool) -> None:
    assert run_grants.spreading(text) is passes
