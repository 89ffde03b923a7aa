"""What proves that a thing is ours: the deployment's random id, as a label or in the description.

A label where the API takes labels at insert, else `description: memdeploy/<id>` (networks, subnets, firewalls, resource
policies, service accounts, addresses), a tag on builds. Shared things carry `shared-<region>` in the id's place. The
deployment's name alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.providers.marker import LABEL, NAME_LABEL, Marker

__all__ = ["LABEL", "NAME_LABEL", "Marker", "of_deployment", "of_shared"]


def of_deployment(id: str, name: str, extra: Mapping[str, str]) -> Marker:  # noqa: A002
    return Marker(id, name, dict(extra))


def of_shared(region: str) -> Marker:
    return Marker(f"shared-{region}")
