"""Keeps one operation's trouble with the backing from becoming everybody's: it fails, and others go on."""

from __future__ import annotations

import logging
from dataclasses import replace

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.operations import Finisher, Operation, Outcome

log = logging.getLogger("memdeploy.rehearsal")
INTERNAL = 13


def guarded(finisher: Finisher, failed: Finisher | None = None) -> Finisher:
    """`failed` says what stays behind, as it does for an operation that fault injection dooms."""

    def finish(cloud: Cloud, operation: Operation) -> Outcome:
        try:
            return finisher(cloud, operation)
        except Exception as error:
            log.exception("%s on %s failed", operation.finisher, operation.target)
            text = {"code": INTERNAL, "message": f"{type(error).__name__}: {error}"}
            if failed is not None:
                failed(cloud, replace(operation, planned_error=text))
            return Outcome(error=text)

    return finish
