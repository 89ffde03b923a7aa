"""Becomes a process in the background that can be found again. Runs by itself; standard library only.

    python launch.py PID_FILE COMMAND...

Takes an exclusive lock on PID_FILE, writes into it what the process is, and becomes COMMAND, which keeps the lock for
as long as it lives: whoever finds it locked has found this very process, whatever number others have by now, whoever
does not knows that it is gone. Variable LAUNCH_FACTS: JSON that is written along with the process's number.
"""

import fcntl
import json
import os
import sys
import time

BUSY = 75
"Exit code: another one has the lock."
PATIENCE = 5.0
"Seconds. Whoever only looks shares the lock with all who look, for a moment."
FACTS = "LAUNCH_FACTS"


def lock(handle: int) -> bool:
    """False when another one has it."""
    deadline = time.monotonic() + PATIENCE
    while not taken(handle, fcntl.LOCK_EX):
        if not taken(handle, fcntl.LOCK_SH) or time.monotonic() > deadline:
            return False
        fcntl.flock(handle, fcntl.LOCK_UN)  # somebody looks
        time.sleep(0.01)
    return True


def taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main(pid_file: str, *command: str) -> None:
    handle = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if not lock(handle):
        sys.exit(BUSY)
    os.umask(0o077)  # what it writes is its user's alone, as all that is here
    os.fchmod(handle, 0o600)
    facts = json.loads(os.environ.pop(FACTS, "{}"))
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps({"pid": os.getpid(), "started": time.time(), "facts": facts}).encode())
    os.set_inheritable(handle, True)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
