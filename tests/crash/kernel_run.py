"""A process to be killed: deploys three toys into a toy cloud that lives in a file, with a real journal and lease.

Arguments: state root, cloud's file, `up` or `destroy`. The crash point is in MEMDEPLOY_TEST_CRASH; TOYS_AHEAD names a
file with the seconds that the boot clock is ahead; TOYS_PARALLEL is how many steps run at once; TOYS_STOP_INSIDE names
a thing whose insert stops the process, and then fails with an answer that says nothing of the effect. Prints, as JSON,
the actions and the number of transitions.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memdeploy.engine.clock import SystemClock, boottime
from memdeploy.engine.converge import Converging
from memdeploy.engine.crash import CrashPoints
from memdeploy.engine.graph import Graph
from memdeploy.engine.runner import Runner, RunOptions
from memdeploy.engine.step import Intent, Observed, Operation, OperationStatus, Outputs, Ref, Run, State, Step
from memdeploy.errors import CloudError, ErrorKind
from memdeploy.state.deployments import Deployments
from memdeploy.state.lease import Clocks


class Cloud:
    """Things by name, operations that are done at the second look, versions that pile up, and a count of creations."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def open(self) -> Iterator[dict[str, Any]]:
        """Locked, and changed as a whole or not at all: the cloud does not die with its client."""
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            data = json.loads(self._path.read_text())
            yield data
            changed = self._path.with_suffix(f".{threading.get_ident()}")
            changed.write_text(json.dumps(data))
            changed.replace(self._path)

    def get(self, name: str) -> dict[str, Any] | None:
        with self.open() as data:
            thing: dict[str, Any] | None = data["things"].get(name)
            return thing

    def insert(self, name: str, body: Mapping[str, Any]) -> str:
        with self.open() as data:
            data.setdefault("asked", []).append([os.getpid(), name])
        if os.environ.get("TOYS_STOP_INSIDE") == name:
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            raise CloudError("no answer", kind=ErrorKind.UNAVAILABLE)
        with self.open() as data:
            if name in data["things"]:
                raise CloudError(f"{name} exists", kind=ErrorKind.CONFLICT)
            data["things"][name] = dict(body)
            data["created"].append(name)
            data["operations"][f"op-{name}"] = 2
            return f"op-{name}"

    def delete(self, name: str) -> None:
        with self.open() as data:
            if data["things"].pop(name, None) is None:
                raise CloudError(f"no {name}", kind=ErrorKind.NOT_FOUND)

    def add_version(self, name: str, payload: str) -> int:
        """Not repeatable: each call adds one."""
        with self.open() as data:
            data["versions"].setdefault(name, []).append(payload)
            return len(data["versions"][name])

    def find_version(self, name: str, payload: str) -> int | None:
        with self.open() as data:
            versions = data["versions"].get(name, [])
            return versions.index(payload) + 1 if payload in versions else None

    def poll(self, operation: Operation) -> OperationStatus:
        with self.open() as data:
            data["operations"][operation.name] -= 1
            return OperationStatus(done=data["operations"][operation.name] <= 0)


class Thing(Converging[dict[str, Any]]):
    kind = "toy.thing"

    def __init__(self, cloud: Cloud, name: str, marker: str) -> None:
        self._cloud, self._name, self._marker = cloud, name, marker

    def describe(self) -> str:
        return f"thing {self._name}"

    def read(self, run: Run) -> dict[str, Any] | None:
        return run.find(lambda: self._cloud.get(self._name))

    def owned(self, run: Run, live: dict[str, Any]) -> bool:
        return bool(live["marker"] == self._marker)

    def desired(self, run: Run) -> Mapping[str, Any]:
        return {"of": run.inputs.get("of")}

    def view(self, live: dict[str, Any]) -> Mapping[str, Any]:
        return {"of": live["of"]}

    def create(self, run: Run) -> None:
        body = {"marker": self._marker, "of": run.inputs.get("of")}
        run.change(
            "create", self._name, lambda intent: self._cloud.insert(self._name, body),
            operation=lambda name: Operation("toy", name),
        )  # fmt: skip

    def delete(self, run: Run, live: dict[str, Any]) -> None:
        run.change("delete", self._name, lambda intent: self._cloud.delete(self._name))

    def outputs(self, run: Run, live: dict[str, Any]) -> Outputs:
        return {"name": self._name}


class Version(Thing):
    """A thing with one version of something that cannot be added twice: found again by what it holds."""

    kind = "toy.version"

    def probe(self, run: Run) -> Observed:
        seen = super().probe(run)
        if seen.outputs is not None and seen.outputs["version"] is None:
            return Observed(State.BROKEN, reason="has no version")
        return seen

    def outputs(self, run: Run, live: dict[str, Any]) -> Outputs:
        version = run.read(lambda: self._cloud.find_version(self._name, "payload"))
        return {"name": self._name, "version": version}

    def ensure(self, run: Run) -> Outputs:
        outputs = dict(super().ensure(run))
        if outputs["version"] is None:
            outputs["version"] = run.change("add version", self._name, self._add, trace=self._trace)
        return outputs

    def _add(self, intent: Intent) -> int:
        return self._cloud.add_version(self._name, "payload")

    def _trace(self, intent: Intent) -> int | None:
        return self._cloud.find_version(self._name, "payload")


def graph(cloud: Cloud, marker: str) -> Graph:
    def thing(kind: Callable[..., Thing], name: str) -> Thing:
        return kind(cloud, name, marker)

    return Graph(
        [
            Step("network", thing(Thing, "net")),
            Step("secret", thing(Version, "key")),
            Step("service", thing(Thing, "svc"), inputs={"of": Ref("network", "name"), "v": Ref("secret", "version")}),
        ]
    )


def clocks() -> Clocks:
    ahead = os.environ.get("TOYS_AHEAD")
    return Clocks(boottime=lambda: boottime() + float(Path(ahead).read_text())) if ahead else Clocks()


def main(root: str, cloud_file: str, command: str) -> int:
    cloud = Cloud(Path(cloud_file))
    deployments = Deployments(Path(root), clocks=clocks())
    if "toys" not in deployments.names():
        deployments.create("toys", provider="toy", identity={}, binding="rehearsal-1", configuration={})
    place = deployments.open("toys")
    with place.acquire(command) as lease:
        journal = place.write(lease)
        crash = CrashPoints.from_environment(os.environ, allowed=journal.snapshot.rehearsal is not None)
        steps = graph(cloud, journal.snapshot.id)
        options = RunOptions(max_parallel=int(os.environ.get("TOYS_PARALLEL", "8")))
        runner = Runner(
            steps, {"deployment": journal.ledger()}, {"deployment": lease}, SystemClock(pace=0.001, patience=1.0),
            lambda event: None, lambda error: None, cloud.poll, options, crash=crash,
        )  # fmt: skip
        result = runner.ensure(runner.probe()) if command == "up" else runner.remove(steps.order())
    print(
        json.dumps(
            {
                "actions": {step.name: str(step.action) for step in result.steps},
                "transitions": crash.transitions,
                "error": None if result.error is None else result.error.message,
            }
        )
    )
    return 0 if result.error is None else result.error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
