"""From the command line to the request, and from the result to exit code, stdout and stderr."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from memdeploy import errors
from memdeploy.cli import crash
from memdeploy.config.model import Profile
from memdeploy.engine.events import Event, EventKind, Sink
from memdeploy.errors import ExitCode, MemdeployError
from memdeploy.lifecycle.request import Request
from memdeploy.lifecycle.result import Result
from memdeploy.secret import Secret
from tests.unit.cli.fakes import Lifecycle

CANARY = "sk-canary-0815"


@pytest.fixture
def life(tmp_path: Path) -> Lifecycle:
    return Lifecycle(tmp_path)


@pytest.fixture(autouse=True)
def crash_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "logs"
    monkeypatch.setattr(crash, "folder", lambda: folder)
    return folder


def test_a_bare_status_knows_nothing_and_asks_for_the_only_one(life: Lifecycle) -> None:
    assert life.run("status").exit_code == 0

    (request,) = life.asked
    assert (request.name, request.deployment, request.explicit) == (None, None, frozenset())


def test_everything_of_the_line_reaches_the_request(life: Lifecycle, tmp_path: Path) -> None:
    found = life.run(
        "up --name abc --provider gcp --project acme-prod-1 --profile small --max-instances 3 --label a=b --label c=d"
        " --state /s --rehearse --backing none --time-scale 0.5 --world w.yaml --faults lost=0.1 --yes --wait"
        " --keep-going --replace service --replace image --wire-log wire.jsonl --caller user:a@x.org"
    )

    assert found.exit_code == 0, found.output
    (request,) = life.asked
    assert request.deployment is not None
    assert request.deployment.profile is Profile.SMALL
    assert request.deployment.gcp.labels == {"a": "b", "c": "d"}
    assert request.name == "abc"
    assert request.explicit == {
        "name", "provider", "gcp.project", "profile", "service.instances.max", "gcp.labels", "gcp.caller",
    }  # fmt: skip
    assert request.given["service.instances.max"] == 3
    assert (request.state, request.rehearse, request.backing, request.time_scale) == ("/s", True, "none", 0.5)
    assert (request.world, request.wire_log) == (tmp_path / "w.yaml", tmp_path / "wire.jsonl")
    assert (request.faults, request.yes, request.wait, request.keep_going) == ("lost=0.1", True, True, True)
    assert request.replace == {"service", "image"}


def test_the_same_by_the_environment(life: Lifecycle) -> None:
    env = {"MEMDEPLOY_PROVIDER": "gcp", "MEMDEPLOY_REHEARSE": "1", "MEMDEPLOY_YES": "true", "MEMDEPLOY_BACKING": "none"}

    assert life.run("up", env=env).exit_code == 0

    (request,) = life.asked
    assert (request.rehearse, request.yes, request.backing) == (True, True, "none")
    assert request.explicit == {"provider"}


def test_destroy_passes_its_flags(life: Lifecycle) -> None:
    assert life.run("destroy --name abc --delete-data --no-final-backup --finish --yes").exit_code == 0

    (request,) = life.asked
    assert (request.delete_data, request.no_final_backup, request.finish, request.shared) == (True, True, True, False)


@pytest.mark.parametrize("line", ["destroy --no-final-backup", "destroy --shared --delete-data"])
def test_flags_that_say_nothing_together_are_refused(life: Lifecycle, line: str) -> None:
    assert life.run(line).exit_code == ExitCode.USAGE
    assert life.asked == []


def test_memdeploy_yaml_of_the_folder_is_read(life: Lifecycle, tmp_path: Path) -> None:
    (tmp_path / "memdeploy.yaml").write_text("name: from-file\nprovider: gcp\n")

    life.run("plan")

    assert life.asked[0].name == "from-file"


@pytest.mark.parametrize(
    ("line", "theirs"),
    [
        ("status", True), ("status --name from-file", True), ("status --name another", False),
        ("destroy --name another --yes", False), ("plan --name another", True), ("up --name another --yes", True),
        ("status --name another --file memdeploy.yaml", True),
    ],
)  # fmt: skip
def test_a_file_of_another_deployment_says_nothing_of_this_one(
    life: Lifecycle, tmp_path: Path, line: str, theirs: bool
) -> None:
    """What `plan` and `up` are to make, the file says under any name."""
    (tmp_path / "memdeploy.yaml").write_text("name: from-file\nprovider: gcp\ngcp: {project: acme-prod-1}\n")

    assert life.run(line).exit_code == 0

    assert life.asked[0].from_file is theirs
    assert life.asked[0].name == ("another" if "another" in line else "from-file")


def test_a_wrong_file_is_exit_2_with_its_place(life: Lifecycle, tmp_path: Path) -> None:
    (tmp_path / "memdeploy.yaml").write_text("provider: gcp\ngcp: {projct: x}\n")

    found = life.run("plan")

    assert found.exit_code == ExitCode.USAGE
    assert found.stdout == ""
    assert "memdeploy.yaml:2" in found.stderr
    assert "Did you mean gcp.project?" in found.stderr
    assert life.asked == []


ERRORS = [
    errors.StepFailed("m"), errors.UsageError("m"), errors.Refused("m"), errors.AnswerNeeded("m"), errors.Locked("m"),
    errors.JournalError("m"), errors.Unhealthy("m"), errors.NoSuchDeployment("m"), errors.NotYet("m"),
    errors.Cancelled("m"), errors.Foreign("m"), errors.CloudError("m", kind=errors.ErrorKind.QUOTA),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("flags", ["", " --json"])
def test_every_error_of_ours_has_its_exit_code_and_is_told_once(
    life: Lifecycle, error: MemdeployError, flags: str
) -> None:
    def fail(request: Request, sink: Sink) -> Result:
        raise error

    life.act = fail
    found = life.run(f"up --provider gcp --yes{flags}")

    assert found.exit_code == error.exit_code
    if flags:
        document = json.loads(found.stdout)
        assert (document["status"], document["exit_code"]) == ("error", error.exit_code)
        assert [e["code"] for e in document["errors"]] == [error.code]
        assert found.stderr == ""
    else:
        assert found.stderr.count(error.code) == 1
        assert found.stdout == ""


def test_ctrl_c_before_the_engine_listens(life: Lifecycle) -> None:
    def interrupted(request: Request, sink: Sink) -> Result:
        raise KeyboardInterrupt

    life.act = interrupted
    found = life.run("up --provider gcp --yes")

    assert found.exit_code == ExitCode.INTERRUPTED
    assert "goes on from there" in found.stderr


def test_a_defect_is_told_shortly_and_logged_without_secrets(life: Lifecycle, crash_logs: Path) -> None:
    def broken(request: Request, sink: Sink) -> Result:
        raise RuntimeError(f"boom {CANARY} https://user:pass-4711@host/ Bearer abcdefghijkl")

    life.act = broken
    found = life.run("up --provider gcp --yes", env={"OPENAI_API_KEY": CANARY})

    (log,) = crash_logs.iterdir()
    text = log.read_text()
    assert found.exit_code == ExitCode.STEP_FAILED
    assert str(log) in found.stderr.replace("\n", "").replace("  ", "") or log.name in found.stderr
    assert "Traceback" not in found.output
    assert "RuntimeError: boom ***" in text
    for secret in (CANARY, "pass-4711", "abcdefghijkl"):
        assert secret not in text + found.output
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", ["plan", "plan --json"])
def test_a_result_that_cannot_be_shown_is_a_defect_like_any_other(life: Lifecycle, crash_logs: Path, line: str) -> None:
    """Its traceback would be foreign text, too, on a terminal."""
    life.act = lambda request, sink: Result("plan", "success", data={"actions": object(), "counts": CANARY + "\x1b[2J"})

    found = life.run(line)

    assert found.exit_code == 1
    assert "Traceback" not in found.output
    assert "memdeploy itself failed" in found.output
    assert len(list(crash_logs.iterdir())) == 1
    assert "--json" not in line or json.loads(found.stdout)["errors"][0]["code"] == "internal"


@pytest.mark.parametrize("line", ["up --provider gcp --yes", "up --provider gcp --yes --json"])
def test_a_thread_that_fails_is_told_shortly_and_its_secret_is_not(
    life: Lifecycle, crash_logs: Path, line: str
) -> None:
    def act(request: Request, sink: Sink) -> Result:
        def fail() -> None:
            raise RuntimeError(f"boom {Secret(CANARY).reveal()}")

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return Result("up", "success", data={})

    life.act = act
    found = life.run(line)
    (log,) = crash_logs.iterdir()
    assert found.exit_code == 0
    assert "RuntimeError: boom ***" in log.read_text()
    assert CANARY not in found.output + log.read_text()
    assert "Traceback" not in found.output
    assert ("memdeploy itself failed (RuntimeError)" in found.stderr) is ("--json" not in line)
    assert "--json" not in line or found.stderr == ""


def test_a_flags_value_that_its_option_does_not_take_is_a_wrong_line(life: Lifecycle, crash_logs: Path) -> None:
    found = life.run("plan --provider gcp --embedding-dimensions many")
    assert found.exit_code == ExitCode.USAGE
    assert "model.dimensions: 'many' is not allowed" in found.stderr
    assert not crash_logs.exists()


def test_a_crash_log_that_cannot_be_written_hides_nothing_else(life: Lifecycle, crash_logs: Path) -> None:
    crash_logs.write_text("a file in the folder's place")

    def broken(request: Request, sink: Sink) -> Result:
        raise RuntimeError("boom")

    life.act = broken

    assert "memdeploy itself failed (RuntimeError)" in life.run("status").stderr


def test_json_is_one_document_and_nothing_else(life: Lifecycle) -> None:
    def eventful(request: Request, sink: Sink) -> Result:
        sink(Event(EventKind.NOTICE, 0.0, data={"text": "look"}))
        return Result("status", "partial", 7, {"health": "unhealthy"}, [{"code": "unhealthy", "message": "no"}])

    life.act = eventful
    found = life.run("status --json")

    assert json.loads(found.stdout)["data"] == {"health": "unhealthy"}
    assert found.stderr == ""
    assert found.exit_code == ExitCode.UNHEALTHY


def test_data_on_stdout_everything_else_on_stderr(life: Lifecycle) -> None:
    def eventful(request: Request, sink: Sink) -> Result:
        sink(Event(EventKind.NOTICE, 0.0, data={"text": "look", "level": "warning"}))
        return Result("outputs", "success", data={"outputs": {"url": "https://x"}})

    life.act = eventful
    found = life.run("outputs")

    assert "https://x" in found.stdout
    assert found.stderr == "warning: look\n"


def test_outputs_for_a_shell(life: Lifecycle) -> None:
    life.act = lambda request, sink: Result("outputs", "success", data={"outputs": {"url": "https://x"}})

    assert life.run("outputs --env").stdout == "export MEMMACHINE_URL=https://x\n"


@pytest.mark.parametrize(
    ("pending", "flag", "expected"),
    [
        (True, "--exit-code", ExitCode.CHANGES_PENDING),
        (False, "--exit-code", ExitCode.DONE),
        (True, "", ExitCode.DONE),
    ],
)
@pytest.mark.parametrize("json_flag", ["", " --json"])
def test_plan_exit_code(life: Lifecycle, pending: bool, flag: str, expected: ExitCode, json_flag: str) -> None:
    life.act = lambda request, sink: Result("plan", "success", data={"actions": [], "pending": pending})
    found = life.run(f"plan --provider gcp {flag}{json_flag}")

    assert found.exit_code == expected
    if json_flag:
        assert json.loads(found.stdout)["exit_code"] == expected


def test_a_refused_plan_stays_refused(life: Lifecycle) -> None:
    life.act = lambda request, sink: Result("plan", "error", 3, {"pending": True})

    assert life.run("plan --exit-code").exit_code == ExitCode.REFUSED


def ask(request: Request, sink: Sink) -> Result:
    sink(Event(EventKind.RUN_STARTED, 0.0, data={"deployment": "abc"}))
    sink(Event(EventKind.PLAN_READY, 0.0, data={"create": 1, "actions": [{"step": "the.step", "action": "create"}]}))
    if request.confirm is None:
        raise errors.AnswerNeeded("somebody has to say yes", suggestion="Give --yes.")
    agreed = request.confirm("Go on?")
    return Result(request.command, "success", data={"answer": agreed})


@pytest.mark.parametrize(
    ("terminal", "flags", "env"),
    [(False, "", {}), (True, " --json", {}), (True, "", {"CI": "true"}), (True, "", {"CI": "1"})],
)
def test_no_question_where_nobody_can_answer(life: Lifecycle, terminal: bool, flags: str, env: dict[str, str]) -> None:
    life.act = ask
    found = life.run(f"up --provider gcp{flags}", terminal=terminal, env=env, answers="y\n")

    assert found.exit_code == ExitCode.ANSWER_NEEDED
    assert "--yes" in found.output
    assert life.asked[0].interactive is False


@pytest.mark.parametrize(
    ("answers", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_question_shows_the_plan_first(life: Lifecycle, answers: str, agreed: bool) -> None:
    asked: list[bool] = []

    def act(request: Request, sink: Sink) -> Result:
        found = ask(request, sink)
        asked.append(found.data["answer"])
        return found

    life.act = act
    found = life.run("up --provider gcp", terminal=True, answers=answers)

    assert asked == [agreed]
    assert found.stderr.index("+ the.step") < found.stderr.index("Go on? [y/N]")
    assert "Go on?" not in found.stdout


@pytest.mark.parametrize(("typed", "agreed"), [("abc\n", True), ("y\n", False), ("", False)])
def test_deleting_data_wants_the_name(life: Lifecycle, typed: str, agreed: bool) -> None:
    answers: list[bool] = []

    def act(request: Request, sink: Sink) -> Result:
        found = ask(request, sink)
        answers.append(found.data["answer"])
        return found

    life.act = act
    found = life.run("destroy --delete-data", terminal=True, answers=typed)

    assert answers == [agreed]
    assert "Type abc to go on" in found.stderr


def reading(request: Request, sink: Sink) -> Result:
    """A command that asks for the secrets of its configuration, as every session does."""
    assert request.deployment is not None
    given = dict(request.secrets(request.deployment))
    return Result(request.command, "success", data={"given": sorted(given), "shown": str(given)})


def test_secrets_are_read_for_up_and_cannot_be_seen(life: Lifecycle) -> None:
    life.act = reading
    env = {"OPENAI_API_KEY": f"{CANARY}\n", "NEO4J_PASSWORD": CANARY}
    external = "--neo4j external --neo4j-uri neo4j+s://x.example"
    up = life.run(f"up --provider gcp --yes {external} --json", env=env)
    without = life.run("up --provider gcp --yes --json", env=env)
    status = life.run("status --provider gcp --json", env=env)
    found = [json.loads(run.stdout)["data"]["given"] for run in (up, without, status)]
    assert found == [["model_key", "neo4j_password"], ["model_key"], []]
    assert "newline" in life.run("up --provider gcp --yes", env=env).stderr
    assert CANARY not in up.output + status.output


def test_an_empty_key_is_refused_when_it_is_asked_for(life: Lifecycle) -> None:
    life.act = reading
    assert life.run("up --provider gcp --yes", env={"OPENAI_API_KEY": ""}).exit_code == ExitCode.USAGE


def test_events_go_to_the_file_too(life: Lifecycle, tmp_path: Path) -> None:
    def act(request: Request, sink: Sink) -> Result:
        sink(Event(EventKind.STEP_STARTED, 1.0, "service", {"title": "Service"}))
        return Result("up", "success")

    life.act = act
    life.run(f"up --provider gcp --yes --json --events {tmp_path / 'e.jsonl'}")

    assert json.loads((tmp_path / "e.jsonl").read_text())["step"] == "service"


def test_an_unusable_events_file_is_a_usage_error(life: Lifecycle, tmp_path: Path) -> None:
    found = life.run(f"up --provider gcp --yes --events {tmp_path / 'no' / 'e.jsonl'}")

    assert found.exit_code == ExitCode.USAGE
    assert life.asked == []


@pytest.mark.parametrize("line", ["up --nonsense", "up --backing maybe", "nonsense", "up --time-scale fast"])
def test_a_wrong_line_is_exit_2(life: Lifecycle, line: str) -> None:
    assert life.run(line).exit_code == ExitCode.USAGE
