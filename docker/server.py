"""What `serve` becomes: `memmachine-server` itself, in this process, corrected first."""

from __future__ import annotations

import corrections

# At import, not in main: with several workers each of them imports this file anew.
corrections.apply()

if __name__ == "__main__":
    from memmachine_server.server.app import main

    main()
