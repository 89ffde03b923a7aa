"""0.4.0 started by hand on databases of 0.3.9, as upstream's image would: nothing of ours looks at the tables first."""

from __future__ import annotations

from tests.e2e.local import Local
from tests.e2e.stack import IMAGE_OF, exited, wait_for

REVISION = "e8d4a37b69f2"
"What it notes in them."
BY_HAND = """
import os, configure
from pathlib import Path
os.environ.update(configure.write(configure.read(os.environ), Path("/tmp")).environment)
from memmachine_server.server.app import main
main()
"""


def start_the_newer(local: Local) -> None:
    """In the place of a local deployment's own service, until it has changed the tables."""
    service = local.container("api")
    service.stop(timeout=120)
    told = [line for line in service.attrs["Config"]["Env"] if not line.startswith("MEMMACHINE_RELEASE=")]
    newer = local.engine.containers.create(
        IMAGE_OF["0.4.0"], ["-c", BY_HAND], entrypoint=["python"], labels=service.labels,
        environment=[*told, "PYTHONPATH=/opt/memdeploy"], network=service.attrs["HostConfig"]["NetworkMode"],
    )  # fmt: skip

    def has_changed_them() -> bool:
        assert not exited(newer), newer.logs().decode()[-2000:]
        return local.sql("select version_num from alembic_version") == REVISION

    try:
        newer.start()
        wait_for(has_changed_them, "0.4.0", 300)
        newer.stop(timeout=120)
    finally:
        newer.remove(force=True, v=True)
