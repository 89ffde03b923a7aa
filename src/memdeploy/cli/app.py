"""The application: which commands there are. Nothing heavy is loaded before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from memdeploy.cli import rehearsal
from memdeploy.cli.backup import backup, restore
from memdeploy.cli.destroy import destroy
from memdeploy.cli.doctor import doctor
from memdeploy.cli.history import history
from memdeploy.cli.init import init
from memdeploy.cli.list import list_
from memdeploy.cli.logs import logs
from memdeploy.cli.outputs import outputs
from memdeploy.cli.plan import plan
from memdeploy.cli.proxy import proxy
from memdeploy.cli.recover import recover, unlock
from memdeploy.cli.releases import releases
from memdeploy.cli.status import status
from memdeploy.cli.up import up
from memdeploy.cli.upgrade import rescue, rollback, upgrade
from memdeploy.cli.verify import verify
from memdeploy.cli.version import version

_HELP = """Put MemMachine, memory for AI agents, into your own cloud account, and look after it.

Try it on this machine: memdeploy up --provider local --yes

Or against an embedded cloud, without an account: memdeploy up --provider gcp --rehearse --yes

Options may also stand in memdeploy.yaml or in MEMDEPLOY_* variables; flags win over variables, variables over the
file. `memdeploy COMMAND --help` shows them.
"""


def _show_version(value: bool) -> None:
    if value:
        version(as_json=False)
        raise typer.Exit


def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def build() -> typer.Typer:
    """A new application. Its `obj` may be a `Seams`; without one the real world is used."""
    app = typer.Typer(
        name="memdeploy",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: quick, and every pipe can read it
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_root)
    for command in (
        init,
        doctor,
        plan,
        up,
        status,
        verify,
        outputs,
        logs,
        proxy,
        backup,
        restore,
        upgrade,
        rollback,
        rescue,
        destroy,
        recover,
        unlock,
        list_,
        history,
        releases,
        version,
    ):
        app.command(command.__name__.rstrip("_"))(command)
    app.add_typer(rehearsal.build(), name="rehearsal")
    return app
