"""memdeploy recover and memdeploy unlock: a journal that was lost, a lease whose holder is gone."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, JOURNALS, REHEARSAL, RUNNING, Call, takes

_YES = tuple(option for option in RUNNING if option.parameter == "yes")


@takes("recover", config=ALL_CONFIG, run=(*COMMON, *REHEARSAL))
def recover(
    call: Call,
    suffix: Annotated[
        str | None,
        typer.Option(
            "--suffix",
            envvar="MEMDEPLOY_SUFFIX",
            metavar="XXXX",
            help="Which one, when several deployments of that name are there.",
        ),
    ] = None,
) -> None:
    """Write a lost or damaged journal anew, from what is there.

    Looks for what carries the deployment's marker, keeps a copy of the journal that was there, and changes nothing
    else. Give file and flags as for `up`: what the cloud does not tell is taken from them.
    """
    invoke(call, {"suffix": suffix})


@takes("unlock", config=("name",), run=(*JOURNALS, *_YES))
def unlock(
    call: Call,
    holder_is_gone: Annotated[
        bool,
        typer.Option(
            "--holder-is-gone",
            envvar="MEMDEPLOY_HOLDER_IS_GONE",
            help="You are certain that the run which holds it has ended, though nothing here proves it.",
        ),
    ] = False,
) -> None:
    """Free a deployment from a run that is gone.

    At once when the holder's process has ended or its lease has run out; otherwise it shows the holder and asks.
    """
    invoke(call, {"holder_is_gone": holder_is_gone})
