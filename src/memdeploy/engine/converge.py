"""The one way from what is there to what is wanted: read, compare, create or update, wait until usable.

A resource of a cloud says how to read, make, change and delete one thing; `Converging` makes `probe`, `ensure` and
`remove` of it. Only fields named in `desired` are compared: defaults of the server, and what an autoscaler owns, are
no drift.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from memdeploy.engine.step import Difference, Effect, Observed, Operation, Outputs, Run, State, unknowns
from memdeploy.errors import CloudError, ErrorKind, Foreign, Refused, StepFailed

Live = TypeVar("Live")


@dataclass(frozen=True)
class Condition:
    """The state of a thing that is there: PRESENT (usable), PENDING or BROKEN."""

    state: State = State.PRESENT
    reason: str | None = None
    operation: Operation | None = None


class Converging(ABC, Generic[Live]):
    """Base of resources. `Live` is what `read` returns; `None` stands for absent."""

    kind: ClassVar[str]
    service: ClassVar[str] = ""
    "The API it talks to, as in `CloudError.service`: a 429 from it holds all of its callers back."
    effects: ClassVar[Mapping[str, Effect]] = {}
    "Effect of changing a field; a field not listed is changed in place."

    # -- what a resource says of itself ------------------------------------------------------------------------------

    @abstractmethod
    def describe(self) -> str:
        """For people and errors: `Cloud SQL instance support-memory-x7k2`."""

    @abstractmethod
    def read(self, run: Run) -> Live | None:
        """One read through `run.find`."""

    @abstractmethod
    def owned(self, run: Run, live: Live) -> bool:
        """True when it carries our marker, or is part of something that does."""

    @abstractmethod
    def desired(self, run: Run) -> Mapping[str, Any]:
        """Field path -> value, only what memdeploy sets; values may be (or hold) `Unknown` in a plan."""

    @abstractmethod
    def view(self, live: Live) -> Mapping[str, Any]:
        """The same paths as found, in the same form (lists sorted, enums as names, sizes as numbers)."""

    @abstractmethod
    def create(self, run: Run) -> None:
        """Through `run.change`, waiting for its operation."""

    @abstractmethod
    def delete(self, run: Run, live: Live) -> None:
        """Through `run.change`; not found is success."""

    @abstractmethod
    def outputs(self, run: Run, live: Live) -> Outputs:
        """Named results, plain JSON."""

    def update(self, run: Run, live: Live, differences: tuple[Difference, ...]) -> None:
        """In place. A resource without updates need not define it: all its effects are then REPLACE or FORBIDDEN."""
        raise StepFailed(f"{self.describe()} cannot be changed in place", where=run.step)

    def condition(self, live: Live) -> Condition:
        return Condition()

    def summary(self, outputs: Outputs) -> str:
        """One short line for people once it is done: an address, a version."""
        return ""

    # -- what the runner calls ---------------------------------------------------------------------------------------

    def probe(self, run: Run) -> Observed:
        live = self.read(run)
        if live is None:
            return Observed(State.ABSENT)
        if not self.owned(run, live):
            return Observed(State.FOREIGN, reason=f"{self.describe()} exists and is not ours")
        condition = self.condition(live)
        if condition.state is not State.PRESENT:
            return Observed(condition.state, operation=condition.operation, reason=condition.reason)
        desired = self.desired(run)
        differences = self.differences(desired, self.view(live), run.applied)
        state = State.DIFFERENT if differences else State.PRESENT
        return Observed(state, differences, outputs=self.outputs(run, live), unknown=tuple(unknowns(desired)))

    def ensure(self, run: Run) -> Outputs:
        live = self.read(run)
        if live is None:
            live = self._make(run)
        live = self._usable(run, self._ours(run, live))
        desired = self.desired(run)
        differences = self.differences(desired, self.view(live), run.applied)
        if differences or self.condition(live).state is State.BROKEN:
            live = self._bring(run, live, differences)
            self._check_usable(run, live)
        run.apply(desired)
        return self.outputs(run, live)

    def remove(self, run: Run) -> None:
        live = self.read(run)
        if live is not None and self.owned(run, live):
            self._delete(run, live)

    # -- steps of the above ------------------------------------------------------------------------------------------

    def differences(
        self, desired: Mapping[str, Any], found: Mapping[str, Any], applied: Mapping[str, Any] | None = None
    ) -> tuple[Difference, ...]:
        """`applied`: what memdeploy set last, where it tells a wish of the user's from what the cloud did by itself."""
        return tuple(
            Difference(field, found.get(field), want, self.effects.get(field, Effect.IN_PLACE))
            for field, want in desired.items()
            if not unknowns(want) and found.get(field) != want
        )

    def _make(self, run: Run) -> Live:
        try:
            self.create(run)
        except CloudError as error:
            # Somebody was faster, or our own request of which the answer was lost: whose it is shows in the marker.
            if error.kind is not ErrorKind.CONFLICT:
                raise
        return run.until(lambda: self.read(run), what=f"{self.describe()} to become visible", timeout=120.0)

    def _ours(self, run: Run, live: Live) -> Live:
        if not self.owned(run, live):
            raise Foreign(
                f"{self.describe()} exists already and does not belong to this deployment",
                where=run.step,
                suggestion="Remove or rename it, or choose another deployment name with --name.",
            )
        return live

    def _usable(self, run: Run, live: Live) -> Live:
        condition = self.condition(live)
        if condition.state is not State.PENDING:
            return live
        if condition.operation is not None:
            run.wait(condition.operation)

        def settled() -> tuple[Live | None] | None:
            again = self.read(run)
            pending = again is not None and self.condition(again).state is State.PENDING
            return None if pending else (again,)

        (found,) = run.until(settled, what=f"{self.describe()} to become ready", every=5.0, timeout=1800.0)
        if found is None:
            raise self._vanished(run)
        return found

    def _check_usable(self, run: Run, live: Live) -> None:
        """An update that went through does not prove that it helped."""
        condition = self.condition(live)
        if condition.state is State.BROKEN:
            reason = f": {condition.reason}" if condition.reason else ""
            raise StepFailed(f"{self.describe()} is not usable{reason}", where=run.step)

    def _bring(self, run: Run, live: Live, differences: tuple[Difference, ...]) -> Live:
        forbidden = [d for d in differences if d.effect is Effect.FORBIDDEN]
        if forbidden:
            raise Refused(
                f"{self.describe()}: {forbidden[0].field} cannot change from {forbidden[0].have!r} to "
                f"{forbidden[0].want!r}" + (f": {forbidden[0].reason}" if forbidden[0].reason else ""),
                code="forbidden-change",
                where=run.step,
            )
        if any(d.effect is Effect.REPLACE for d in differences):
            return self._replace(run, live, differences)
        try:
            self.update(run, live, differences)
        except CloudError as error:
            # Somebody changed it between our read and our write: once more on what is there now, then stop.
            if error.kind is not ErrorKind.STALE:
                raise
            live = self._again(run)
            left = self.differences(self.desired(run), self.view(live), run.applied)
            if left:
                self.update(run, live, left)
        return self._usable(run, self._again(run))

    def _again(self, run: Run) -> Live:
        live = self.read(run)
        if live is None:
            raise self._vanished(run)
        return live

    def _vanished(self, run: Run) -> StepFailed:
        """Somebody deleted it, or the cloud gave up making it and undid what there was."""
        return StepFailed(
            f"{self.describe()} vanished while it was being made or changed",
            where=run.step,
            suggestion="Run the same command again to make it anew.",
            retryable=True,
        )

    def _delete(self, run: Run, live: Live) -> None:
        try:
            self.delete(run, live)
        except CloudError as error:
            # Gone already: by our own request of which the answer was lost, or by somebody else's.
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def _replace(self, run: Run, live: Live, differences: tuple[Difference, ...]) -> Live:
        if not run.replace:
            fields = ", ".join(d.field for d in differences if d.effect is Effect.REPLACE)
            raise Refused(
                f"{self.describe()} would have to be made again to change {fields}",
                code="replace-needed",
                where=run.step,
                suggestion=f"Run `memdeploy up --replace {run.step}` to remove it and make it again.",
            )
        self._delete(run, live)
        run.until(lambda: True if self.read(run) is None else None, what=f"{self.describe()} to be gone")
        return self._usable(run, self._make(run))
