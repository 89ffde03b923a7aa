"""Runs inside the image: a MemMachine that keeps all in files, its memories damaged in every way, counted and repaired.

Prints one line of JSON.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path("/tmp/graphless")
CONFIGURATION = {
    "logging": {"path": "/tmp/memmachine.log", "level": "info"},
    "episode_store": {"database": "rel", "with_count_cache": False},
    "session_manager": {"database": "rel"},
    "episodic_memory": {
        "long_term_memory": {
            "backend": "event", "embedder": "e", "reranker": "r", "vector_store": "v", "segment_store": "rel"
        },
        "short_term_memory_enabled": False,
    },
    "semantic_memory": {"enabled": False},
    "resources": {
        "databases": {
            "rel": {"provider": "sqlite", "config": {"path": str(FOLDER / "rel.db")}},
            "v": {
                "provider": "sqlite_vector_store",
                "config": {"path": str(FOLDER / "vectors.db"), "index_directory": str(FOLDER / "index")},
            },
        },
        "embedders": {
            "e": {
                "provider": "openai",
                "config": {
                    "model": "offline", "api_key": "any", "dimensions": 256, "base_url": os.environ["MODEL_BASE_URL"]
                },
            }
        },
        "language_models": {},
        "rerankers": {"r": {"provider": "identity"}},
    },
}  # fmt: skip
URL = "http://127.0.0.1:8080/api/v2"
PROJECT = {"org_id": "files", "project_id": "one"}
TEXTS = [f"the quiet librarian {n} shelves volume {n * 31}" for n in range(6)]


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/{path}", data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@contextlib.contextmanager
def server():
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "8080"}
    process = subprocess.Popen(["memmachine-server"], env=environment, stdout=sys.stderr)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                call("health")
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(60)


def word(name):
    done = subprocess.run([sys.executable, f"/opt/memdeploy/{name}.py"], capture_output=True, text=True, check=False)
    sys.stderr.write(done.stderr[-3000:])
    return {"code": done.returncode, **json.loads(done.stdout)}


def found():
    hits = []
    for text in TEXTS:
        body = {**PROJECT, "query": text, "top_k": 3, "types": ["episodic"]}
        memory = call("memories/search", body)["content"]["episodic_memory"]["long_term_memory"]
        hits.append(sum(one["content"] == text for one in memory["episodes"]))
    return hits


def damage(uids):
    """The first loses its segments, the second its vector, the third its row in the list."""
    segments, vector, row = (uid.replace("-", "") for uid in uids[:3])
    import segments as names

    with sqlite3.connect(FOLDER / "rel.db") as relational:
        lost = relational.execute(
            "SELECT uuid FROM segment_store_sg WHERE event_uuid = ?", [names.event(uids[0]).replace("-", "")]
        ).fetchall()
        relational.executemany("DELETE FROM segment_store_dv_ln WHERE segment_uuid = ?", lost)
        relational.executemany("DELETE FROM segment_store_sg WHERE uuid = ?", lost)
        links = relational.execute(
            "SELECT l.uuid FROM segment_store_dv_ln l JOIN segment_store_sg s ON s.uuid = l.segment_uuid "
            "WHERE s.event_uuid = ?", [names.event(uids[1]).replace("-", "")],
        ).fetchall()  # fmt: skip
        relational.execute("DELETE FROM episodestore WHERE uid = ?", [row])
    with sqlite3.connect(FOLDER / "vectors.db") as vectors:
        tables = [name for (name,) in vectors.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        gone = 0
        for table in tables:
            columns = {column[1] for column in vectors.execute(f'PRAGMA table_info("{table}")')}
            if {"uuid", "row_id"} <= columns:
                for link in links:
                    gone += vectors.execute(f'DELETE FROM "{table}" WHERE uuid = ?', link).rowcount
    return [len(lost), gone, segments != vector]


def main():
    FOLDER.mkdir()
    path = FOLDER / "memmachine.json"
    path.write_text(json.dumps(CONFIGURATION))
    for name in [name for name in os.environ if name.startswith(("POSTGRES_", "NEO4J_"))]:
        del os.environ[name]
    os.environ |= {"MEMORY_CONFIG": str(path), "SERVICE_STOPPED": "yes"}
    with server():
        messages = [{"content": text, "producer": "ann", "metadata": {"k": "v"}} for text in TEXTS]
        uids = [
            one["uid"] for one in call("memories", {**PROJECT, "types": ["episodic"], "messages": messages})["results"]
        ]
        before = found()
    clean = word("count")
    damaged = damage(uids)
    counted, repaired, again = word("count"), word("repair"), word("repair")
    with server():
        after = found()
        listed = [
            one["uid"] for one in call("memories/list", {**PROJECT, "type": "episodic"})["content"]["episodic_memory"]
        ]
    print(json.dumps({
        "uids": uids, "before": before, "clean": clean, "damaged": damaged, "counted": counted, "repaired": repaired,
        "again": again, "after": after, "listed": sorted(listed),
    }))  # fmt: skip


sys.path.insert(0, "/opt/memdeploy")
main()
