"""The public hub's own API, as far as asking whether a tag is there.

https://docs.docker.com/reference/api/hub/latest/operations/headV2NamespacesByNamespaceRepositoriesByRepositoryTagsByTag/
"""

from __future__ import annotations

import re

from memdeploy.rehearsal.call import Cloud
from memdeploy.rehearsal.http import Answer, Request, json_answer

_TAG = re.compile(r"/hub/v2/namespaces/([^/]+)/repositories/([^/]+)/tags/([^/]+)")


def answer(cloud: Cloud, request: Request) -> Answer | None:
    """None: not a path of the hub's. Official images stand in the namespace `library`."""
    match = _TAG.fullmatch(request.path)
    if match is None or request.verb not in ("GET", "HEAD"):
        return None
    space, name, tag = match.groups()
    wanted = f"{name}:{tag}" if space == "library" else f"{space}/{name}:{tag}"
    if wanted in cloud.hub:
        return json_answer(200, {"name": tag})
    return json_answer(404, {"message": "not found", "errinfo": None})
