"""Which deployment a command means."""

from __future__ import annotations

from memdeploy.errors import AnswerNeeded, JournalError, NoSuchDeployment
from memdeploy.state.deployments import Deployments
from memdeploy.state.journal import DeploymentStatus, Journal

DEFAULT = "memmachine"


def choose(name: str | None, deployments: Deployments, *, may_create: bool, destroyed: bool = False) -> str:
    """The one named, else the only one, else (where one may be made) `memmachine`. Raises `AnswerNeeded` with the list
    when there are several, `NoSuchDeployment` when there is none. `destroyed`: those count too where none lives."""
    if name is not None:
        return name
    listed = deployments.list()
    meant = [one.name for one in listed if one.error or not _ended(one.journal)]
    if destroyed and not meant:
        meant = [one.name for one in listed]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise AnswerNeeded(
            f"there are several deployments: {', '.join(meant)}", suggestion="Name one with --name NAME."
        )
    if may_create:
        return DEFAULT
    raise NoSuchDeployment(
        f"there is no deployment in {deployments.root}", suggestion="`memdeploy up` makes one; --state looks elsewhere."
    )


def existing(name: str, deployments: Deployments) -> Journal | None:
    """Its journal as last written; None when there is none, or it was destroyed to the end. Damage is an error."""
    if not deployments.has(name):
        return None
    journal = deployments.open(name).read()
    return None if _ended(journal) else journal


def required(name: str, deployments: Deployments) -> Journal:
    """Raises `NoSuchDeployment`, also for one that was destroyed."""
    journal = deployments.open(name).read()
    if _ended(journal):
        raise NoSuchDeployment(f"deployment {name} was destroyed", suggestion=f"`memdeploy up --name {name}` makes it.")
    return journal


def refuse_ended(journal: Journal) -> None:
    """What was destroyed while its lease was waited for: its id and its suffix are not used again."""
    if _ended(journal):
        raise NoSuchDeployment(
            f"deployment {journal.name} was destroyed meanwhile", suggestion="`memdeploy up` makes it anew."
        )


def _ended(journal: Journal | None) -> bool:
    if journal is None:
        raise JournalError("a journal without content")
    return journal.status == DeploymentStatus.DESTROYED
