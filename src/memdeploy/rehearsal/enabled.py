"""Which APIs are on in a project. Written by the Service Usage rules and the world file, asked at every request."""

from __future__ import annotations

from memdeploy.rehearsal.call import Cloud, Project

SPREAD = 45.0
"Cloud seconds until an API that was just enabled answers (estimate; 'wait a few minutes', says the error itself)."


def switch_on(cloud: Cloud, project: str, host: str, *, since: float) -> None:
    if cloud.store.fact(_key(project, host)) is None:
        cloud.store.put_fact(_key(project, host), since)


def switch_off(cloud: Cloud, project: str, host: str) -> None:
    cloud.store.put_fact(_key(project, host), None)


def marked_on(cloud: Cloud, project: str, host: str) -> bool:
    """What Service Usage says: on as soon as the operation is done."""
    return cloud.store.fact(_key(project, host)) is not None


def is_on(cloud: Cloud, project: Project, host: str) -> bool:
    """Whether the API itself answers already."""
    return cloud.after(SPREAD, since=cloud.store.fact(_key(project.id, host)))


def _key(project: str, host: str) -> str:
    return f"enabled/{project}/{host}"
