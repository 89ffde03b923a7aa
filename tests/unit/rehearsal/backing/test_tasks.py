"""Containers of jobs and services, without an engine that makes any."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from memdeploy.rehearsal.backing.folders import Folders
from memdeploy.rehearsal.backing.networks import Networks
from memdeploy.rehearsal.backing.offline import OfflineModel
from memdeploy.rehearsal.backing.protocol import ContainerSpec
from memdeploy.rehearsal.backing.registry import Registry
from memdeploy.rehearsal.backing.tasks import Tasks
from tests.contract.product import canary
from tests.support.refusing import engine

KEY = "c4n/ry+Key\"eight'&%$ @:~?=#\\end-of-it"


class Names:
    """An engine's names and locks, and that nothing is there."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def name(self, kind: str, key: str) -> str:
        return f"{kind}-{key.rpartition('/')[2]}"

    def labels(self, kind: str, key: str, **more: str) -> dict[str, str]:
        return more

    def lock(self, name: str) -> Any:
        return nullcontext()

    def finished(self, kind: str, key: str) -> None:
        return None

    def volumes(self, kind: str) -> list[Any]:
        return []


def test_an_engine_that_repeats_an_environment_is_quoted_without_its_values(tmp_path: Path) -> None:
    """What prevents a start is kept in the rehearsal's database and told to its clients."""
    network = SimpleNamespace(name="net")
    image = SimpleNamespace(id="sha256:aa", attrs={"Config": {}})
    networks = SimpleNamespace(get=lambda key: network)
    registry = SimpleNamespace(owns=lambda reference: False, pull=lambda reference: image)
    model = SimpleNamespace(wanted=lambda env: False)
    spec = ContainerSpec(
        key="a/b", image="image", command=(), args=(), env={"MODEL_API_KEY": KEY, "PORT": "8080"}, networks=("n",),
        port=None, cpu=1.0, memory_mb=512,
    )  # fmt: skip
    with engine() as (client, sent):
        tasks = Tasks(
            cast(Any, Names(client)), cast(Networks, networks), cast(Registry, registry), Folders(tmp_path),
            cast(OfflineModel, model),
        )  # fmt: skip
        tasks.start("job", spec)
        told = tasks.job_state("a/b")
    assert any(KEY in line for line in sent[0]["Env"])
    assert told.done
    assert "invalid environment" in (told.error or "")
    assert "8080" in (told.error or "")
    plain = {
        form: name for form, name in canary.forms("it", KEY).items() if name in {"it, raw", "it, JSON", "it, Python"}
    }
    assert canary.found((told.error or "").encode(), plain) == []
