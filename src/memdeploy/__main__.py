"""`python -m memdeploy` and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    from memdeploy.cli.crash import leave_no_image
    from memdeploy.cli.entry import main as run
    from memdeploy.cli.streams import settle

    leave_no_image()
    settle()
    sys.exit(run())


if __name__ == "__main__":
    main()
