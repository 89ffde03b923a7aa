"""What a command says of a run that failed."""

from __future__ import annotations

import pytest

from memdeploy.engine.results import RunResult
from memdeploy.errors import CloudError, ErrorKind, MemdeployError, NotYet, StepFailed
from memdeploy.lifecycle import outcome


def next_of(error: MemdeployError) -> str | None:
    told = outcome.error_of(RunResult((), error, None), "up")
    assert told is error
    return told.suggestion


def test_a_failure_that_passes_by_itself_says_how_to_go_on() -> None:
    error = CloudError("run: internal error", kind=ErrorKind.UNAVAILABLE)
    assert error.retryable
    assert next_of(error) == "Run `memdeploy up` again: it goes on from there."


def test_one_that_does_not_says_what_comes_before() -> None:
    assert str(next_of(StepFailed("the disk is of another size"))).startswith("Put the cause right. Run `memdeploy up`")


@pytest.mark.parametrize(
    "error",
    [
        StepFailed("broken", suggestion="Mend it."),
        StepFailed("No module named 'psycopg2'"),  # the table of suggestions knows it
        NotYet("the cloud holds the subnet"),
    ],
)
def test_who_knows_better_is_not_talked_over(error: MemdeployError) -> None:
    before = error.suggestion
    assert next_of(error) == before
