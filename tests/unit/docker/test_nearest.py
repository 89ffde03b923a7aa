"""The queries of MemMachine's store that the correction changes, and those that it leaves."""

from __future__ import annotations

from types import SimpleNamespace

import nearest

CREATE = (
    "CREATE VECTOR INDEX i\nIF NOT EXISTS\nFOR (e:c)\nON e.v\nOPTIONS {\n    indexConfig: {\n"
    "        `vector.dimensions`:\n            $dimensions,\n"
    "        `vector.similarity_function`:\n            $similarity_function\n    }\n}"
)
ASK = "CALL db.index.vector.queryNodes(\n    $vector_index_name, $query_limit, $query_embedding\n)\nYIELD node AS n"
OTHER = "MATCH (n:c)\nRETURN n\nLIMIT $query_limit"


def corrected(text: str) -> str:
    module = SimpleNamespace(_neo4j_query=lambda text: text)
    nearest.apply(module)
    return str(module._neo4j_query(text))


def test_the_index_is_made_of_whole_vectors() -> None:
    assert corrected(CREATE).endswith(
        "            $similarity_function,\n        `vector.quantization.enabled`: false\n    }\n}"
    )


def test_it_is_asked_for_many_and_never_for_fewer_than_before() -> None:
    width = "CASE WHEN $query_limit < 4000 THEN 4000 ELSE $query_limit END"
    assert corrected(ASK) == ASK.replace("$query_limit", width)


def test_every_other_query_stays() -> None:
    assert corrected(OTHER) == OTHER
