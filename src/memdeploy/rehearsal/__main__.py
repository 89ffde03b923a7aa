"""`python -m memdeploy.rehearsal`: the server alone, as `process.start` runs it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from memdeploy.rehearsal.serving import Busy, Options, serve


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="memdeploy-rehearsal")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--time-scale", type=float)
    parser.add_argument("--faults")
    parser.add_argument("--backing", choices=("none", "containers", "auto"), default="none")
    given = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        return serve(Options(**vars(given), detached=True))
    except (Busy, OSError, ValueError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 3


if __name__ == "__main__":
    sys.exit(main())
