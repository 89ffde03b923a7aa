"""Carries what semantic memory learned, as it stands: no language model is asked, and citations follow the memories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from memdeploy.memmachine.api import Client
from memdeploy.memmachine.migration.carry import Sides
from memdeploy.memmachine.migration.sets import Selectors
from memdeploy.memmachine.records import Feature, ProjectId

Key = tuple[object, ...]


@dataclass
class Learned:
    """A side's features as the new side must hold them. `ids`: of each, the ids there.

    `uncited`: citations of memories that no longer exist.
    """

    features: dict[Key, Feature] = field(default_factory=dict)
    ids: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    uncited: int = 0

    @property
    def counts(self) -> Counter[Key]:
        return Counter({key: len(ids) for key, ids in self.ids.items()})


def read(
    client: Client, projects: Sequence[ProjectId], selectors: Selectors, uids: Mapping[str, str] | None = None
) -> Learned:
    """Every feature with its citations, translated by `uids` where given; one request a feature."""
    learned = Learned()
    if not projects:
        return learned
    for features in selectors.features(projects, client).values():
        for listed in features.values():
            whole = client.feature(projects[0], listed.id)
            if whole is not None:
                _keep(learned, replace(whole, id=listed.id, set_id=listed.set_id), uids)
    return learned


def _keep(learned: Learned, feature: Feature, uids: Mapping[str, str] | None) -> None:
    identifier = feature.id
    if uids is not None:
        known = tuple(sorted(uids[uid] for uid in feature.citations if uid in uids))
        learned.uncited += len(feature.citations) - len(known)
        feature = replace(feature, citations=known)
    learned.features[key(feature)] = feature
    learned.ids[key(feature)].append(identifier)


def key(feature: Feature) -> Key:
    """All that is carried of it: two with the same key are the same."""
    words = (feature.set_id, feature.category, feature.tag, feature.name, feature.value)
    return (*words, tuple(sorted(feature.metadata.items())), feature.citations)


def carry(
    sides: Sides, projects: Sequence[ProjectId], selectors: Selectors, moved: Callable[[int], None] = lambda count: None
) -> int:
    """Adds what is missing and removes what the old side no longer has; how many of both."""
    old = read(sides.old, projects, selectors, sides.state.all_uids())
    new = read(sides.new, projects, selectors)
    missing, extra = old.counts - new.counts, new.counts - old.counts
    for each, count in missing.items():
        for _ in range(count):
            sides.new.add_feature(projects[0], old.features[each])
            moved(1)
    doomed = [identifier for each, count in extra.items() for identifier in new.ids[each][:count]]
    if doomed:
        sides.new.delete_features(projects[0], doomed)
    return missing.total() + len(doomed)
