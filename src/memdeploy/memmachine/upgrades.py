"""Which releases stored memories can move between, and how. Each row was found with real servers (see
tests/e2e/test_upgrades.py) or says that it was not; nothing here touches anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations

from memdeploy.errors import Refused
from memdeploy.memmachine.releases import RELEASES, find, numbers


class Way(StrEnum):
    NONE = "none"  # it is that release already
    IN_PLACE = "in-place"  # the newer release takes over the same databases
    MIGRATE = "migrate"  # through the APIs of both, into empty databases
    REFUSED = "refused"


@dataclass(frozen=True)
class Upgrade:
    """One row. `keeps_data`: every memory is found afterwards, when it is done in this way.

    `reason` says what happens, or of a refused one why; `suggestion` what to do instead. `by_way_of`: releases to stop
    at, in order. `tested`: with real servers.
    """

    before: str
    after: str
    way: Way
    keeps_data: bool
    reason: str
    suggestion: str | None = None
    by_way_of: tuple[str, ...] = ()
    tested: bool = False

    @property
    def refusal(self) -> Refused:
        """The error for a row that is refused."""
        return Refused(
            f"MemMachine {self.before} cannot become {self.after} in place: {self.reason}",
            code="upgrade-refused",
            where="release",
            suggestion=self.suggestion,
        )


_FOUND = {
    (row.before, row.after): row
    for row in (
        Upgrade(
            "0.2.6", "0.3.9", Way.IN_PLACE, True, "0.3.9 brings the tables up to date when it is prepared", tested=True
        ),
        Upgrade(
            "0.3.9", "0.4.0", Way.MIGRATE, True,
            "in place 0.4.0 starts and is healthy, but every call on the old databases fails (episodes are named by "
            "UUIDs, stored ones by numbers); the memories are carried over through both APIs",
            suggestion="Run `memdeploy upgrade --migrate`.", tested=True,
        ),
        Upgrade(
            "0.2.6", "0.4.0", Way.REFUSED, False,
            "its databases are two steps older: in place every call on them fails",
            suggestion="Upgrade to 0.3.9 first, which works in place; from there `memdeploy upgrade --migrate`.",
            by_way_of=("0.3.9",), tested=True,
        ),
    )
}  # fmt: skip
#: An older release does not start on a newer one's tables (alembic: Can't locate revision; exit code 3).
_DOWN_TESTED = {("0.3.9", "0.2.6"), ("0.4.0", "0.3.9")}


def upgrade(before: str, after: str) -> Upgrade:
    """How a deployment of `before` becomes one of `after`. Raises `UsageError` for a version that is not in the
    table."""
    before, after = find(before).version, find(after).version
    if before == after:
        return Upgrade(before, after, Way.NONE, True, f"it runs {after} already", tested=True)
    return _FOUND.get((before, after)) or _other(before, after)


def table() -> tuple[Upgrade, ...]:
    """Every row between two releases of the table, the oldest first."""
    return tuple(upgrade(before, after) for before, after in permutations(reversed(list(RELEASES)), 2))


def _other(before: str, after: str) -> Upgrade:
    if RELEASES[after].undeployable:
        return Upgrade(
            before, after, Way.REFUSED, False, f"memdeploy does not deploy {after}", suggestion="Keep the release."
        )
    if RELEASES[before].undeployable:
        return Upgrade(
            before, after, Way.REFUSED, False,
            f"{before} kept its memories in other tables and another graph, which no later release reads",
            suggestion=f"Deploy {after} under another name, and store anew what has to be kept.",
        )  # fmt: skip
    if numbers(after) < numbers(before):
        return Upgrade(
            before, after, Way.REFUSED, False, f"{after} does not start on the tables of {before}",
            suggestion=f"Restore a backup that was made with {after}: `memdeploy rollback`, or `memdeploy restore`.",
            tested=(before, after) in _DOWN_TESTED,
        )  # fmt: skip
    return Upgrade(
        before, after, Way.REFUSED, False, "nobody has tried it", suggestion="Keep the release, or restore a backup."
    )
