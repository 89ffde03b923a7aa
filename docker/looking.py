"""Looks at every project in both stores, whichever kinds they are."""

from __future__ import annotations

from typing import Any

import graph
import machine
import relational
import segments
from halves import Look, Project, Searchable


async def look(resources: Any) -> Look:
    """`resources`: MemMachine's own, opened and not started."""
    conf = resources.config
    keys = await relational.sessions(await resources.get_sql_engine(conf.session_manager.database))
    stored = await relational.memories(await resources.get_sql_engine(conf.episode_store.database))
    semantic = await _semantic_engine(resources)
    waiting = await relational.undigested(semantic, stored) if semantic is not None else {}
    projects = {}
    for key in keys:
        uids = frozenset(stored.get(key, ()))
        settings = await settings_of(resources, key)
        found = await _found(resources, settings, key, uids) if settings is not None else Searchable()
        projects[key] = Project(key, uids, found, settings is not None, waiting.get(key, 0))
    for key in await _forgotten(resources, projects):
        driver = await _default_driver(resources)
        projects[key] = Project(key, frozenset(stored.get(key, ())), await graph.look(driver, key))
    return Look(projects, await relational.features(semantic) if semantic is not None else 0)


async def settings_of(resources: Any, key: str) -> Any:
    """A project's settings of long-term memory; None when it is switched off or the project is gone."""
    info = await (await resources.get_session_data_manager()).get_session_info(key)
    conf = info.episode_memory_conf if info is not None else None
    on = conf is not None and conf.enabled and conf.long_term_memory_enabled
    return conf.long_term_memory if on else None


def in_graph(settings: Any) -> bool:
    return getattr(settings, "backend", "declarative") == "declarative"  # releases before 0.3.9 know no other


async def _found(resources: Any, settings: Any, key: str, stored: frozenset[str]) -> Searchable:
    if in_graph(settings):
        return await graph.look(await resources.get_neo4j_driver(settings.vector_graph_store), key)
    locator = machine.part("episodic_memory.long_term_memory.service_locator")
    partition = locator.partition_key_for_session(settings.session_id)
    store = await resources.get_vector_store(settings.vector_store)
    collection = await store.open_collection(namespace=segments.VECTORS, name=partition)
    engine = await resources.get_sql_engine(settings.segment_store)
    return await segments.look(engine, collection, partition, stored)


async def _forgotten(resources: Any, known: dict[str, Project]) -> list[str]:
    """Projects that only the graph has."""
    driver = await _default_driver(resources)
    return [key for key in await graph.projects(driver) if key not in known] if driver is not None else []


async def _default_driver(resources: Any) -> Any:
    """Of the graph that this configuration names; None when it names none."""
    conf = resources.config.episodic_memory.long_term_memory
    name = getattr(conf, "vector_graph_store", None)
    return await resources.get_neo4j_driver(name) if name else None


async def _semantic_engine(resources: Any) -> Any:
    name = getattr(resources.config.semantic_memory, "database", None)
    return await resources.get_sql_engine(name) if name else None
