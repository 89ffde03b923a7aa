"""memdeploy doctor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memdeploy.cli.invoke import invoke
from memdeploy.cli.options import ALL_CONFIG, COMMON, REHEARSAL, Call, takes

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result


def _flag(name: str, variable: str, text: str) -> object:
    return typer.Option(name, envvar=f"MEMDEPLOY_{variable}", help=text)


@takes("doctor", config=ALL_CONFIG, run=(*COMMON, *REHEARSAL))
def doctor(
    call: Call,
    check_model: Annotated[
        bool, _flag("--check-model", "CHECK_MODEL", "One free call to the model's provider.")
    ] = False,
    print_role: Annotated[
        bool, _flag("--print-role", "PRINT_ROLE", "The least custom role that suffices, as YAML.")
    ] = False,
) -> None:
    """Look for all that could keep `up` from its end. Changes nothing.

    Credentials, project, billing, permissions, quota, policies, names: each PASSED, WARNING or FAILED with what to do.
    """
    own = {"check_model": check_model, "print_role": print_role}
    invoke(call, own, finish=_role if print_role and not call.json else None)


def _role(found: Result) -> Result:
    """Writes the definition alone, to be put into a file."""
    from dataclasses import replace

    role = found.data.get("role")
    if role is None:
        return found
    sys.stdout.write(f"# {role['how']}\n{role['text']}")
    return replace(found, data={})
