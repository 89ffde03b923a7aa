"""A scope without clients' traffic, the inputs that golden bodies are made from, and golden files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from memdeploy.config.model import Deployment
from memdeploy.engine.clock import SystemClock
from memdeploy.memmachine.files import docker_files
from memdeploy.providers.base import Context
from memdeploy.providers.gcp.scope import Scope

GOLDEN = Path(__file__).with_name("golden")
SECRET = {"secret": "support-memory-x7k2-pg", "version": "3"}
NEO = {"secret": "support-memory-x7k2-neo", "version": "1"}
KEY = {"secret": "support-memory-x7k2-key", "version": "2"}
CONTAINER: dict[str, Any] = {
    "image": "us-central1-docker.pkg.dev/proj-1/memdeploy-us-central1/support-memory-x7k2@sha256:" + "1" * 64,
    "account": "support-memory-x7k2-run@proj-1.iam.gserviceaccount.com",
    "network": "projects/proj-1/global/networks/memdeploy-us-central1",
    "subnet": "projects/proj-1/regions/us-central1/subnetworks/support-memory-x7k2-net",
    "postgres_address": "10.70.0.3",
    "postgres_authority": "-----BEGIN CERTIFICATE-----\npg\n-----END CERTIFICATE-----\n",
    "postgres_database": "memmachine",
    "postgres_user": "memmachine",
    "postgres_password": SECRET,
    "neo4j_address": "10.71.0.5",
    "neo4j_certificate": "-----BEGIN CERTIFICATE-----\nneo\n-----END CERTIFICATE-----\n",
    "neo4j_password": NEO,
    "model_key": KEY,
}
MACHINE: dict[str, Any] = {
    "disk": "projects/proj-1/zones/us-central1-a/disks/support-memory-x7k2-data",
    "disk_id": "4711",
    "disk_gb": 20,
    "fresh": True,
    "address": "10.71.0.5",
    "subnet": CONTAINER["subnet"],
    "cidr": "10.71.0.0/24",
    "account": "support-memory-x7k2-neo@proj-1.iam.gserviceaccount.com",
    "password": NEO,
    "tls": {"secret": "support-memory-x7k2-tls", "version": "1"},
    "image": "us-central1-docker.pkg.dev/proj-1/memdeploy-us-central1-hub/library/neo4j@sha256:" + "2" * 64,
}


def scope(**options: Any) -> Scope:
    """Of the deployment `support-memory`, `options` being what memdeploy.yaml would say besides."""
    values = {"provider": "gcp", "name": "support-memory", "gcp": {"project": "proj-1", "labels": {"team": "support"}}}
    context = Context(
        deployment=Deployment.model_validate({**values, **options}),
        id="abcdef123456",
        suffix="x7k2",
        clock=SystemClock(),
        docker_files=docker_files(),
    )
    return Scope.open(context, "proj-1")


def golden(name: str, value: Any) -> None:
    """Compares with the file; UPDATE_GOLDEN=1 writes it (to be read before it is committed)."""
    file = GOLDEN / f"{name}.json"
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()
