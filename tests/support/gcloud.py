"""Google's own command line against a served rehearsal, as docs/rehearsal.md says how to point it there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: gcloud's name of an API -> the rehearsal's, where they differ; compute's address holds its version.
_SAME = (
    "artifactregistry", "cloudbilling", "cloudbuild", "cloudresourcemanager", "iam", "iamcredentials", "logging",
    "secretmanager", "serviceusage",
)  # fmt: skip
_APIS = {**{name: name for name in _SAME}, "sql": "sqladmin", "compute": "compute/compute/v1"}
#: gcloud puts the region before this host; nothing else resolves it, so it needs the rehearsal as its proxy.
_RUN = "http://rehearsal.localhost/run/"
_BODY = re.compile(r'^\{"error":.*\}$', re.MULTILINE)


def missing() -> str:
    """Why the witness cannot speak; empty when it can."""
    return "" if shutil.which("gcloud") else "gcloud is not installed (the witness of what the rehearsal serves)"


@dataclass(frozen=True)
class Spoken:
    """One command's end. `refusals` are the error bodies that the wire brought, last one last."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def refusals(self) -> list[dict[str, Any]]:
        return [json.loads(text)["error"] for text in _BODY.findall(self.stderr + "\n" + self.stdout)]


@dataclass(frozen=True)
class Gcloud:
    folder: Path
    endpoint: str
    project: str = "proj-1"
    timeout: float = 300.0

    def environment(self) -> dict[str, str]:
        config = self.folder / "gcloud"
        config.mkdir(exist_ok=True)
        token = config / "token"
        token.write_text("any")
        overrides = {name: f"{self.endpoint}/{path}/" for name, path in _APIS.items()}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "http_proxy": self.endpoint,
            "no_proxy": "",
            "CLOUDSDK_CONFIG": str(config),
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
            "CLOUDSDK_CORE_PROJECT": self.project,
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": _RUN,
            **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name.upper()}": url for name, url in overrides.items()},
        }

    def __call__(self, *arguments: str, expect: int | None = 0) -> Spoken:
        ended = subprocess.run(
            ["gcloud", *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.timeout,
            check=False,
        )
        if expect is not None:
            assert ended.returncode == expect, (
                f"gcloud {' '.join(arguments)}: {ended.returncode}\n{ended.stderr[-3000:]}"
            )
        return Spoken(ended.returncode, ended.stdout, ended.stderr)

    def described(self, *arguments: str) -> Any:
        return self(*arguments, "--format=json").json

    def at_once(self, commands: Mapping[str, Iterable[str]], *, expect: int | None = 0) -> dict[str, Spoken]:
        """Independent commands, some at a time: most of a call's time is gcloud's own start."""
        with ThreadPoolExecutor(4) as pool:
            running = {name: pool.submit(self, *line, expect=expect) for name, line in commands.items()}
            return {name: future.result() for name, future in running.items()}
