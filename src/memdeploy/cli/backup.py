"""memdeploy backup and memdeploy restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, IDENTITY, RUNNING, Call, takes


@takes("backup", config=IDENTITY, run=(*COMMON, *RUNNING))
def backup(
    call: Call,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            envvar="MEMDEPLOY_BACKUP_TO",
            metavar="PATH",
            help="File or folder for the archive; default: backups/ in your user's data folder.",
        ),
    ] = None,
) -> None:
    """Save both databases together in one archive.

    The service does not answer meanwhile. The archive is checked after it is written; it holds every memory and no
    secret.
    """
    invoke(call, {"archive": _absolute(call, to)})


@takes("restore", config=ALL_CONFIG, run=(*COMMON, *RUNNING))
def restore(
    call: Call,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What `memdeploy backup` wrote.")],
) -> None:
    """Bring back the memories of an archive.

    Into the deployment of that name, which is made when there is none.

    Refuses an archive that is damaged, of another release or of another embedding model, before anything is touched.
    """
    invoke(call, {"archive": _absolute(call, archive)})


def _absolute(call: Call, path: Path | None) -> Path | None:
    return call.seams.folder / path.expanduser() if path is not None else None
