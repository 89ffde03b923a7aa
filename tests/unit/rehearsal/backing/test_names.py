"""Names in the engine come from ids and keys alone, so that a restarted server finds what was made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdeploy.rehearsal.backing import images, registry
from memdeploy.rehearsal.backing.engine import KEY, KIND, REHEARSAL, Engine, slug
from memdeploy.rehearsal.backing.vm import metadata_path


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from(["sql", "vm", "net"]))
def test_any_id_and_key_give_a_name_that_the_engine_takes(rehearsal: str, key: str, kind: str) -> None:
    name = Engine(None, rehearsal).name(kind, key)
    assert re.fullmatch(r"memdeploy-[a-z0-9-]{1,20}-[a-z]+-[0-9a-f]{10}", name)
    assert Engine(None, rehearsal).name(kind, key) == name


def test_other_keys_and_other_rehearsals_have_other_names() -> None:
    names = {Engine(None, r).name("sql", k) for r in ("a", "b") for k in ("projects/p/x", "projects/p/y")}
    assert len(names) == 4


@given(st.text(min_size=1))
def test_a_slug_stays_short(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,20}", slug(text))


def test_labels_say_whose_it_is() -> None:
    assert Engine(None, "r").labels("sql", "projects/p", port="1") == {
        REHEARSAL: "r",
        KIND: "sql",
        KEY: "projects/p",
        "memdeploy.port": "1",
    }


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("127.0.0.1:5000/a/b:tag", ("127.0.0.1:5000/a/b", ":", "tag")),
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", ":", "latest")),
        ("127.0.0.1:5000/a/b@sha256:12", ("127.0.0.1:5000/a/b", "@", "sha256:12")),
    ],
)
def test_references_are_split(reference: str, parts: tuple[str, str, str]) -> None:
    assert registry.split(reference) == parts


def test_hub_names_get_the_owner_that_docker_hub_gives_them() -> None:
    assert registry.hub_name("h/p/hub", "neo4j:5.26") == "h/p/hub/library/neo4j:5.26"
    assert registry.hub_name("h/p/hub", "memmachine/memmachine:v1") == "h/p/hub/memmachine/memmachine:v1"


def test_the_major_version_picks_the_database_image() -> None:
    assert images.postgres("POSTGRES_17") == images.POSTGRES


def test_a_machines_metadata_is_its_own() -> None:
    key = "projects/p/zones/europe-west1-b/instances/vm"
    assert metadata_path(key) == "/_rehearsal/metadata/p/europe-west1-b/vm"
