"""What a command is asked to do: all that `cli` read from flags, environment and file, nothing of how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.cancel import CancelToken
from memdeploy.providers.base import LogLine, LogQuery
from memdeploy.secret import Secret


@dataclass(frozen=True)
class Request:
    """`deployment` is None when file, environment and flags do not say enough (no provider): it is then the journal's.

    `explicit` are the configuration paths (`gcp.project`) that a flag or the environment gave, `given` their values:
    laid over the journal's configuration with `config.load.override`, and compared with the journal's identity.
    `name` is None when nobody named a deployment: then it is the only one. `state` is the folder or URL of the
    journals; None: the user's own. `cancel` is set by a first signal (`cli.signals`, which also emits STOPPING); it
    is for clock and runner. `backing` is `none`, `containers` or `auto`; `time_scale` None is the
    rehearsal's default. `secrets` reads what the user gives for a configuration (`Context.model_key`,
    `neo4j_password`) and raises `UsageError` for what cannot be read.
    `archive` is where `backup` writes and `restore` reads, `to` the release of `upgrade`, `into`
    the new deployment of one with `migrate`; `data` and `repair` are
    `verify`'s. `suffix` says which of several deployments of one name `recover` means, `confirmed` is the name that
    `destroy` was told besides, `holder_is_gone` what `unlock` was told of a holder that may live. `port` is `proxy`'s,
    0: any. `interactive` says that somebody can answer; `confirm` then asks one question, else it is None; `hidden`
    asks for one line that is not shown (empty: none was given), for `up` only.
    """

    command: str
    deployment: Deployment | None = None
    name: str | None = None
    explicit: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None
    rehearse: bool = False
    backing: str = "auto"
    time_scale: float | None = None
    world: Path | None = None
    faults: str | None = None
    yes: bool = False
    interactive: bool = False
    wait: bool = False
    keep_going: bool = False
    replace: frozenset[str] = frozenset()
    delete_data: bool = False
    finish: bool = False
    shared: bool = False
    no_final_backup: bool = False
    suffix: str | None = None
    confirmed: str | None = None
    holder_is_gone: bool = False
    port: int = 0
    costs: bool = False
    live_prices: bool = False
    check_model: bool = False
    print_role: bool = False
    logs: LogQuery | None = None
    follow: bool = False
    show: Callable[[LogLine], None] | None = None
    archive: Path | None = None
    to: str | None = None
    migrate: bool = False
    into: str | None = None
    data: bool = False
    repair: bool = False
    events: Path | None = None
    wire_log: Path | None = None
    confirm: Callable[[str], bool] | None = None
    hidden: Callable[[str], str] | None = None
    secrets: Callable[[Deployment], Mapping[str, Secret]] = lambda deployment: {}
    from_file: bool = False
    cancel: CancelToken = field(default_factory=CancelToken)
