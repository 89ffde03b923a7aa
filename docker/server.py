"""What `serve` becomes: `memmachine-server` itself, in this process, corrected first."""

from __future__ import annotations

import os

import corrections
import release

RELEASE = release.find(os.environ)
# At import, not in main: with several workers each of them imports this file anew.
corrections.apply(RELEASE)

if __name__ == "__main__":
    RELEASE.part("server.app").main()
