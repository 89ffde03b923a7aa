"""What the server answers besides APIs: the loopback registry (`/v2/…`), the public hub and the front end of services.

Each module has `answer(cloud, request) -> Answer | None`; None: not mine. They are called without the store's lock and
open `cloud.store.transaction()` themselves, never around anything slow.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.http import Answer, Request

Mount = Callable[[Cloud, Request], Answer | None]
MODULES = ("memdeploy.rehearsal.registry", "memdeploy.rehearsal.front", "memdeploy.rehearsal.hub")


def load() -> tuple[Mount, ...]:
    present = [name for name in MODULES if importlib.util.find_spec(name)]
    return tuple(importlib.import_module(name).answer for name in present)
