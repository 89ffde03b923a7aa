"""memdeploy releases."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from memdeploy.cli.invoke import run
from memdeploy.cli.options import Call, RunOption, takes

if TYPE_CHECKING:
    from memdeploy.lifecycle.result import Result

_JSON = RunOption("json", "--json", bool, False, "One JSON document on stdout, nothing else.")


@takes("releases", config=(), run=(_JSON,))
def releases(call: Call) -> None:
    """The MemMachine releases that this version deploys."""
    run(call, lambda secrets: _releases(call))


def _releases(call: Call) -> Result:
    from memdeploy.lifecycle.result import Result
    from memdeploy.memmachine.releases import DEFAULT, RELEASES

    found = [
        {"version": r.version, "default": r.version == DEFAULT, "upstream": r.upstream_image, "schema": r.schema_head}
        for r in RELEASES.values()
    ]
    if not call.json:
        for entry in found:
            sys.stdout.write(f"{entry['version']}{'  (default)' if entry['default'] else ''}\n")
    return Result("releases", "success", data={"releases": found})
