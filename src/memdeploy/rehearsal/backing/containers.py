"""The backing with real servers: what the rules ask for is made in the local container engine.

`available()` says why not, for `--backing auto`. `Containers` holds nothing that the engine's labels do not, so that a
restarted server goes on where a killed one stopped.
"""

from __future__ import annotations

from collections.abc import Callable

#: Where the rehearsal listens, asked for each request: (http://127.0.0.1:PORT, bearer token).
Upstream = Callable[[], tuple[str, str]]
