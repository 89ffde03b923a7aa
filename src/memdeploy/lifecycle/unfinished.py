"""What a command that carries data left half done, as the journal's facts: `up` would make it worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.errors import Refused
from memdeploy.state.journal import Journal

RESTORING, UPGRADE, PREVIOUS, MIGRATION = "restoring", "upgrade", "previous", "migration"
SAVING, RETURNING, RESCUING = "saving", "returning", "rescuing"
"""Names of facts. saving: {archive, began}, of a backup that has not ended; restoring: {archive}, from the first byte
that is replaced; upgrade: {from, to, archive, configuration, returning (why, once the archive is loaded in the place of
what the new release may have touched)}; previous: the same, of the last upgrade that ended well; migration: {into, to,
done}, of memories that are carried into another deployment; rescuing: what was found, from before the service is
stopped until it runs again."""


def refuse(journal: Journal) -> None:
    """Raises `Refused` for an interrupted upgrade or restore, and says what ends it."""
    upgrade = fact(journal, UPGRADE)
    if upgrade.get(RETURNING):
        raise Refused(
            f"the way back of {journal.name} to {upgrade['from']} was interrupted: its databases may hold a part of the"
            " memories",
            code="rollback-interrupted",
            where=journal.name,
            suggestion=f"`memdeploy rollback --name {journal.name}` goes on.",
        )
    if upgrade:
        raise Refused(
            f"an upgrade of {journal.name} from {upgrade['from']} to {upgrade['to']} was interrupted",
            code="upgrade-interrupted",
            where=journal.name,
            suggestion=f"`memdeploy upgrade --name {journal.name}` goes on; `memdeploy rollback --name {journal.name}`"
            f" returns to {upgrade['from']}.",
        )
    restoring = fact(journal, RESTORING)
    if restoring:
        raise Refused(
            f"a restore of {journal.name} was interrupted: its databases may hold a part of the memories",
            code="restore-interrupted",
            where=journal.name,
            suggestion=f"Run `memdeploy restore {restoring['archive']} --name {journal.name}` again.",
        )


def fact(journal: Journal, name: str) -> Mapping[str, Any]:
    """Empty when there is none."""
    found = journal.facts.get(name)
    return found if isinstance(found, Mapping) else {}
