"""Memories of many kinds to carry from one side to another, and both sides read back by code of the tests' own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import requests

from memdeploy.memmachine.records import Episode, Feature, Project, ProjectId
from tests.e2e.sides import Side

MORNING = dt.datetime(2024, 3, 1, 10, tzinfo=dt.UTC)
ALPHA, BETA, GAMMA = ProjectId("acme", "alpha"), ProjectId("acme", "beta-2"), ProjectId("größe", "γ:1")


def episodes(project: ProjectId, count: int) -> list[Episode]:
    """Three to an instant, with and without fractions; some texts twice; every field in several values."""
    return [
        Episode(
            uid="",
            created_at=MORNING + dt.timedelta(seconds=n // 3, microseconds=(n // 3) % 2 * (n // 3 + 1)),
            content=f'{project.project} noted that lantern {n // 2 if n % 10 < 2 else n} shines "blüe" in bay {n}'
            if n % 7
            else f"{project.project}: yes",
            producer=("ann", "bob", "cem:3")[n % 3],
            role=("user", "assistant", "")[n % 4 % 3],
            produced_for=("", "bot")[n % 2],
            type="message",
            metadata=({}, {"team": "red", "n": str(n)}, {"team": "blue", "a b": "ü'\"\\"})[n % 5 % 3],
        )
        for n in range(count)
    ]


def fill(side: Side) -> None:
    """60 memories in 3 projects of 2 organisations, categories of every kind, features with citations."""
    client = side.client
    for project in (ALPHA, BETA, GAMMA):
        client.create_project(Project(project, f"project {project.project}: ünï", {}, {}))
    uids = {project: client.add(project, episodes(project, 20)) for project in (ALPHA, BETA, GAMMA)}
    client.set_flags(BETA, {"short_term_memory_enabled": False})
    client.create_set_type(ALPHA, {"is_org_level": False, "tags": ["team"], "name": "Teams", "description": "by team"})
    sets = {s["id"]: s for s in _sets(side, ALPHA, {"producer_id": "ann", "team": "red"})}
    for kind in client.set_types(ALPHA):
        client.add_template(ALPHA, kind["id"], {"name": "likes", "prompt": "What they like.", "description": "d"})
    organisation = next(each for each in sets if each.startswith("mem_set_type_"))
    client.add_category(ALPHA, organisation, {"name": "customs", "prompt": "What is usual.", "description": None})
    list(client.features(ALPHA, {"producer_id": "ann", "team": "red"}))  # leads the sets to their set types
    learned = [
        (set_id, "likes", (uids[ALPHA][0], uids[BETA][1]))
        for set_id in sets
        if "producer_id" in set_id or "team" in set_id
    ]
    learned += [(organisation, "customs", (uids[BETA][2],)), (organisation, "customs", (uids[BETA][2],))]
    for n, (set_id, category, citations) in enumerate([*learned, *_of_projects(side, uids)]):
        metadata = {"source": "test", "n": str(n)} if n % 2 else {}
        client.add_feature(ALPHA, Feature("", set_id, category, "colours", f"c{n // 2}", "blüe", metadata, citations))


def _of_projects(side: Side, uids: Mapping[ProjectId, list[str]]) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    for project, its in uids.items():
        [own] = [s["id"] for s in _sets(side, project, {}) if s["id"].startswith("mem_project_set_")]
        yield own, "profile", tuple(its[3:6])
        yield own, "profile", ()


def _sets(side: Side, project: ProjectId, metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    body = {**project.body, "set_metadata": dict(metadata)}
    answer = requests.post(f"{side.url}/api/v2/memories/semantic/set_id/list", json=body, timeout=60)
    found: list[dict[str, Any]] = answer.json()["sets"]
    return found


def everything(side: Side, *, page: int = 7) -> dict[str, Any]:
    """What a side remembers, as plain data without ids: citations are written as what they cite."""
    client, known, found = side.client, {}, {}
    for project in client.projects():
        whole = client.project(project)
        assert whole is not None
        listed = list(client.episodes(project, page=page))
        known |= {one.uid: (str(project), one.content, one.created_at) for one in listed}
        fields = [(o.created_at, o.content, o.producer, o.role, o.produced_for, o.type, o.metadata) for o in listed]
        found[str(project)] = (whole.description, dict(whole.config), dict(whole.flags), fields)
    features = {}
    for project in client.projects():
        for metadata in (
            {},
            *({"producer_id": p, "team": t} for p in ("ann", "bob", "cem:3") for t in ("red", "blue")),
        ):
            for listed_feature in client.features(project, metadata):
                feature = client.feature(project, listed_feature.id)
                assert feature is not None
                cited = sorted(known[uid] for uid in feature.citations)
                words = (feature.category, feature.tag, feature.name, feature.value, sorted(feature.metadata.items()))
                features[feature.id] = (feature.set_id, *words, cited)
    return {"projects": found, "features": sorted(features.values())}
