"""Disks that can only grow: what a smaller wish means. Pure.

A size of a profile is the least that there has to be: another profile leaves a larger disk as it is. A size that the
user wrote is meant; less than there is cannot be had.
https://cloud.google.com/compute/docs/disks/resize-persistent-disk
https://cloud.google.com/sql/docs/postgres/instance-settings
"""

from __future__ import annotations

from dataclasses import replace

from memdeploy.engine.step import Difference, Effect, Observed

NEO4J, POSTGRES = "neo4j.disk_gb", "postgres.disk_gb"
_ONLY = "a disk can only be made larger"


def judged(differences: tuple[Difference, ...], field: str, *, shrinks: bool) -> tuple[Difference, ...]:
    """`shrinks`: less than there is was asked for by the user himself, and is refused; else it is no difference."""
    found = (one if one.field != field or one.have < one.want else _smaller(one, shrinks) for one in differences)
    return tuple(one for one in found if one is not None)


def told(seen: Observed, least: int) -> Observed:
    """Why a disk stays larger than the configuration's `least` GB; outputs hold its size as `disk_gb`."""
    size = (seen.outputs or {}).get("disk_gb", 0)
    if seen.reason or size <= least:
        return seen
    return replace(seen, reason=f"stays at {size} GB: {_ONLY}")


def _smaller(one: Difference, shrinks: bool) -> Difference | None:
    return replace(one, effect=Effect.FORBIDDEN, reason=_ONLY) if shrinks else None
