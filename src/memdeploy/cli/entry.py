"""Process entry: the application with what Typer leaves to us."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from memdeploy.errors import ExitCode, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. A wrong command line is one JSON document too when --json is on it."""
    from memdeploy.cli.app import build

    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = build()(args=given, prog_name="memdeploy", standalone_mode=False)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.STEP_FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        return _wrong_line(error, given)
    return code if isinstance(code, int) else ExitCode.DONE


def _wrong_line(error: Any, given: Sequence[str]) -> int:
    """Typer's own errors (unknown option, missing value) know how to show themselves."""
    if not hasattr(error, "format_message"):
        raise error
    if "--json" not in given:
        error.show()
        return int(error.exit_code)
    from memdeploy.lifecycle.result import failure
    from memdeploy.report import envelope

    command = next((word for word in given if not word.startswith("-")), "")
    problem = UsageError(error.format_message(), suggestion="See memdeploy --help.")
    sys.stdout.write(envelope.dumps(failure(command, problem)) + "\n")
    return int(problem.exit_code)


def _closed_pipe() -> int:
    """Whoever read us has enough (`memdeploy plan | head`). Nothing more can be written, at exit neither."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.DONE
