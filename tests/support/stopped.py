"""A command that a signal stops while a step is at work."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.support.cli import Memdeploy, Outcome
from tests.support.waiting import wait_for


def stopped_in(step: str, memdeploy: Memdeploy, folder: Path, *line: str) -> Outcome:
    """Ctrl-C, once, as soon as this step has begun. `folder` takes the file of events."""
    events = folder / f"stopped-in-{step}.jsonl"
    process = memdeploy.start(*line, "--events", str(events))

    def has_begun() -> bool:
        assert process.poll() is None, process.communicate()
        whole = events.read_text().rpartition("\n")[0] if events.exists() else ""
        told = [json.loads(line) for line in whole.splitlines()]
        return any((one["kind"], one["step"]) == ("step-started", step) for one in told)

    wait_for(has_begun, 120)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=memdeploy.timeout)
    return Outcome(process.returncode, stdout, stderr)
