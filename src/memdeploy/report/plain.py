"""Events as plain lines: pipes, CI logs, terminals that cannot draw."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memdeploy.engine.events import Event, EventKind
from memdeploy.report import lines
from memdeploy.report.run import RunView, StepView, fold, retry_text
from memdeploy.report.text import clean, duration, joined
from memdeploy.report.unchanged import Unchanged

#: A step's progress is said again at most so often (seconds), so that a log stays readable.
PROGRESS_EVERY = 15.0
#: And not at all of a step that is done so soon.
AT_ONCE = 2.0


class PlainLines:
    """A sink. `write` takes one line without its end; `quiet` shows notices and failures only."""

    def __init__(self, write: Callable[[str], None], *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet
        self._lock = threading.Lock()
        self._view = RunView()
        self._said: dict[str, tuple[float, str]] = {}
        self._unchanged = Unchanged()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._view = fold(self._view, event)
            if self._unchanged.holds(self._view, event):
                return
            line = self._line(event)
            if line or event.kind == EventKind.RUN_FINISHED:
                held = "" if self._quiet else self._unchanged.flush(self._view)
                for said in filter(None, (held, line)):
                    self._write(said)

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    @property
    def view(self) -> RunView:
        return self._view

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While somebody is asked."""
        yield

    def _line(self, event: Event) -> str:
        match event.kind:
            case EventKind.NOTICE:
                level = "warning: " if event.data.get("level") == "warning" else ""
                return f"{level}{clean(event.data.get('text', ''))}"
            case EventKind.STOPPING:
                return lines.safety(self._view)
            case EventKind.STEP_FAILED:
                return self._failed(event)
            case _:
                return "" if self._quiet else self._told(event)

    def _told(self, event: Event) -> str:
        name = clean(event.step or "")
        match event.kind:
            case EventKind.RUN_STARTED:
                return lines.header(self._view.facts)
            case EventKind.PLAN_READY:
                return lines.plan(event.data, self._view.facts)
            case EventKind.STEP_STARTED:
                return f"{name}: started" + (" again" if event.data.get("resumed") else "")
            case EventKind.STEP_PROGRESS:
                return self._progress(event, name, str(event.data.get("text") or ""))
            case EventKind.STEP_RETRY:
                return self._progress(event, name, retry_text(event.data))
            case EventKind.STEP_FINISHED:
                step = self._view.steps.get(event.step or "", StepView(name))
                return joined((f"{name}: done in {duration(step.seconds)}", lines.detail(self._view, step)), ", ")
            case EventKind.STEP_SKIPPED:
                because = event.data.get("because")  # None: the run was stopped
                return f"{name}: skipped" + (f", because of {clean(because)}" if because else "")
            case _:
                return ""

    def _progress(self, event: Event, name: str, text: str) -> str:
        started = self._view.steps[event.step or ""].started
        first = (started if started is not None else event.at - AT_ONCE) + AT_ONCE - PROGRESS_EVERY
        at, said = self._said.get(name, (first, ""))
        if text == said or event.at - at < PROGRESS_EVERY:
            return ""
        self._said[name] = (event.at, text)
        return f"{name}: {clean(text)}"

    def _failed(self, event: Event) -> str:
        code = clean(event.data.get("code") or "error")
        return f"{clean(event.step or '')}: failed ({code}): {clean(event.data.get('message') or '')}"
