"""What the user sees of one command: progress while it runs, its result or its errors afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from memdeploy.cli.options import Call
from memdeploy.errors import UsageError
from memdeploy.report import envelope, terminal
from memdeploy.report.marks import for_encoding
from memdeploy.report.plain import PlainLines

if TYPE_CHECKING:
    from memdeploy.engine.events import Event
    from memdeploy.lifecycle.result import Result
    from memdeploy.report.run import RunView

#: Commands that only look: what counts is the result, so their steps leave no line on a terminal.
_BRIEF = ("plan", "status", "outputs", "doctor", "logs")
#: What failed stands in the result itself, with its remedy.
_TELLS_ITS_ERRORS = ("doctor",)


class Screen(Protocol):
    """A sink that can be taken off the screen while somebody is asked."""

    def __call__(self, event: Event) -> None: ...
    def __enter__(self) -> Screen: ...
    def __exit__(self, *exc: object) -> None: ...
    def paused(self) -> AbstractContextManager[None]: ...
    @property
    def view(self) -> RunView: ...


def screen(call: Call) -> Screen:
    """Live on a terminal, plain lines in a pipe or in CI, nothing with --json."""
    how = terminal.choose(sys.stderr, call.seams.environ, as_json=call.json)
    if how == "none":
        return PlainLines(_nothing, quiet=True)
    if how == "plain":
        return PlainLines(_line_writer(), quiet=call.command in _BRIEF)
    from memdeploy.report.live import LiveScreen

    console = terminal.console(sys.stderr, call.seams.environ)
    return LiveScreen(console, for_encoding(sys.stderr.encoding), call.seams.now, brief=call.command in _BRIEF)


def asker(shown: Screen, call: Call, question: Callable[[str], bool]) -> Callable[[str], bool]:
    """The plan as a table and then the question, with the moving part of the screen out of the way."""

    def ask(text: str) -> bool:
        with shown.paused():
            _plan(shown.view.plan, call)
            return question(text)

    return ask


def result(call: Call, found: Result) -> None:
    """Data on stdout, errors on stderr; with --json one document on stdout."""
    if call.json:
        document(found)
        return
    from memdeploy.report.results import renderer

    render = renderer(found.command)
    if render is not None and found.data:
        _print(sys.stdout, call, render(found.data, for_encoding(sys.stdout.encoding)))
        if found.command in _TELLS_ITS_ERRORS:
            return
    errors(call, [error for error in found.errors if not _told(error, found)])


def document(found: Result) -> None:
    """The one document of --json."""
    sys.stdout.write(envelope.dumps(found, sys.stdout.encoding) + "\n")
    sys.stdout.flush()


def _told(error: Mapping[str, Any], found: Result) -> bool:
    """What the cloud holds for hours stands in the result already, with what to run then."""
    return error.get("code") == "not-yet" and bool(found.data.get("leftovers"))


def errors(call: Call, found: Sequence[Any]) -> None:
    if found:
        problems(found, call.seams.environ)


def problems(found: Sequence[Any], environ: Mapping[str, str]) -> None:
    """Errors for people, on stderr."""
    from memdeploy.report.errors import render

    terminal.put(terminal.console(sys.stderr, environ), render(found, for_encoding(sys.stderr.encoding)))


def _plan(plan: Any, call: Call) -> None:
    if plan is not None and plan.get("actions"):
        from memdeploy.report.results.plan import table

        _print(sys.stderr, call, table(plan, for_encoding(sys.stderr.encoding)))


def _print(stream: Any, call: Call, blocks: Sequence[Any]) -> None:
    console = terminal.console(stream, call.seams.environ)
    terminal.put(console, blocks)


def _line_writer() -> Callable[[str], None]:
    stream = sys.stderr

    def write(line: str) -> None:
        stream.write(line + "\n")
        stream.flush()

    return write


def _nothing(line: str) -> None:
    return None


@contextmanager
def events_to(shown: Screen, file: Any) -> Iterator[Callable[[Event], None]]:
    """The screen, and the file of --events when there is one, as one sink."""
    if file is None:
        yield shown
        return
    from memdeploy.engine.events import Event, EventKind
    from memdeploy.report.eventfile import EventFile

    try:
        record = EventFile(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", where="--events") from error

    def both(event: Event) -> None:
        try:
            record(event)
        except OSError as error:  # once; it takes no more
            told = f"{file} cannot be written any more: {error.strerror}"
            shown(Event(EventKind.NOTICE, event.at, data={"text": told, "level": "warning"}))
        shown(event)

    try:
        yield both
    finally:
        record.close()
