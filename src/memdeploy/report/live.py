"""The live screen: what is finished scrolls by as ordinary lines, what runs and waits is redrawn below it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from memdeploy.engine.events import Event, EventKind
from memdeploy.report import lines
from memdeploy.report.layout import Hanging
from memdeploy.report.marks import Marks
from memdeploy.report.run import RunView, StepView, fold
from memdeploy.report.text import clean
from memdeploy.report.unchanged import Unchanged

#: Kept free for footer, prompt and what scrolls by.
_MARGIN = 4
_STYLES = {"done": "green", "failed": "bold red", "skipped": "dim", "running": "cyan", "waiting": "dim"}


class LiveScreen:
    """A sink and a context manager. `now` gives seconds since the epoch. With `brief` (plan, status) steps leave no
    line behind: their result is printed afterwards."""

    def __init__(self, console: Console, marks: Marks, now: Callable[[], float], *, brief: bool = False) -> None:
        self._console = console
        self._marks = marks
        self._now = now
        self._brief = brief
        self._lock = threading.RLock()
        self._view = RunView()
        self._unchanged = Unchanged()
        self._live = self._new_live()

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._view = fold(self._view, event)
            said = self._lines(event)
        if said:
            if self._live.is_started:
                self._live.refresh()  # else the step would stand below its last line once more, as still running
            for line in said:
                self._console.print(line, crop=False)

    @property
    def view(self) -> RunView:
        return self._view

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Takes the moving part off the screen while somebody is asked."""
        self._live.stop()
        try:
            yield
        finally:
            self._live = self._new_live()
            self._live.start()

    def render(self) -> RenderableType:
        """The moving part, now."""
        with self._lock:
            view = self._view
        now = self._now()
        if view.finished or not view.steps:
            return Text("")
        running, waiting = view.of("running"), view.of("waiting")
        room = max(3, self._console.size.height - _MARGIN)
        shown = [self._step(view, step, now) for step in (*running, *([] if self._brief else waiting))][:room]
        hidden = len(running) + len(waiting) - len(shown)
        if hidden > 0 and not self._brief:
            shown.append(Text(f" {self._marks.waiting} and {hidden} more", style="dim"))
        return Group(*shown, self._footer(view, now))

    def _new_live(self) -> Live:
        return Live(console=self._console, get_renderable=self.render, refresh_per_second=8, transient=True)

    def _lines(self, event: Event) -> list[RenderableType]:
        if self._unchanged.holds(self._view, event):
            return []
        line = self._line(event)
        if line is None and event.kind != EventKind.RUN_FINISHED:
            return []
        held = "" if self._brief else self._unchanged.flush(self._view)
        before: list[RenderableType] = [Text(f" {self._marks.done} {held}", style="dim")] if held else []
        return [*before, *([line] if line is not None else [])]

    def _line(self, event: Event) -> RenderableType | None:
        """What stays on the screen because of this event."""
        match event.kind:
            case EventKind.NOTICE:
                return _notice(event, self._marks)
            case EventKind.RUN_STARTED if not self._brief:
                return Text(lines.header(self._view.facts), style="bold")
            case EventKind.PLAN_READY if not self._brief:
                return Text(lines.plan(event.data, self._view.facts))
            case EventKind.STEP_FINISHED | EventKind.STEP_SKIPPED if not self._brief:
                return self._step(self._view, self._view.steps[event.step or ""], event.at)
            case EventKind.STEP_FAILED:
                return self._step(self._view, self._view.steps[event.step or ""], event.at)
            case _:
                return None

    def _step(self, view: RunView, step: StepView, now: float) -> Text:
        width = min(24, max((len(name) for name in view.steps), default=12))
        style = _STYLES[step.phase]
        time = lines.elapsed(step, now)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f" {self._mark(step, now)} ", style=style)
        text.append(f"{clean(step.name):<{width}} {time:>7}  ", style="dim" if step.phase == "waiting" else "")
        text.append(lines.detail(view, step), style="red" if step.phase == "failed" else "dim")
        return text

    def _mark(self, step: StepView, now: float) -> str:
        if step.phase == "running":
            frames = self._marks.spinner
            return frames[int(now * 8) % len(frames)]
        marks = {"done": self._marks.done, "failed": self._marks.failed, "skipped": self._marks.skipped}
        return marks.get(step.phase, self._marks.waiting)

    def _footer(self, view: RunView, now: float) -> Text:
        return Text(f" {lines.footer(view, now)}", style="dim", no_wrap=True, overflow="ellipsis")


def _notice(event: Event, marks: Marks) -> RenderableType:
    warning = event.data.get("level") == "warning"
    style = "yellow" if warning else "dim"
    first = Text(f" {marks.warning} " if warning else "   ", style=style)
    return Hanging(Text(clean(event.data.get("text") or ""), style=style), first)
