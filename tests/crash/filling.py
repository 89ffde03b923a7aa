"""`memdeploy` on a disk that is full after so many writes: `python -m tests.crash.filling 40 up …`."""

from __future__ import annotations

import errno
import itertools
import os
import sys
from pathlib import Path

from memdeploy.cli.entry import main
from memdeploy.state import files


def fill_after(writes: int) -> None:
    """Journals and leases alike: what is written whole, and put in its place."""
    written, write = itertools.count(1), files._write_temporary

    def write_temporary(path: Path, data: bytes) -> Path:
        if next(written) > writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, data)

    files._write_temporary = write_temporary


if __name__ == "__main__":
    fill_after(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
