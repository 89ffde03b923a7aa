"""Set types and categories: they decide which sets a memory feeds, and a feature is taken only into a known category.

A category belongs to a set type or to one set; the API lists only those of set types. The others have ids from the
same row of numbers, so they are found by counting (memmachine-server 0.4.0, semantic_memory/config_store).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration.carry import Sides
from memdeploy.memmachine.migration.sets import tags
from memdeploy.memmachine.records import ProjectId

GAP = 50
"""Numbers without a category after which no more are expected: each deleted category leaves one."""
Kind = tuple[str, ...]
"""What a set type is, apart from its id: organisation, level, names of metadata."""


@dataclass(frozen=True)
class Category:
    """`owner`: a set type's `Kind` or a set's id. `project`: any one of the organisation."""

    owner: Kind | str
    name: str
    project: ProjectId
    fields: Mapping[str, Any]


def read(client: Client, projects: Sequence[ProjectId]) -> list[Category]:
    """Every category that is nobody's default."""
    found = []
    listed = set()
    for project, kind in _kinds(client, projects):
        for name, number in client.templates(project, str(kind["id"])).items():
            listed.add(number)
            fields = client.category(project, number)
            if fields is not None:
                found.append(Category(_key(project, kind), name, project, fields))
    found += [one for one in _of_sets(client, projects) if str(one.fields["id"]) not in listed]
    return found


def _of_sets(client: Client, projects: Sequence[ProjectId]) -> Iterator[Category]:
    number = last = 0
    while projects and number - last < GAP:
        number += 1
        fields = client.category(projects[0], str(number))
        if fields is not None:
            last = number
            for set_id in client.category_sets(projects[0], str(number)):
                yield Category(set_id, str(fields["name"]), projects[0], fields)


def carry(sides: Sides, projects: Sequence[ProjectId]) -> None:
    """Makes on the new side what is missing there."""
    have = {_key(project, kind) for project, kind in _kinds(sides.new, projects)}
    for project, kind in _kinds(sides.old, projects):
        if _key(project, kind) not in have and tags(kind):
            sides.new.create_set_type(project, kind)
    ids = {_key(project, kind): str(kind["id"]) for project, kind in _kinds(sides.new, projects)}
    own = read(sides.old, projects)
    there = {(one.owner, one.name) for one in read(sides.new, projects)} if own else set()
    for one in own:
        if (one.owner, one.name) in there:
            continue
        if isinstance(one.owner, str):
            sides.new.add_category(one.project, one.owner, one.fields)
        elif one.owner in ids:
            sides.new.add_template(one.project, ids[one.owner], one.fields)


def _kinds(client: Client, projects: Sequence[ProjectId]) -> Iterator[tuple[ProjectId, dict[str, Any]]]:
    """Of each organisation once."""
    for project in {project.org: project for project in reversed(projects)}.values():
        for kind in client.set_types(project):
            yield project, kind


def _key(project: ProjectId, kind: Mapping[str, Any]) -> Kind:
    return (project.org, "organisation" if kind["is_org_level"] else "project", *tags(kind))
