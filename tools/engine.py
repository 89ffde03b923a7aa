"""Prints what can stand behind a rehearsal here: `no-engine`, `no-hub` (an engine without public images) or `hub`."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

HUB = "https://registry-1.docker.io/v2/"
SECONDS = 10


def engine() -> bool:
    import docker

    try:
        return bool(docker.from_env(timeout=SECONDS).ping())
    except Exception:  # no socket, no permission, no answer: all the same here
        return False


def hub() -> bool:
    """The hub answers an anonymous request with 401, a proxy in its place with something else."""
    try:
        with urllib.request.urlopen(HUB, timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def main() -> None:
    found = "no-engine" if not engine() else "hub" if hub() else "no-hub"
    sys.stdout.write(f"{found}\n")


if __name__ == "__main__":
    main()
