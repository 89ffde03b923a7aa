"""The environment that MemMachine runs in: its packages by the lock, NLTK's data, bytecode for all of it.

One for each release, interpreter and lock, shared by all deployments of this user: it holds nothing of theirs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memdeploy import private
from memdeploy.engine.step import Observed, Outputs, Run, State, unknowns
from memdeploy.memmachine import releases
from memdeploy.providers.local import files
from memdeploy.providers.local.embedded import layout, uv
from memdeploy.providers.local.embedded.interpreter import Interpreter, ask
from memdeploy.providers.local.scope import Scope

STAMP = "memdeploy.json"
"Written last: an environment without it was not finished."
NLTK_LOCK = "requirements/nltk-data.txt"
NLTK_DATA = "nltk_data"
NLTK_FOLDERS = ("corpora", "tokenizers")
BUSY_SECONDS = 1800.0


@dataclass(frozen=True)
class Plan:
    """What an environment is made of; the same plan is the same environment."""

    release: str
    python: str
    lock: Path
    nltk: Path

    @property
    def name(self) -> str:
        digest = hashlib.sha256(str(Path(self.python).resolve()).encode())
        for path in (self.lock, self.nltk):
            digest.update(path.read_bytes())
        return f"memmachine-{self.release}-{digest.hexdigest()[:12]}"

    @property
    def path(self) -> Path:
        return layout.environments() / self.name


class Environment:
    """Input: `python`. Outputs: `python` (the environment's own), `path`, `nltk`."""

    kind = "embedded.environment"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def probe(self, run: Run) -> Observed:
        if unknowns(run.inputs):
            return Observed(State.ABSENT, unknown=tuple(unknowns(run.inputs)))
        plan = self._plan(run)
        return Observed(State.PRESENT, outputs=outputs(plan)) if whole(plan) else Observed(State.ABSENT)

    def ensure(self, run: Run) -> Outputs:
        plan = self._plan(run)
        if not whole(plan):
            run.change("create", str(plan.path), lambda intent: self._make(run, plan))
        return outputs(plan)

    def remove(self, run: Run) -> None:
        """Others may use it: a cache."""

    def summary(self, outputs: Outputs) -> str:
        return f"MemMachine's packages: {outputs['path']}"

    def _plan(self, run: Run) -> Plan:
        folder, release = self.scope.context.docker_files, releases.find(self.scope.deployment.release)
        return Plan(release.version, run.inputs["python"], folder / lock_name(release.version), folder / NLTK_LOCK)

    def _make(self, run: Run, plan: Plan) -> None:
        for folder in (layout.cache(), layout.environments()):
            files.own_folder(folder)
        with _alone(run, plan) as lock:
            if not whole(plan):  # another run made it while we waited
                run.progress(f"installing MemMachine {plan.release} and {_count(plan.lock)} packages that it needs")
                build(plan, where=run.step, hold=lock)


def lock_name(release: str) -> str:
    """As a path in the folder `docker/`; made by scripts/lock_embedded.py."""
    return f"requirements/embedded-{release}.txt"


def outputs(plan: Plan) -> Outputs:
    return {"python": str(plan.path / "bin" / "python"), "path": str(plan.path), "nltk": str(plan.path / NLTK_DATA)}


def whole(plan: Plan) -> bool:
    """Finished, nobody else's, and its interpreter has not been uninstalled since."""
    own = private.is_own(plan.path) and private.is_own(plan.path / NLTK_DATA)
    made = own and (plan.path / STAMP).is_file()
    return made and isinstance(ask(str(plan.path / "bin" / "python")), Interpreter)


def build(plan: Plan, *, where: str, hold: int) -> None:
    """Aside, then renamed. Downloads are kept until it is finished, for a run that continues an interrupted one; uv
    links files from there, so that they take no room twice."""
    draft, downloads = (plan.path.with_name(f".{plan.name}.{word}") for word in ("new", "downloads"))
    for path in (draft, downloads):
        _unlink(path)
    shutil.rmtree(draft, ignore_errors=True)
    what = f"MemMachine {plan.release} could not be installed"

    def tool(*arguments: str) -> None:
        uv.run(arguments, cache=downloads, pythons=layout.pythons(), where=where, what=what, hold=(hold,))

    tool("venv", "--relocatable", "--python", plan.python, str(draft))
    install = ("pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:")
    python = str(draft / "bin" / "python")
    tool(*install, "--python", python, "--compile-bytecode", "--requirements", str(plan.lock))
    tool(*install, "--python", python, "--target", str(draft / "nltk"), "--requirements", str(plan.nltk))
    _take_nltk(draft)
    files.write_json(draft / STAMP, {"release": plan.release, "python": plan.python, "lock": plan.lock.name})
    _unlink(plan.path)
    shutil.rmtree(plan.path, ignore_errors=True)
    draft.rename(plan.path)
    shutil.rmtree(downloads, ignore_errors=True)


def _unlink(path: Path) -> None:
    """A link in a folder's place goes, and what it leads to stays: uv would write there."""
    if path.is_symlink():
        path.unlink()


def _take_nltk(draft: Path) -> None:
    """Of the wheel that ships NLTK's data only these: what MemMachine's reranker by words needs. NLTK reads no data
    that others may write to, as they may under a umask of 002."""
    private.make_folder(draft / NLTK_DATA)
    shipped = draft / "nltk" / "llama_index" / "core" / "_static" / "nltk_cache"
    for name in NLTK_FOLDERS:
        shutil.copytree(shipped / name, draft / NLTK_DATA / name, ignore=shutil.ignore_patterns("*.zip"))
    shutil.rmtree(draft / "nltk")


@contextlib.contextmanager
def _alone(run: Run, plan: Plan) -> Iterator[int]:
    """Two runs make one environment. The lock is held by whatever still writes: uv too, should we be killed."""
    handle = private.open_file(plan.path.with_name(f".{plan.name}.lock"), os.O_RDWR)
    try:
        run.until(
            lambda: private.taken(handle) or None,
            what="another run to install the same",
            every=0.2,
            timeout=BUSY_SECONDS,
        )
        yield handle
    finally:
        os.close(handle)


def _count(lock: Path) -> int:
    return sum(1 for line in lock.read_text().splitlines() if "==" in line) - 1
