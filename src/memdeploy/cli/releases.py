"""memdeploy releases."""

from __future__ import annotations

from memdeploy.cli.invoke import run
from memdeploy.cli.options import Call, RunOption, takes

_JSON = RunOption("json", "--json", bool, False, "One JSON document on stdout, nothing else.")


@takes("releases", config=(), run=(_JSON,))
def releases(call: Call) -> None:
    """MemMachine releases, and the upgrades between them."""
    from memdeploy.lifecycle.releases import releases as table

    run(call, lambda secrets: table())
