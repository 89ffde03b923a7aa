"""What a web page that its user looks at reaches of a MemMachine on this machine: nothing."""

from __future__ import annotations

import requests

SEARCH = {"org_id": "me", "project_id": "first", "query": "anything", "types": ["episodic"]}
PATHS = ("/api/v2/memories/search", "/mcp/", "/metrics")
PAGES = (
    {"Origin": "https://page.example"},
    {"Origin": "null"},
    {"Host": "rebound.example:8080", "Origin": "http://rebound.example:8080"},
    {"Host": "rebound.example:8080"},
)


def let_in(url: str) -> list[tuple[str, dict[str, str], int]]:
    """What was not answered by 403, of all paths and all that pages can say of themselves."""
    asked = [(path, headers, _ask(f"{url}{path}", headers)) for path in PATHS for headers in PAGES]
    return [one for one in asked if one[2] != 403]


def from_here(url: str) -> int:
    """A page that this machine serves itself."""
    return _ask(f"{url}/api/v2/projects/list", {"Origin": "http://localhost:3000"})


def _ask(address: str, headers: dict[str, str]) -> int:
    return requests.post(address, json=SEARCH, headers=headers, timeout=60).status_code
