"""What `serve` becomes: `memmachine-server` itself, in this process, corrected first.

The databases are waited for beside the import, which is most of a start. What the waiting needs is imported before it
begins: two threads that import one package at the same time may see half of it.
"""

from __future__ import annotations

import gc

# An import makes objects that stay: looking for garbage among them is a fifth of its time.
gc.disable()

import asyncpg  # noqa: E402, F401
import neo4j  # noqa: E402, F401
import serve  # noqa: E402

waiting = serve.begin() if __name__ == "__main__" else None

import corrections  # noqa: E402

# At import, not in main: with several workers each of them imports this file anew.
corrections.apply()

import memmachine_server.server.app  # noqa: E402
import openai  # noqa: E402, F401 (MemMachine imports it when it makes its clients)

gc.freeze()
gc.enable()

if waiting is not None:
    serve.finish(waiting)
    memmachine_server.server.app.main()
