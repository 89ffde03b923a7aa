"""memdeploy destroy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import COMMON, IDENTITY, RUNNING, Call, takes
from memdeploy.errors import UsageError


def _flag(name: str, variable: str, text: str) -> object:
    return typer.Option(name, envvar=f"MEMDEPLOY_{variable}", help=text)


@takes("destroy", config=IDENTITY, run=(*COMMON, *RUNNING))
def destroy(
    call: Call,
    delete_data: Annotated[
        bool, _flag("--delete-data", "DELETE_DATA", "The databases too, after a final backup; the name is asked for.")
    ] = False,
    no_final_backup: Annotated[
        bool, _flag("--no-final-backup", "NO_FINAL_BACKUP", "With --delete-data: without that backup.")
    ] = False,
    finish: Annotated[
        bool, _flag("--finish", "FINISH", "Remove what the cloud still held when an earlier destroy ended (exit 11).")
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            envvar="MEMDEPLOY_CONFIRM",
            metavar="NAME",
            help="After `recover`: this deployment, and all that was listed, is what you mean. Besides --yes.",
        ),
    ] = None,
    shared: Annotated[
        bool, _flag("--shared", "SHARED", "Network, peering and image repositories, when no deployment uses them.")
    ] = False,
) -> None:
    """Remove the deployment; its data stays unless --delete-data.

    What the data needs to live again stays with it. Only what carries this deployment's marker or
    stands in its journal is touched.
    """
    own: dict[str, Any] = {
        "delete_data": delete_data,
        "no_final_backup": no_final_backup,
        "finish": finish,
        "shared": shared,
    }
    own |= {"confirmed": confirm} if confirm else {}
    invoke(call, own, before=lambda: _fit(delete_data, no_final_backup, shared))


def _fit(delete_data: bool, no_final_backup: bool, shared: bool) -> None:
    """Raises `UsageError` for flags that say nothing together."""
    if no_final_backup and not delete_data:
        raise UsageError("--no-final-backup means nothing without --delete-data", suggestion="Add --delete-data.")
    if shared and delete_data:
        raise UsageError(
            "--shared and --delete-data are two steps",
            suggestion="First `memdeploy destroy --delete-data` everywhere, then `memdeploy destroy --shared`.",
        )
