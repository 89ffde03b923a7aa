"""What every check is given, and the one way it asks the cloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from memdeploy.engine.step import Run
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.providers.base import Finding, Verdict
from memdeploy.providers.gcp import errors
from memdeploy.providers.gcp.scope import Scope

T = TypeVar("T")
_PASSING = frozenset({ErrorKind.NETWORK, ErrorKind.UNAVAILABLE, ErrorKind.RATE_LIMIT, ErrorKind.BUSY})


@dataclass
class Facts:
    """`thorough`: for doctor, which also looks at what `up` can do without. `off` are the APIs that are switched off
    (all of them until that is known); `number` the project's number; `caller` the IAM member, None: not told. `fresh`:
    APIs were switched on just now, so that an answer that one is off passes by itself."""

    scope: Scope
    run: Run
    thorough: bool = False
    check_model: bool = False
    fresh: bool = False
    off: frozenset[str] = field(default_factory=frozenset)
    number: str | None = None
    caller: str | None = None

    def on(self, service: str) -> bool:
        return f"{service}.googleapis.com" not in self.off

    def ask(self, call: Callable[[], T]) -> T | CloudError:
        """The answer or the refusal. What passes by itself is repeated by `read`; an API that is off is not."""

        def guarded() -> T | CloudError:
            try:
                return call()
            except Exception as raised:
                error = errors.classify(raised)
                if error is None or error.kind in _PASSING or (self.fresh and error.kind is ErrorKind.NOT_ENABLED):
                    raise
                return error

        return self.run.read(guarded)

    def ask_stranger(self, call: Callable[[], T]) -> T | CloudError:
        """The same of a server that is none of the cloud's: once, and its silence is an answer, too."""
        try:
            return call()
        except Exception as raised:
            error = errors.classify(raised)
            if error is None and isinstance(raised, ValueError):  # requests' own, of an address that is none
                return CloudError("the address cannot be asked", kind=ErrorKind.INVALID)
            if error is None:
                raise
            return error


def passed(check: str, text: str) -> Finding:
    return Finding(check, Verdict.PASSED, text)


def warning(check: str, code: str, text: str, remedy: str | None = None) -> Finding:
    return Finding(check, Verdict.WARNING, text, code, remedy)


def failed(check: str, code: str, text: str, remedy: str) -> Finding:
    return Finding(check, Verdict.FAILED, text, code, remedy)


def not_asked(check: str, error: CloudError) -> Finding:
    """A question that these credentials may not ask is no reason to stop."""
    return warning(check, "not-readable", f"could not be looked at ({error.message})", error.suggestion)
