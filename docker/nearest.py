"""What is nearest is found: MemMachine's index of vectors, made and asked so that it loses less. A correction
(`corrections.py`).

MemMachine (memmachine-server 0.2.6 to 0.4.0, vector_graph_store/neo4j_vector_graph_store.py) leaves Neo4j's default of
quantised vectors, whose places in the graph are those of vectors rounded to a byte a number, and asks for just as many
as it wants. The search in the graph goes no further than that number, so it stays within a crowd of memories that are
much alike, or all the same ("yes"), and never sees the one that was asked for. Of 2,500 memories that differ in little
3 of 40 were found by their own text; without quantisation and asked for WIDTH, all were, and no search took longer than
a few milliseconds more (docs/benchmarks.md).

A project with at most WIDTH vectors is searched whole.

`vector.quantization.enabled` is known since Neo4j 5.23
(neo4j.com/docs/cypher-manual/5/indexes/semantic-indexes/vector-indexes/).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WIDTH = 4000
MADE = "            $similarity_function\n    }\n"
MADE_WHOLE = "            $similarity_function,\n        `vector.quantization.enabled`: false\n    }\n"
ASKED = "$vector_index_name, $query_limit, $query_embedding\n"
ASKED_WIDELY = (
    f"$vector_index_name, CASE WHEN $query_limit < {WIDTH} THEN {WIDTH} ELSE $query_limit END, $query_embedding\n"
)


def apply(module: Any) -> None:
    """`module`: the release's `neo4j_vector_graph_store`."""
    module._neo4j_query = widely(module._neo4j_query)


def widely(query: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: query(text.replace(MADE, MADE_WHOLE).replace(ASKED, ASKED_WIDELY))
