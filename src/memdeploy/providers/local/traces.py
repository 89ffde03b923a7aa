"""Whether a deployment of some name is on this machine, and how it was configured: from what carries its marker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memdeploy.config.local import Runtime
from memdeploy.config.model import Neo4jMode
from memdeploy.engine.step import Outputs, Run, Step
from memdeploy.errors import CloudError
from memdeploy.memmachine import releases
from memdeploy.providers import model_variables
from memdeploy.providers.base import Trace
from memdeploy.providers.local import files
from memdeploy.providers.local.folder import OWNER
from memdeploy.providers.local.scope import Scope
from memdeploy.providers.local.settled import OFFLINE
from memdeploy.providers.looking import moment, question
from memdeploy.providers.marker import LABEL, NAME_LABEL

_SECRETS: Mapping[str, Runtime] = {"postgres.json": Runtime.DOCKER, "key.json": Runtime.EMBEDDED}
"Which runtime a deployment's folder is of, by a secret that only it has."
Values = Mapping[str, Any]


def step(scope: Scope) -> Step:
    """Its folder is made first and goes last, in both runtimes."""

    def ask(run: Run) -> Outputs:
        return {"traces": [trace.to_json() for trace in run.read(lambda: _folders(scope))]}

    return question("traces", "What carries a marker", ask)


def _folders(scope: Scope) -> list[Trace]:
    name = scope.deployment.name
    own = re.compile(rf"{re.escape(name)}-(?P<suffix>[a-z0-9]{{4}})")
    found = ((path, own.fullmatch(path.name)) for path in _below(scope.folder.parent))
    traced = (_trace(path, match["suffix"], name) for path, match in found if match)
    return [trace for trace in traced if trace is not None]


def _below(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink()) if root.is_dir() else []


def _trace(folder: Path, suffix: str, name: str) -> Trace | None:
    """None for a folder that does not say whose it is."""
    try:
        labels = files.read_json(folder / OWNER)
        since = moment(datetime.fromtimestamp((folder / OWNER).stat().st_mtime, UTC))
    except (CloudError, OSError):
        return None
    ours = isinstance(labels, dict) and labels.get(NAME_LABEL) == name and labels.get(LABEL)
    return Trace(str(labels[LABEL]), suffix, f"folder {folder}", since) if ours else None


# -- how it was configured -------------------------------------------------------------------------------------------


def settings(scope: Scope) -> Step:
    return question("settings", "How it was configured", lambda run: run.read(lambda: _settings(scope)))


def _settings(scope: Scope) -> Outputs:
    runtime = next((r for name, r in _SECRETS.items() if (scope.folder / "secrets" / name).exists()), None)
    if runtime is None:
        return {}
    values, port = _embedded(scope) if runtime is Runtime.EMBEDDED else _contained(scope)
    return {
        "local.runtime": str(runtime),
        **({"local.port": port} if port else {}),
        **model_variables.read(
            values, scope.deployment.model.provider, offline=values.get("MODEL_EMBEDDING") == OFFLINE
        ),
        **(_neo4j(values) if runtime is Runtime.DOCKER else {}),
        **({"release": values["MEMMACHINE_RELEASE"]} if values.get("MEMMACHINE_RELEASE") in releases.RELEASES else {}),
    }


def _embedded(scope: Scope) -> tuple[Values, int | None]:
    """As the service's pid file has it; it stays when the process is gone, and goes when it is removed."""
    from memdeploy.providers.local.embedded import layout, process

    found = process.look(layout.pid_file(scope, "service"))
    values = (found.facts.get("environment") if found else None) or {}
    return values, int(values["PORT"]) if "PORT" in values else None


def _contained(scope: Scope) -> tuple[Values, int | None]:
    from memdeploy.providers.local.containers import found as looking
    from memdeploy.providers.local.containers.service import Service

    live = next(iter(looking.of_role(scope, Service.role)), None)
    if live is None:
        return {}, None
    told = (line.partition("=") for line in live.attrs["Config"].get("Env") or ())
    return {name: value for name, _, value in told}, looking.seen(live)["port"]


def _neo4j(values: Values) -> dict[str, Any]:
    from memdeploy.providers.local.containers.environment import NEO4J_URI

    uri = values.get("NEO4J_URI")
    if uri in (None, NEO4J_URI):
        return {}
    return {"neo4j.mode": str(Neo4jMode.EXTERNAL), "neo4j.uri": uri, "neo4j.user": values.get("NEO4J_USER", "neo4j")}
