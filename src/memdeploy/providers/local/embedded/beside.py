"""Steps beside those of `up`: MemMachine's data into files and back, and its container's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memdeploy.engine.graph import Graph
from memdeploy.engine.step import Step
from memdeploy.errors import StepFailed
from memdeploy.providers.local.embedded.graph import service_inputs
from memdeploy.providers.local.embedded.resting import Start, Stop
from memdeploy.providers.local.embedded.transfer import PARTS, Dump, Load
from memdeploy.providers.local.embedded.words import Word
from memdeploy.providers.local.scope import Scope


def dumping(scope: Scope, folder: Path) -> Graph:
    return _at_rest(scope, {f"dump.{part}": Dump(scope, part, folder) for part in PARTS})


def loading(scope: Scope, folder: Path) -> Graph:
    return _at_rest(scope, {f"load.{part}": Load(scope, part, folder) for part in PARTS})


def tool(scope: Scope, word: str, arguments: Sequence[str]) -> Step:
    inputs = _journalled(scope, word)
    return Step(word, Word(scope, word, arguments), inputs=inputs, title=word, seconds=10.0, transient=True)


def _at_rest(scope: Scope, parts: Mapping[str, Dump | Load]) -> Graph:
    inputs = _journalled(scope, "service.start")
    steps = [Step("service.stop", Stop(scope), title="MemMachine at rest", seconds=1.0, transient=True)]
    for name, part in parts.items():
        before = (steps[-1].name,)
        steps.append(Step(name, part, needs=before, title=part.part, seconds=1.0, transient=True))
    start = Step(
        "service.start", Start(scope), inputs=inputs, needs=(steps[-1].name,), title="MemMachine", seconds=6.0,
        transient=True,
    )  # fmt: skip
    return Graph([*steps, start])


def _journalled(scope: Scope, where: str) -> Mapping[str, Any]:
    """`service_inputs` as the steps that give them put them out last. Raises `StepFailed` when one never did."""
    known: dict[str, Any] = {}
    for name, ref in service_inputs(scope).items():
        outputs = scope.context.records.get(ref.step, {})
        if ref.output not in outputs:
            raise StepFailed(
                f"{ref.step} was never made", code="not-deployed", where=where, suggestion="Run `memdeploy up`."
            )  # fmt: skip
        known[name] = outputs[ref.output]
    return known
