"""What the benchmarks compute; what they measure is theirs to measure."""

from __future__ import annotations

import pytest
from benchmarks import container_start, image_size, memory, search, soak
from benchmarks.critical_path import Step, attributed, length, longest
from benchmarks.figures import median, percentile, shared, table
from benchmarks.nothing import together
from benchmarks.search import Side
from benchmarks.served import Operation
from benchmarks.servers import untuned
from benchmarks.versus_guide import Run

STEPS = {
    "apis": Step("serviceusage.services", frozenset(), ()),
    "network": Step("compute.network", frozenset({"net"}), ("apis",)),
    "sql": Step("sql.instance", frozenset({"db"}), ("network",)),
    "user": Step("sql.user", frozenset({"memmachine"}), ("sql",)),
    "image": Step("memmachine.image", frozenset({"image"}), ("apis",)),
    "verify": Step("", frozenset(), ("user", "image")),
}


def operation(method: str, target: str, seconds: float = 1.0, start: float = 0.0) -> Operation:
    return Operation(f"operations/{method}", method, target, start, seconds)


def test_the_longest_chain_is_the_critical_path() -> None:
    lengths = {"apis": 2.0, "network": 2.0, "sql": 48.0, "user": 0.3, "image": 30.0, "verify": 0.0}
    seconds, chain = longest(STEPS, lengths)
    assert seconds == pytest.approx(52.3)
    assert chain == ("apis", "network", "sql", "user")


def test_an_operation_belongs_to_the_step_that_manages_its_target() -> None:
    begun = [
        operation("sql.users.insert", "projects/p/instances/db"),
        operation("sql.instances.insert", "projects/p/instances/db"),
        operation("compute.networks.insert", "projects/p/global/networks/net"),
    ]
    assert {name: [o.method for o in own] for name, own in attributed(begun, STEPS).items()} == {
        "user": ["sql.users.insert"],
        "sql": ["sql.instances.insert"],
        "network": ["compute.networks.insert"],
    }


def test_an_operation_of_nobody_is_not_left_out() -> None:
    with pytest.raises(LookupError, match="no step manages"):
        attributed([operation("compute.networks.insert", "projects/p/global/networks/another")], STEPS)


def test_what_one_request_began_runs_at_once_and_the_rest_in_turn() -> None:
    own = [operation("a", "x", 0.8, 5.0), operation("b", "x", 4.5, 5.0), operation("c", "x", 1.0, 9.0)]
    assert length(own, "run.prepare", frozenset(), "prepare", scale=0.1) == pytest.approx(5.5)


def test_what_the_cloud_imposes_afterwards_counts_for_what_was_made() -> None:
    assert length([], "iam.grants", frozenset({"caller"}), "caller", scale=0.1) == pytest.approx(9.0)
    assert length([], "iam.grants", frozenset(), "caller", scale=0.1) == 0.0
    enabled = [operation("serviceusage.services.batchEnable", "projects/p", 2.0)]
    assert length(enabled, "serviceusage.services", frozenset(), "apis", scale=0.1) == pytest.approx(6.5)


def test_exchanges_under_way_at_once_are_counted() -> None:
    exchanges = [{"at": 0.0, "seconds": 2.0}, {"at": 1.0, "seconds": 2.0}, {"at": 3.0, "seconds": 1.0}]
    assert together(exchanges) == 2


def test_the_databases_own_time_is_not_compared() -> None:
    assert Run(whole=57.0, database=48.0).beyond == 9.0


def test_a_percentile_is_one_of_the_samples() -> None:
    samples = [float(number) for number in range(1, 41)]
    assert (percentile(samples[::-1], 0.5), percentile(samples, 0.95)) == (20.0, 38.0)
    assert (percentile([3.0], 0.95), percentile([3.0, 1.0], 0.0), median([5.0, 1.0, 9.0])) == (3.0, 1.0, 5.0)
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_what_both_found_is_a_share_of_what_was_expected() -> None:
    assert shared([["a", "b"], ["c", "d"]], [["b", "a"], ["c", "x"]]) == 0.75
    assert shared([["a"]], [["a", "more", "of", "it"]]) == 1.0
    assert shared([[]], [["a"]]) == 0.0
    with pytest.raises(ValueError, match="zip"):
        shared([["a"]], [])


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"], ["3", "4"]]).splitlines() == [
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "| 3 | 4 |",
    ]


def side(milliseconds: float, found: list[list[str]]) -> Side:
    return Side(10.0, [milliseconds, 2 * milliseconds], [milliseconds], found)


def row(size: int, ours: float, upstream: float, found: list[list[str]]) -> search.Row:
    sides = {"ours": side(ours, found), "upstream": side(upstream, [["one", "other"], ["two", "other"]])}
    return search.row(size, ["one", "two"], sides)


def test_a_size_compares_the_sides() -> None:
    found = row(9000, 10.0, 60.0, [["one", "another"], ["two", "other"]])
    assert (found.faster, found.faster_four, found.same) == (6.0, 6.0, 0.75)
    assert found.own == {"ours": 2, "upstream": 2}
    assert found.p95 == {"ours": 20.0, "upstream": 120.0}
    assert search.misses([found]) == []
    assert "| 9,000 | 10 / 20 ms | 60 / 120 ms | 6.0 |" in search.text([found])


@pytest.mark.parametrize(
    ("size", "ours", "found", "missed"),
    [
        (9000, 13.0, [["one"], ["two"]], "at 9000: 4.62 times, not 5"),
        (1000, 61.0, [["one"], ["two"]], "at 1000: slower"),
        (1000, 13.0, [["one"], ["other"]], "at 1000: own text {'ours': 1, 'upstream': 2} of 2"),
    ],
)
def test_what_misses_a_target_is_told(size: int, ours: float, found: list[list[str]], missed: str) -> None:
    assert search.misses([row(size, ours, 60.0, found)]) == [missed]


def test_every_memory_is_of_one_length_its_own_and_always_the_same() -> None:
    texts = [search.memory(number) for number in range(200)]
    assert {len(text) for text in texts} == {search.CHARACTERS}
    assert len(set(texts)) == 200
    assert search.memory(7) == texts[7]
    common = set.intersection(*(set(text.split()) for text in texts[:3]))
    assert common  # else no text would be near another


def test_the_texts_are_dealt_out_to_all_clients() -> None:
    class Client:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def search(self, query: str, top: int) -> object:
            self.asked.append(query)
            return {"episodic_memory": {"long_term_memory": {"episodes": []}}}

    clients = [Client(), Client()]
    assert len(search.at_once(clients, ["a", "b", "c"])) == 3  # type: ignore[arg-type]
    assert [client.asked for client in clients] == [["a", "c"], ["b"]]


def test_upstreams_configuration_tunes_nothing() -> None:
    environment = {
        "POSTGRES_HOST": "h", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRES_DB": "d", "NEO4J_URI": "bolt://n",
        "NEO4J_USER": "neo4j", "NEO4J_PASSWORD": "n", "MODEL_API_KEY": "k", "MODEL_BASE_URL": "http://m",
        "MODEL_EMBEDDING": "e", "MODEL_CHAT": "c", "MODEL_DIMENSIONS": "1536",
    }  # fmt: skip
    databases = untuned(environment)["resources"]["databases"]
    assert databases["graph"]["config"] == {"uri": "bolt://n", "user": "neo4j", "password": "n"}
    assert set(databases["postgres"]["config"]) == {"host", "port", "user", "password", "db_name"}


def test_starts_are_compared_by_their_medians() -> None:
    samples = {
        "ours": [
            {"seconds": 4.0, "processor": 3.0},
            {"seconds": 9.0, "processor": 3.0},
            {"seconds": 5.0, "processor": 3.0},
        ],
        "upstream": [{"seconds": 10.0, "processor": 8.0}] * 3,
    }
    assert container_start.columns(samples)["seconds"] == ([4.0, 9.0, 5.0], [10.0] * 3)
    said = container_start.text(samples, {"seconds": 0.5, "processor": 0.375})
    assert "| seconds | 5.00 s (4.00) | 10.00 s (10.00) | 0.50 | 0.5 |" in said


def test_an_image_adds_what_its_base_does_not_have() -> None:
    one = image_size.Size("ours", 100_000_000, 140_000_000, {"COPY files": 500, "RUN install": 39_000_000})
    assert one.added == 40_000_000
    assert image_size.text([one]).splitlines()[2] == "| ours | 100 MB | 40 MB | 39 MB `RUN install` |"
    assert image_size.said({"CreatedBy": "|1 RELEASE=0.4.0 /bin/sh -c sh  install.sh"}) == "sh install.sh"
    assert image_size.said({"CreatedBy": "/bin/sh -c #(nop)  ENV A=b"}) == "ENV A=b"


def test_memory_is_shown_by_component_and_moment() -> None:
    sizes = {moment: {"Neo4j": mib * 2**20} for moment, mib in (("rest", 600), ("filled", 700), ("peak", 800))}
    assert "| Neo4j | 600 MiB | 700 MiB | 800 MiB |" in memory.text(sizes, 1000)


def test_memory_that_processes_share_counts_once() -> None:
    one = "Name:\tpostgres\nRssAnon:\t    2048 kB\nRssFile:\t    1024 kB\nRssShmem:\t    4096 kB\n"
    other = "Name:\tpostgres\nRssAnon:\t    1024 kB\nRssFile:\t    2048 kB\nRssShmem:\t    1024 kB\n"
    assert memory.kept(one + other + "Name:\tkthreadd\n") == (3072 + 2048 + 4096) * 1024
    assert memory.kept("") == 0


def soaked(*, late: float = 1.0, seconds: float = 3.0, rehearsal: float = 4.0, left: tuple[str, ...] = ()) -> soak.Soak:
    """Forty lives of three seconds each, of which memdeploy computes one, and for each tenth the rehearsal four. The
    last tenth's take `seconds`, and `rehearsal` of those. All that is kept is `late` times what it was."""
    lives = [soak.Life(n, seconds if n >= 36 else 3.0, 1.0, 120, 170, 30, interrupted=n % 2 == 0) for n in range(40)]
    spent = [2.0 + 4.0 * tenth for tenth in range(10)]
    memory = (soak.Memory(100, 200), soak.Memory(int(100 * late), int(200 * late)))
    return soak.Soak(lives, *memory, [*spent, spent[-1] + rehearsal], left)


def test_a_soak_compares_the_last_tenth_with_the_second() -> None:
    found = soaked(seconds=3.3)
    assert [life.number for life in found.tenth(2)] == [4, 5, 6, 7]
    assert [life.number for life in found.tenth(10)] == [36, 37, 38, 39]
    assert found.ratio(lambda life: life.seconds) == pytest.approx(1.1)
    assert (found.processor(2), found.processor(10)) == (pytest.approx(2.0), pytest.approx(2.0))
    assert soak.misses(found) == []
    assert "| writes of a journal a step, median | 4.00 |  |" in soak.text(found)


def test_a_soak_tells_what_grows_slows_or_stays() -> None:
    assert [miss.partition(":")[0] for miss in soak.misses(soaked(late=1.5))] == [
        "memory of the rehearsal, all against a tenth",
        "memory of memdeploy's largest process, all against a tenth",
    ]
    assert soak.misses(soaked(seconds=6.0)) == ["seconds a deployment, last tenth against second: 2.00, not 1.25"]
    slower = "processor seconds a deployment, both sides, last tenth against second: 1.50, not 1.25"
    assert soak.misses(soaked(rehearsal=8.0)) == [slower]
    assert soak.misses(soaked(left=("Disk d",))) == ["left: Disk d"]
