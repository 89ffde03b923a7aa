"""memdeploy version."""

from __future__ import annotations

import platform
import sys
from typing import Annotated

import typer


def version(
    as_json: Annotated[bool, typer.Option("--json", envvar="MEMDEPLOY_JSON", help="One JSON document.")] = False,
) -> None:
    """Print memdeploy's version."""
    from memdeploy import __version__

    if not as_json:
        sys.stdout.write(f"memdeploy {__version__}\n")
        return
    from memdeploy.cli import show
    from memdeploy.lifecycle.result import Result

    data = {"memdeploy": __version__, "python": platform.python_version(), "platform": sys.platform}
    show.document(Result("version", "success", data=data))
