"""What people see, as golden texts at 80 and 120 columns.  UPDATE_GOLDEN=1 writes them anew: look at the difference."""

from __future__ import annotations

import io
import os
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from memdeploy.engine.events import Event, EventKind
from memdeploy.report import encoding, errors, lines, terminal
from memdeploy.report.live import LiveScreen
from memdeploy.report.marks import ASCII, Marks
from memdeploy.report.plain import PlainLines
from memdeploy.report.results import outputs, renderer
from tests.unit.report.samples import ERRORS, HEAD, PLAN, REHEARSED, START, STATUS, UP, event, run_so_far

GOLDEN = Path(__file__).parent / "golden"

RESULTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "plan": ("plan", PLAN),
    "plan-costs": ("plan", {**HEAD, "actions": [], "counts": {}, "costs": {
        "prices": "2026-11", "not_included": "model usage", "lines": [
            {"step": "postgres.instance", "what": "Cloud SQL CPU", "quantity": 730, "unit": "hour",
             "unit_price": 0.0413, "usd": 30.15},
            {"step": "service", "what": "Cloud Run CPU", "quantity": 0, "unit": "s", "unit_price": 0.1, "usd": 0}]},
        "warnings": ["neo4j.mode sidecar keeps nothing"]}),
    "plan-live-prices": ("plan", {**HEAD, "actions": [], "counts": {}, "costs": {
        "prices": "2026-11, some live", "not_included": "model usage", "lines": [
            {"step": "postgres.instance", "what": "Cloud SQL CPU", "quantity": 730, "unit": "hour",
             "unit_price": 0.04543, "usd": 33.16, "source": "live"},
            {"step": "neo4j.disk", "what": "snapshots", "quantity": 20, "unit": "GB", "unit_price": 0.05, "usd": 1,
             "source": "table"}],
        "notices": ["snapshot: 2 SKUs of the catalog may be it in europe-west1; the table's price of 2026-11 stays"]}}),
    "plan-costs-local": ("plan", {**HEAD, "cost_per_month": None, "prices": "", "actions": [], "counts": {}, "costs": {
        "prices": "", "not_included": "what the model's provider asks for", "lines": []}}),
    "plan-nothing": ("plan", {**HEAD, "actions": [{"step": "a", "action": "unchanged"}], "counts": {"unchanged": 1}}),
    "up": ("up", UP),
    "up-real": ("up", {**UP, **HEAD, "url": "https://support-memory-x7k2-abc-ew.a.run.app", "pending": [],
                       "call": ["curl -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" https://x/api/v2/health"]}),
    "up-simulated": ("up", {**UP, "verified": "simulated", "resumed": False, "pending": []}),
    "up-unverified": ("up", {**UP, "verified": None, "pending": []}),
    "up-refused": ("up", {**HEAD, "plan": PLAN}),
    "status": ("status", STATUS),
    "status-cached": ("status", {**HEAD, "status": "ready", "health": "unknown", "cached": {"age": 7400.0, "at": START},
        "steps": [{"name": "service", "state": "done"}, {"name": "neo4j.vm", "state": "failed"}],
        "url": "https://x.a.run.app"}),
    "doctor": ("doctor", {**HEAD, "checks": [
        {"check": "credentials", "verdict": "passed", "code": "ok", "text": "your own login", "remedy": None},
        {"check": "api.run", "verdict": "warning", "code": "api-off", "remedy": None,
         "text": "run.googleapis.com is off; `up` switches it on"},
        {"check": "policy.run.allowedBinaryAuthorizationPolicies", "verdict": "failed", "code": "policy-forbids",
         "text": "constraints/run.allowedBinaryAuthorizationPolicies forbids a service without Binary Authorization",
         "remedy": "Ask whoever looks after the organisation for an exception for this project."},
        {"check": "quota", "verdict": "failed", "code": "quota",
         "text": "quota CPUS in europe-west1: 2 needed, 1 of 24 left [bold]\x1b[31m",
         "remedy": "Ask for more at https://console.cloud.google.com/iam-admin/quotas, or choose another region."}]}),
    "list": ("list", {"root": "/state", "deployments": [
        {**HEAD, "status": "ready", "age": 30.0},
        {**REHEARSED, "deployment": "trial", "status": "failed", "age": 260000.0},
        {"deployment": "broken", "status": "unreadable"}]}),
    "releases": ("releases", {"releases": [
        {"version": "0.4.0", "default": True, "tested": True, "upstream": "memmachine/memmachine:v0.4.0-cpu"},
        {"version": "0.1.10", "default": False, "tested": False, "upstream": "memmachine/memmachine:v0.1.10-cpu",
         "reason": "its server is in no package registry"}], "upgrades": [
        {"from": "0.2.6", "to": "0.3.9", "way": "in-place", "keeps_data": True, "tested": True, "reason": "it works"},
        {"from": "0.3.9", "to": "0.4.0", "way": "migrate", "keeps_data": True, "tested": True,
         "reason": "in place every call on the old databases fails", "suggestion": "Run `memdeploy upgrade`."},
        {"from": "0.4.0", "to": "0.1.10", "way": "refused", "keeps_data": False, "tested": False,
         "reason": "nobody deploys it", "suggestion": "Keep the release."}]}),
    "list-none": ("list", {"root": "/state", "deployments": []}),
    "history": ("history", {**HEAD, "runs": [
        {"run": "20270115T080000.000Z-up-abcdef", "command": "up", "at": START, "by": "ann@laptop", "status": "partial",
         "exit_code": 1, "seconds": 402.5, "steps": [
             {"name": "postgres.instance", "status": "failed", "seconds": 30.0, "reason": "quota \x1b[31mexceeded"},
             {"name": "image", "status": "created", "seconds": 192.0}]},
        {"run": "20270114T080000.000Z-up-abcdee", "command": "up", "at": START - 86400, "status": "unfinished"}]}),
    "recover": ("recover", {**HEAD, "status": "retained", "suffix": "x7k2", "recovered": [
        {"step": "postgres.instance", "status": "kept"}, {"step": "neo4j.disk", "status": "kept"}],
        "shared": [{"step": "shared.network", "status": "done"}],
        "copy": "/state/support-memory/lost-20270115T080000Z-ab12",
        "assumed": {"release": "0.4.0", "model.embedding": "text-embedding-3-small\x1b[31m"},
        "asked_again": ["secret.model"], "foreign": ["neo4j.vm"]}),
    "recover-shared": ("recover", {**HEAD, "status": "ready", "shared": [{"step": "shared.network", "status": "done"}],
        "shared_copy": "/state/_shared/gcp-acme-prod-1-europe-west1.real/lost-20270115T080000Z-ab12"}),
    "unlock": ("unlock", {"deployment": "support-memory", "unlocked": True, "holder": {
        "standing": "gone", "user": "ann", "host": "laptop", "pid": 4711, "command": "up", "age": 402.5}}),
    "unlock-holding": ("unlock", {"deployment": "support-memory", "unlocked": False, "holder": {
        "standing": "holding", "user": "ann", "host": "laptop", "pid": 4711, "command": "up", "age": 3.0}}),
    "unlock-damaged": ("unlock", {"deployment": "support-memory", "unlocked": True, "holder": {"standing": "damaged"}}),
    "unlock-nobody": ("unlock", {"deployment": "support-memory", "unlocked": False, "holder": None}),
    "verify": ("verify", {**REHEARSED, "url": "http://127.0.0.1:40123", "verified": "real", "checks": [
        {"name": "health", "ok": True, "seconds": 0.2}, {"name": "search", "ok": False, "detail": "404"}]}),
    "outputs": ("outputs", {**HEAD, "outputs": {"url": "https://x.a.run.app", "mcp_url": "https://x.a.run.app/mcp"}}),
    "destroy": ("destroy", {
        **HEAD, "removed": ["service", "neo4j.vm"],
        "kept": [{"step": "postgres.instance", "what": "support-memory-x7k2-sql, stopped", "cost_per_month": 1.7},
                 {"step": "neo4j.disk", "what": "disk of 20 GB", "cost_per_month": 2.0}],
        "backups": [{"what": "snapshot", "where": "support-memory-x7k2-final"}],
        "leftovers": [{"what": "subnet", "reason": "serverless addresses", "until": "23:10"}],
        "finish": "memdeploy destroy --name support-memory --finish"}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the reader's own zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def rendered(blocks: Sequence[RenderableType], width: int) -> str:
    stream = io.StringIO()
    terminal.put(terminal.console(stream, {}, width=width), blocks)
    return stream.getvalue()


def golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", RESULTS)
def test_results(name: str, width: int) -> None:
    command, data = RESULTS[name]
    render = renderer(command)
    assert render is not None

    text = rendered(render(data, Marks()), width)

    golden(f"{name}-{width}", text)
    for line in text.splitlines():
        assert len(line) <= width or " " not in line.strip().partition("  ")[2].strip(), "only one word may be longer"


@pytest.mark.parametrize("width", [80, 120])
def test_errors(width: int) -> None:
    golden(f"errors-{width}", rendered(errors.render(ERRORS, Marks()), width))


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_screen(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=24, markup=False, emoji=False, highlight=False, _environ={})
    screen = LiveScreen(console, Marks(), lambda: START + 109.5)
    for each in run_so_far():
        screen(each)

    console.print(screen.render())

    golden(f"live-{width}", "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines()))


def test_a_low_terminal_shows_what_runs_and_how_much_waits() -> None:
    console = Console(file=io.StringIO(), width=80, height=5, _environ={})
    screen = LiveScreen(console, Marks(), lambda: START + 20)
    for each in run_so_far()[:1]:
        screen(each)

    with console.capture() as captured:
        console.print(screen.render())

    assert "and 2 more" in captured.get()


def test_plain_lines() -> None:
    said: list[str] = []
    sink = PlainLines(said.append)
    for each in run_so_far():
        sink(each)

    golden("plain", "".join(f"{line}\n" for line in said))


def unchanged_run(command: str) -> list[Event]:
    names = [f"step{n}" for n in range(5)]
    return [
        event(EventKind.RUN_STARTED, 0, command=command, steps=[{"name": name} for name in (*names, "verify")], **HEAD),
        *(event(EventKind.STEP_FINISHED, 1, name, action="unchanged", seconds=0.0, summary="") for name in names),
        event(EventKind.STEP_STARTED, 1, "verify", title="Verify", seconds=5.0, resumed=False),
    ]


def test_steps_that_need_nothing_are_one_line() -> None:
    said: list[str] = []
    sink = PlainLines(said.append)
    for each in unchanged_run("up"):
        sink(each)

    assert said[1:] == ["5 steps unchanged", "verify: started"]


def test_of_few_unchanged_steps_the_names_are_said_at_the_latest_at_the_end() -> None:
    said: list[str] = []
    sink = PlainLines(said.append)
    for each in [*unchanged_run("up")[:3], event(EventKind.RUN_FINISHED, 2, status="success")]:
        sink(each)

    assert said[1:] == ["step0, step1: unchanged"]


def test_verify_claims_nothing_of_steps_that_it_did_not_look_at() -> None:
    said: list[str] = []
    sink = PlainLines(said.append)
    for each in unchanged_run("verify"):
        sink(each)

    assert said[1:] == ["verify: started"]


def test_the_live_screen_condenses_unchanged_steps_too() -> None:
    stream = io.StringIO()
    screen = LiveScreen(Console(file=stream, width=80, height=24, _environ={}), Marks(), lambda: START + 2)
    for each in [*unchanged_run("up")[:-1], event(EventKind.RUN_FINISHED, 2, status="success")]:
        screen(each)

    assert stream.getvalue().splitlines()[-1].rstrip() == " ✓ 5 steps unchanged"


def test_everything_can_be_shown_without_unicode() -> None:
    for command, data in RESULTS.values():
        render = renderer(command)
        assert render is not None
        text = rendered(render(data, ASCII), 80)
        text.replace("·", "").replace("±", "").replace("…", "").encode("ascii")


@pytest.mark.parametrize("command", ["plan", "up", "status", "verify", "outputs", "destroy"])
def test_a_result_that_says_little_is_no_defect(command: str) -> None:
    render = renderer(command)
    assert render is not None
    rendered(render({"deployment": "x"}, Marks()), 80)


def test_foreign_text_is_neither_markup_nor_control() -> None:
    evil = "[bold]x[/bold] \x1b[31mred :smile: [link=http://e]l[/link]"
    data = {**PLAN, "deployment": evil, "actions": [{"step": evil, "action": "foreign", "reason": evil}]}
    render = renderer("plan")
    assert render is not None

    text = rendered([*render(data, Marks()), *errors.render([{"code": evil, "message": evil}], Marks())], 300)

    assert "\x1b" not in text
    assert text.count("[bold]x[/bold] red :smile: [link=http://e]l[/link]") == 5


EVIL = "\x1b[2J\x1b]0;t\x07\x9b31m\x08\u202e[bold]"
SAID = {"logs": ("logs", {**HEAD, "lines": [{"at": "x", "level": "error", "text": "a"}]}),
        "init": ("init", {"files": ["memdeploy.yaml"]})}  # fmt: skip


def poisoned(found: Any) -> Any:
    """With foreign text put to every text there is."""
    if isinstance(found, Mapping):
        return {key: poisoned(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [poisoned(value) for value in found]
    return found + EVIL if isinstance(found, str) else found


@pytest.mark.parametrize("name", [*RESULTS, *SAID])
def test_no_text_of_any_result_can_move_the_cursor(name: str) -> None:
    command, data = {**RESULTS, **SAID}[name]
    render = renderer(command)
    assert render is not None
    text = rendered(render(poisoned(data), Marks()), 1000)
    assert [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")] == []


def test_exports_for_a_shell_cannot_either() -> None:
    text = outputs.exports({"outputs": {"url": f"https://x.a.run.app{EVIL}", "more": {"a": EVIL}}})
    assert [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")] == []


def test_commands_without_a_picture() -> None:
    assert renderer("version") is None


def test_a_finished_step_is_not_drawn_as_running_below_its_last_line() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=24, color_system=None, _environ={})
    events = run_so_far()
    with LiveScreen(console, Marks(), lambda: START + 8) as screen:
        for each in events[:3]:
            screen(each)
        before = len(stream.getvalue())
        screen(events[3])
        drawn = stream.getvalue()[before:]

    assert drawn.count("✓ preflight") == 1
    assert " preflight " not in drawn.partition("✓ preflight")[2]


def test_what_was_destroyed_is_as_wanted() -> None:
    """`absent` is no deviation of a deployment whose data alone is kept."""
    steps = [{"name": "service", "state": "absent"}, {"name": "neo4j.disk", "state": "kept"}]
    render = renderer("status")
    assert render is not None
    at_rest = rendered(render({**HEAD, "status": "retained", "health": "unknown", "steps": steps}, Marks()), 80)
    running = rendered(render({**HEAD, "status": "ready", "health": "unhealthy", "steps": steps}, Marks()), 80)

    assert "1 step of 2 left, the others are removed" in at_rest
    assert "! service" not in at_rest
    assert "! service" in running
    assert "2 steps, 1 not as wanted" in running


def test_shared_things_have_no_release_and_no_secret_name() -> None:
    render = renderer("destroy")
    assert render is not None
    text = rendered(render({**HEAD, "deployment": "_shared", "removed": ["shared.hub"]}, Marks()), 80)

    assert "what deployments share: 1 step removed" in text
    assert lines.header({**HEAD, "deployment": "_shared"}).startswith("what deployments share · gcp acme-prod-1")
    assert "MemMachine" not in lines.header({**HEAD, "deployment": "_shared"})


def test_a_word_that_is_longer_than_the_line_stays_whole() -> None:
    address = "https://" + "a" * 90 + ".run.app"
    render = renderer("outputs")
    assert render is not None

    assert address in rendered(render({**HEAD, "outputs": {"url": address}}, Marks()), 60).splitlines()[-1]


@pytest.mark.parametrize("width", [80, 120])
def test_fifty_deployments_are_still_a_list(width: int) -> None:
    many = [
        {
            **(REHEARSED if n % 3 == 0 else HEAD),
            "deployment": f"team-{n:02}-memory",
            "status": "ready",
            "age": 60.0 * n**2,
        }
        for n in range(50)
    ]
    render = renderer("list")
    assert render is not None
    text = rendered(render({"root": "/state", "deployments": many}, Marks()), width)

    golden(f"list-many-{width}", text)
    begins = [line for line in text.splitlines() if line.startswith("team-")]
    assert len(begins) == 50
    assert all(line.endswith(("ago", "now")) for line in begins)
    assert width < 120 or len(text.splitlines()) == 50


def test_signs_that_an_encoding_has_not_have_look_alikes() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    encoding.tolerate(stream)
    stream.write("a · b … c → ✓ ± – \u2018Zoë\u2019")
    stream.flush()

    assert stream.buffer.getvalue() == b"a | b ~ c > + * - 'Zo\\xeb'"
