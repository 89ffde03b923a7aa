"""What `serve` becomes: `memmachine-server` itself, in this process, corrected first.

The databases are waited for beside the import, which is most of a start.

Python's collector of garbage finds none in what is loaded for good, and looks through all of it again and again: a
third of the time that loading takes, and seconds at the end, of the few that a stop may take. So it rests while modules
are loaded, and leaves alone what was there by then.
"""

from __future__ import annotations

import gc

gc.disable()

import os  # noqa: E402

import on_disk  # noqa: E402
import serve  # noqa: E402

if not os.environ.get(on_disk.VARIABLE):
    # Before anybody waits: two threads that import one package at the same time may see half of it.
    import asyncpg  # noqa: F401
    import neo4j  # noqa: F401

waiting = serve.begin() if __name__ == "__main__" else None

import corrections  # noqa: E402
import door  # noqa: E402
import release  # noqa: E402

RELEASE = release.find(os.environ)
# At import, not in main: with several workers each of them imports this file anew.
corrections.apply(RELEASE)

server = RELEASE.part("server.app")
door.apply(server.app, os.environ)

import openai  # noqa: E402, F401 (MemMachine imports it when it makes its clients)

gc.freeze()
gc.enable()

if waiting is not None:
    serve.finish(waiting)
    try:
        server.main()
    finally:
        gc.freeze()  # the process gives everything back anyway
