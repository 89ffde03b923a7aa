"""Names in a rehearsal's state folder, for the server and for whoever starts one without loading it."""

from __future__ import annotations

from typing import Literal

BackingChoice = Literal["none", "containers", "auto"]
RECORD, TOKEN, LOCK = "server.json", "token", "lock"
