"""Image manifests that a rehearsal without an engine stands for: real JSON, so that digests are those of real bytes.

https://github.com/opencontainers/distribution-spec and Docker's image manifest, version 2, schema 2.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"


@dataclass(frozen=True)
class Manifest:
    """`text` is what a registry serves; `config` the blob it names. There are no layers: nothing was built."""

    text: str
    config: str

    @property
    def digest(self) -> str:
        return sha256(self.text)

    @property
    def config_digest(self) -> str:
        return sha256(self.config)


def sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def manifest(inputs: str) -> Manifest:
    """What `inputs` (a hub image's name, a build's steps) would have given; same inputs, same digest."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"io.memdeploy.simulated": hashlib.sha256(inputs.encode()).hexdigest()}},
            "rootfs": {"type": "layers", "diff_ids": []},
        },
        separators=(",", ":"),
    )
    text = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE,
            "config": {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": sha256(config)},
            "layers": [],
        },
        separators=(",", ":"),
    )
    return Manifest(text, config)
