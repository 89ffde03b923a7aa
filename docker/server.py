"""What `serve` becomes: `memmachine-server` itself, in this process, corrected first.

Python's collector of garbage finds none in what is loaded for good, and looks through all of it again and again: a
third of the time that loading takes, and seconds at the end, of the few that a stop may take. So it rests while modules
are loaded, and leaves alone what was there by then.
"""

from __future__ import annotations

import gc
import os

import corrections
import release

gc.disable()
RELEASE = release.find(os.environ)
# At import, not in main: with several workers each of them imports this file anew.
corrections.apply(RELEASE)

if __name__ == "__main__":
    server = RELEASE.part("server.app")
    gc.freeze()
    gc.enable()
    try:
        server.main()
    finally:
        gc.freeze()  # the process gives everything back anyway
else:
    gc.enable()
