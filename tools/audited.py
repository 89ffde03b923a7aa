"""What an audit came to, as one line: `audited.py CODE FOUND SAID LOCK`, pip-audit's exit code, its JSON, its stderr
and the lock. Green only where every locked package was looked up."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def locked(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))


def verdict(code: int, found: str, said: str, lock: str) -> tuple[int, str]:
    """Exit code and line."""
    wanted = locked(lock)
    try:
        packages = json.loads(found)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, f"not audited: {_reason(code, said)}"
    looked = {_plain(entry["name"]): entry for entry in packages if "skip_reason" not in entry}
    bad = [f"{name} ({', '.join(v['id'] for v in entry['vulns'])})" for name, entry in looked.items() if entry["vulns"]]
    if bad:
        return 1, f"audited: advisories on {len(bad)} of {len(wanted)} packages: {'; '.join(sorted(bad))}"
    missing = {_plain(name) for name in wanted} - set(looked)
    if missing or not wanted or code != 0:
        why = _reason(code, said) if code else f"{len(missing)} of {len(wanted)} packages were skipped"
        return 0, f"not audited: {why}"
    return 0, f"audited: no advisory on any of {len(wanted)} packages"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _reason(code: int, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if "ERROR" in line or "rror:" in line] or lines
    return (told[-1] if told else f"pip-audit ended with {code} and said nothing")[:200]


if __name__ == "__main__":
    number, *paths = sys.argv[1:]
    exit_code, line = verdict(int(number), *(Path(path).read_text() for path in paths))
    sys.stdout.write(line + "\n")
    raise SystemExit(exit_code)
