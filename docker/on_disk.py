"""MemMachine without servers beside it: SQLite for what it keeps, an index of vectors on disk for what it finds.

`DATA_FOLDER` chooses it; then no variable of PostgreSQL or Neo4j is read. As memmachine-server 0.4.0 reads it
(common/configuration/database_conf.py, episodic_config.py): long-term memory of backend `event`, profiles in a
`vector_store`. One server at a time may use the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configure import Settings

VARIABLE = "DATA_FOLDER"
RUN_VARIABLE = "RUN_FOLDER"
"Where the configuration is written; only its user may look into it."
MEMORIES, VECTORS, INDEX = "memories.db", "vectors.db", "index"
"Files and a folder in DATA_FOLDER. Their names stand in backups: never rename one."
SQL, STORE = "sql", "vectors"


def databases(settings: Settings) -> dict[str, Any]:
    folder = Path(settings.data_folder)
    return {
        SQL: {"provider": "sqlite", "config": {"path": str(folder / MEMORIES)}},
        STORE: {
            "provider": "sqlite_vector_store",
            "config": {"path": str(folder / VECTORS), "index_directory": str(folder / INDEX)},
        },
    }


def long_term() -> dict[str, Any]:
    return {"backend": "event", "vector_store": STORE, "segment_store": SQL}


def profiles() -> dict[str, Any]:
    return {"storage_backend": "vector_store", "feature_store": SQL, "vector_collection": STORE, "config_database": SQL}


def no_log(folder: Path) -> str:
    """A path for MemMachine's own log, which it insists on, that keeps nothing: standard error says the same."""
    path = folder / "memmachine.log"
    if not path.is_symlink():
        path.symlink_to("/dev/null")
    return str(path)
