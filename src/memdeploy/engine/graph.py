"""Steps in their order, checked whole before anything is touched.

A `Graph` that exists is sound: no name twice, every need there, no cycle. All of its answers are deterministic: they
follow the order in which the steps were given.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from memdeploy.engine.step import Ref, Step


class GraphError(ValueError):
    """A graph that cannot be run: a defect of whoever built it, never of a user's input."""


class Graph:
    """Iterates in a stable topological order: of all steps whose needs came before, the one given first is next."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """Raises `GraphError` naming the first defect: duplicate, missing need, unknown `keeps`, cycle."""
        self._steps = _by_name(steps)
        self._needs = {step.name: _needs(step) for step in steps}
        self._check_names()
        self._order = sort(self._needs)
        self._dependents = invert(self._needs)
        self._weights = longest_paths(self._order, self._dependents, self._seconds_of)
        before = longest_paths(tuple(reversed(self._order)), self._needs, self._seconds_of)
        # Both count the step itself.
        self._through = {name: self._weights[name] + before[name] - self._seconds_of(name) for name in self._order}

    def __iter__(self) -> Iterator[Step]:
        return (self._steps[name] for name in self._order)

    def __len__(self) -> int:
        return len(self._steps)

    def __contains__(self, name: object) -> bool:
        return name in self._steps

    def __getitem__(self, name: str) -> Step:
        return self._steps[name]

    def order(self) -> tuple[str, ...]:
        """Names in topological order."""
        return self._order

    def needs(self, name: str) -> tuple[str, ...]:
        """What must be done before this step: its `needs` and the steps its inputs refer to. Direct ones only."""
        return self._needs[name]

    def dependents(self, name: str) -> tuple[str, ...]:
        """The steps that need this one. Direct ones only."""
        return self._dependents[name]

    def weight(self, name: str) -> float:
        """Usual seconds of the longest path from the start of this step to the end of the graph."""
        return self._weights[name]

    def seconds(self) -> float:
        """Usual seconds of the whole graph with unlimited parallelism: the critical path."""
        return max(self._weights.values(), default=0.0)

    def slack(self, name: str) -> float:
        """Usual seconds by which this step may end later without making the whole graph longer; 0 on the critical
        path."""
        return self.seconds() - self._through[name]

    def upstream(self, names: Iterable[str]) -> frozenset[str]:
        """The named steps and everything they need, directly or not."""
        return _reach(names, self._needs)

    def downstream(self, names: Iterable[str]) -> frozenset[str]:
        """The named steps and everything that needs them, directly or not."""
        return _reach(names, self._dependents)

    def gone_before(self, name: str) -> frozenset[str]:
        """What must be gone before this step is removed: whatever needs it or is outlived by it, directly or not. What
        it outlives need not be in this graph: it may be a part of a larger one."""
        outlived = (other for other in self._steps[name].outlives if other in self._steps)
        return self.downstream([name, *outlived]) - {name}

    def only(self, names: Iterable[str]) -> Graph:
        """The graph of these steps and all that they need."""
        wanted = self.upstream(names)
        return Graph([step for step in self._steps.values() if step.name in wanted])

    def _seconds_of(self, name: str) -> float:
        return self._steps[name].seconds

    def _check_names(self) -> None:
        for step in self._steps.values():
            _refuse_unknown(step.name, "needs", self._needs[step.name], self._steps)
            _refuse_unknown(step.name, "keeps", step.keeps, self._steps)


def refs(value: object) -> list[Ref]:
    """All `Ref`s inside a nested value, in order."""
    if isinstance(value, Ref):
        return [value]
    if isinstance(value, Mapping):
        return [ref for item in value.values() for ref in refs(item)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [ref for item in value for ref in refs(item)]
    return []


def sort(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names so that each comes after its needs; among those possible, the first in `needs` is first.
    Raises `GraphError` that spells out one cycle."""
    position = {name: index for index, name in enumerate(needs)}
    missing = {name: len(set(items)) for name, items in needs.items()}
    dependents = invert(needs)
    ready = [position[name] for name, count in missing.items() if count == 0]
    names = list(needs)
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for dependent in dependents[name]:
            missing[dependent] -= 1
            if missing[dependent] == 0:
                heapq.heappush(ready, position[dependent])
    if len(order) < len(names):
        raise GraphError("steps need each other: " + " -> ".join(_cycle(needs, set(order))))
    return tuple(order)


def invert(needs: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Name -> the names that need it."""
    found: dict[str, list[str]] = {name: [] for name in needs}
    for name, items in needs.items():
        for item in dict.fromkeys(items):
            found[item].append(name)
    return {name: tuple(items) for name, items in found.items()}


def longest_paths(
    order: Sequence[str], after: Mapping[str, Sequence[str]], seconds: Callable[[str], float]
) -> dict[str, float]:
    """Name -> its own seconds and those of the longest chain of what comes after it. `order` is topological."""
    weights: dict[str, float] = {}
    for name in reversed(order):
        weights[name] = seconds(name) + max((weights[item] for item in after[name]), default=0.0)
    return weights


def _by_name(steps: Sequence[Step]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for step in steps:
        if not step.name:
            raise GraphError("a step has no name")
        if step.name in found:
            raise GraphError(f"two steps are named {step.name!r}")
        found[step.name] = step
    return found


def _needs(step: Step) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*step.needs, *(ref.step for ref in refs(step.inputs)))))


def _refuse_unknown(name: str, word: str, items: Sequence[str], steps: Mapping[str, Step]) -> None:
    for item in items:
        if item not in steps:
            raise GraphError(f"step {name!r} {word} {item!r}, which is no step")


def _reach(names: Iterable[str], edges: Mapping[str, Sequence[str]]) -> frozenset[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges[name])
    return frozenset(found)


def _cycle(needs: Mapping[str, Sequence[str]], done: set[str]) -> list[str]:
    """One cycle among the steps not done, beginning and ending with the same name: follow first open needs until one
    comes again."""
    name = next(name for name in needs if name not in done)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = next(item for item in needs[name] if item not in done)
    return [*path[path.index(name) :], name]
