"""A rehearsal served in a process of its own, as a stranger's test would use it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FAST = 0.001


@dataclass
class Rehearsed:
    process: subprocess.Popen[str]
    endpoint: str
    id: str
    token_file: str | None
    backing: str
    folder: Path

    @classmethod
    def serve(
        cls,
        folder: Path,
        *,
        world: Path | None = None,
        scale: float = FAST,
        backing: str = "none",
        faults: str | None = None,
    ) -> Rehearsed:
        options = ["--state", str(folder), "--time-scale", str(scale), "--backing", backing]
        options += ["--world", str(world)] if world else []
        options += ["--faults", faults] if faults else []
        process = subprocess.Popen(
            [sys.executable, "-m", "memdeploy.rehearsal", *options], stdout=subprocess.PIPE, text=True, cwd="/"
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the rehearsal server ended before it was ready"
        told = json.loads(line)
        return cls(process, told["endpoint"], told["id"], told["token_file"], told["backing"], folder)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    @property
    def environment(self) -> dict[str, str]:
        told = {"MEMDEPLOY_GCP_ENDPOINT": self.endpoint}
        return {**told, "MEMDEPLOY_GCP_TOKEN_FILE": self.token_file} if self.token_file else told

    def ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Any path of the server, `/_rehearsal/…` or an API's."""
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=60)
        headers = {"Content-Type": "application/json"}
        if self.token_file:
            headers["Authorization"] = f"Bearer {Path(self.token_file).read_text().strip()}"
        try:
            connection.request(verb, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, (verb, path, answer.status, text)
        return json.loads(text)

    def until(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The same, asked again while an API that was just switched on is not seen everywhere yet."""
        deadline = time.monotonic() + 20.0
        while True:
            try:
                return self.ask(verb, path, body)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def inventory(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/_rehearsal/inventory")["resources"])

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/_rehearsal/requests?since={since}")["requests"])

    def last_request(self) -> int:
        return max((r["n"] for r in self.requests()), default=0)

    def faults(self, spec: str) -> None:
        self.ask("POST", "/_rehearsal/faults", {"spec": spec})

    def hold(self, resource: str) -> None:
        """As if a service or database that is gone by now had used this subnet or peering a moment ago: the cloud holds
        on to it for hours or days, however long the test takes."""
        until = json.dumps({"an earlier user": time.time() + 86400.0})
        with contextlib.closing(sqlite3.connect(self.folder / "cloud.db", timeout=60)) as db, db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (f"hold/{resource}", until))

    def let_go(self, of: str = "") -> None:
        """As if those hours and days had passed; `of` is a part of the held resource's name."""
        with contextlib.closing(sqlite3.connect(self.folder / "cloud.db", timeout=60)) as db, db:
            db.execute("DELETE FROM facts WHERE key LIKE 'hold/%' || ? || '%'", (of,))


def normalised(resources: list[dict[str, Any]], deployments: Mapping[str, Mapping[str, str]]) -> list[str]:
    """An inventory without what is drawn anew each time: ids, suffixes, digests, execution tokens, numeric ids.

    `deployments`: placeholder -> {"id", "suffix", "name"} of each deployment that may appear."""
    lines = []
    for item in resources:
        shown = {key: item[key] for key in ("service", "type", "name", "state", "labels", "marker")}
        text = json.dumps(shown, sort_keys=True)
        for placeholder, known in deployments.items():
            text = text.replace(known["id"], f"<{placeholder}>")
            text = text.replace(f"{known['name']}-{known['suffix']}", f"{known['name']}-<{placeholder}>")
        text = re.sub(r"sha256:[0-9a-f]{64}", "<digest>", text)
        text = re.sub(r"(-prep)-[a-z0-9]{1,20}\b", r"\1-<token>", text)
        text = re.sub(r"(-api-\d{5})-[a-z0-9]{3}\b", r"\1-<drawn>", text)
        text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>", text)
        lines.append(text)
    return sorted(lines)
