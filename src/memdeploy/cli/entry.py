"""Process entry: the application with what Typer leaves to us."""

from __future__ import annotations

import contextlib
import locale
import os
import sys
from collections.abc import Sequence
from typing import Any

from memdeploy.cli import streams
from memdeploy.errors import ExitCode, MemdeployError, UsageError
from memdeploy.report.encoding import tolerate

#: Words of the line that name a command only together with the next one.
_GROUPS = ("rehearsal",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. A wrong command line is one JSON document too when --json is on it."""
    from memdeploy.cli.app import build

    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        tolerate(stream)
    _plain_letters()
    try:
        code = build()(args=given, prog_name="memdeploy", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.STEP_FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        streams.silence()  # whoever read us has enough (`memdeploy --help | head`)
        return ExitCode.DONE
    except OSError as error:
        if error.filename is not None:  # a stream has no name: this one is of a file
            return _wrong_line(error, given)
        streams.silence()
        return _wrong_line(streams.unwritten(error), given)
    except Exception as error:
        return _wrong_line(error, given)
    return code if isinstance(code, int) else ExitCode.DONE


def _plain_letters() -> None:
    """The C code of our libraries makes capitals as the user's language does. Protobuf's JSON names are made so, and in
    Turkish `network_interfaces` becomes `networkinterfaces`, which no API knows."""
    for name in ("C.UTF-8", "en_US.UTF-8", "C"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)
            return


def _wrong_line(error: Any, given: Sequence[str]) -> int:
    """Typer's own errors (unknown option, missing value) know how to show themselves; any other is a defect."""
    as_json, no_command = _wants_json(given), type(error).__name__ == "NoArgsIsHelpError"
    if no_command and not as_json:
        error.show()  # its message is the help
        return int(error.exit_code)
    from memdeploy.cli import show
    from memdeploy.lifecycle.result import failure

    found = failure(_command(given), _problem(error, no_command))
    if as_json:
        show.document(found)
    else:
        show.problems(found.errors, os.environ)
    return int(found.exit_code)


def _problem(error: Any, no_command: bool) -> MemdeployError:
    if isinstance(error, MemdeployError):
        return error
    if not hasattr(error, "format_message"):
        from memdeploy.cli import crash

        return crash.defect(error, (), os.environ)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "memdeploy"
    return UsageError(
        "no command is named" if no_command else error.format_message(), suggestion=f"See `{path} --help`."
    )


def _wants_json(given: Sequence[str]) -> bool:
    """As Typer would have read it, had the line been right."""
    return "--json" in given or os.environ.get("MEMDEPLOY_JSON", "").lower() in ("1", "true", "t", "yes", "y", "on")


def _command(given: Sequence[str]) -> str:
    words = [word for word in given if not word.startswith("-")]
    return " ".join(words[: 2 if words[:1] and words[0] in _GROUPS else 1])
