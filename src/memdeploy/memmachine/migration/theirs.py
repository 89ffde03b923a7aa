"""What there is to carry: the projects of whoever uses the service."""

from __future__ import annotations

from memdeploy.memmachine import smoke
from memdeploy.memmachine.api import Client
from memdeploy.memmachine.records import ProjectId


def projects(client: Client) -> list[ProjectId]:
    """Without those of `memdeploy verify`, which are listed until MemMachine has removed them."""
    return [project for project in client.projects() if not _of_proof(project)]


def _of_proof(project: ProjectId) -> bool:
    return project.org == smoke.ORGANISATION and project.project.startswith(smoke.PROOF)
