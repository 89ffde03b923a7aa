"""memdeploy logs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli import complete, streams
from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, Call, takes
from memdeploy.errors import UsageError

if TYPE_CHECKING:
    from memdeploy.providers.base import LogLine

_SPAN = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@takes("logs", config=IDENTITY, run=COMMON)
def logs(
    call: Call,
    component: Annotated[
        str,
        typer.Argument(
            metavar="COMPONENT",
            help="service, neo4j, postgres, build or prepare; on this machine model, too.",
            autocompletion=complete.words(complete.COMPONENTS),
        ),
    ] = "service",
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            envvar="MEMDEPLOY_SINCE",
            help="30m, 2h, 7d, or a time such as 2026-11-22T10:00; no zone: this machine's.",
        ),
    ] = None,
    level: Annotated[
        Level | None,
        typer.Option(
            "--level",
            metavar="LEVEL",
            envvar="MEMDEPLOY_LEVEL",
            help=f"This severity and above. ({'|'.join(Level)})",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            min=1,
            max=10000,
            metavar="N",
            envvar="MEMDEPLOY_LIMIT",
            help="At most so many lines, the newest.",
        ),
    ] = 100,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", envvar="MEMDEPLOY_FOLLOW", help="Go on as new lines come, until Ctrl-C."),
    ] = False,
) -> None:
    """What a component said, oldest line first."""
    from memdeploy.providers.base import LogQuery

    def fit() -> None:
        if follow and call.json:
            raise UsageError(
                "--follow has no end and --json is one document", suggestion="Leave one of them out.", where="--follow"
            )
        if since is not None:
            moment(since, call.seams.now())

    begin = None if since is None else _or_none(since, call.seams.now())
    query = LogQuery(component, begin, str(level) if level else None, limit)
    invoke(call, {"logs": query, "follow": follow, "show": _writer()}, before=fit)


def moment(text: str, now: float) -> float:
    """Seconds since the epoch. Raises `UsageError`."""
    span = _SPAN.fullmatch(text)
    try:
        if span:
            begin = datetime.fromtimestamp(now - int(span[1]) * _SECONDS[span[2]], UTC)
        else:
            begin = datetime.fromisoformat(text).astimezone(UTC)  # one without a zone is the reader's own
    except (ValueError, OverflowError, OSError):  # also: a moment before the calendar begins
        raise UsageError(
            f"{text!r} is no time", where="--since", suggestion="Write 30m, 2h, 7d, or 2026-11-22T10:00."
        ) from None
    return begin.timestamp()


def _or_none(text: str, now: float) -> float | None:
    try:
        return moment(text, now)
    except UsageError:
        return None  # `fit` says it


def _writer() -> Callable[[LogLine], None]:
    """A followed log goes to stdout line by line, until whoever reads it has enough."""
    from memdeploy.report.results.logs import plain

    def write(line: LogLine) -> None:
        try:
            sys.stdout.write(plain(line.at, line.level, line.text) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            streams.silence()
            raise typer.Exit from None
        except OSError as error:
            streams.silence()
            raise streams.unwritten(error) from error

    return write
