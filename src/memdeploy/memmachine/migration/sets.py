"""Which sets of features there are: the API lists only those to which it is led by metadata, so memories lead to them.

A set belongs to an organisation, a project, or to values of metadata, for instance to one producer
(memmachine-server 0.4.0, semantic_memory/semantic_session_manager.py: `_get_set_ids_str_from_metadata`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memdeploy.memmachine.api import Client
from memdeploy.memmachine.records import Episode, Feature, ProjectId

Selector = tuple[tuple[str, str], ...]
PRODUCER = ("producer_id",)  # every organisation has this one, noted or not


class Selectors:
    """Sees memories, then knows the metadata that leads to every set they may have fed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tags: dict[str, set[tuple[str, ...]]] = {}
        self._found: dict[ProjectId, set[Selector]] = {}

    def see(self, project: ProjectId, episode: Episode) -> None:
        metadata = {"producer_id": episode.producer, **episode.metadata}
        for tags in self._tags_of(project):
            if all(metadata.get(tag) is not None for tag in tags):
                self._found.setdefault(project, set()).add(tuple((tag, str(metadata[tag])) for tag in tags))

    def features(self, projects: Iterable[ProjectId], client: Client | None = None) -> dict[str, dict[str, Feature]]:
        """Set -> id -> feature, without citations, of the side that saw the memories or of another one.

        A set of the whole organisation is met again in each of its projects.
        """
        asked = client or self._client
        sets: dict[str, dict[str, Feature]] = {}
        for project in projects:
            for selector in [(), *sorted(self._found.get(project, ()))]:
                for feature in asked.features(project, dict(selector)):
                    sets.setdefault(feature.set_id, {})[feature.id] = feature
        return sets

    def _tags_of(self, project: ProjectId) -> set[tuple[str, ...]]:
        if project.org not in self._tags:
            kinds = self._client.set_types(project)
            self._tags[project.org] = {PRODUCER, *(tags(kind) for kind in kinds if tags(kind))}
        return self._tags[project.org]


def tags(kind: Mapping[str, object]) -> tuple[str, ...]:
    """A set type's names of metadata; one without any is listed with a single empty name."""
    listed = kind.get("tags")
    return tuple(sorted(str(tag) for tag in listed if tag)) if isinstance(listed, list) else ()
