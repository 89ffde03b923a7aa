import pytest

from memdeploy.rehearsal.backing.build_steps import StepError, built_ins, step_of, substitute

VALUES = built_ins("projects/p/locations/l/builds/b")


def test_substitutions_are_those_of_the_build() -> None:
    assert substitute("$PROJECT_ID/${LOCATION}/$BUILD_ID", VALUES) == "p/l/b"


def test_a_doubled_dollar_is_one() -> None:
    assert substitute("echo $$HOME $${X} a$$", VALUES) == "echo $HOME ${X} a$"


def test_lower_case_is_the_shells_own() -> None:
    assert substitute("for f in $files; do echo $(cat $f) $1; done", VALUES) == (
        "for f in $files; do echo $(cat $f) $1; done"
    )


def test_an_unknown_name_is_refused_in_cloud_builds_words() -> None:
    with pytest.raises(StepError, match='"HOME" is not a valid built-in substitution'):
        substitute("echo $HOME", VALUES)


def test_the_docker_builder_runs_docker() -> None:
    step = step_of({"name": "gcr.io/cloud-builders/docker", "args": ["build", "."], "env": ["A=1"]}, VALUES)
    assert (step.image, step.entrypoint, step.argv, step.env) == (None, ("docker",), ("build", "."), ("A=1",))
    assert step.folder == "/workspace"


def test_an_entry_point_replaces_the_images() -> None:
    step = step_of({"name": "gcr.io/cloud-builders/docker", "entrypoint": "bash", "args": ["-c", "true"]}, VALUES)
    assert step.entrypoint == ("bash",)


def test_flags_for_the_bash_image_go_to_bash() -> None:
    assert step_of({"name": "bash", "args": ["-c", "true"]}, VALUES).entrypoint == ("bash",)
    assert step_of({"name": "ubuntu", "args": ["bash", "-c", "true"]}, VALUES).entrypoint == ()


def test_a_script_is_given_to_a_shell_unsubstituted() -> None:
    step = step_of({"name": "ubuntu", "script": "echo $HOME"}, VALUES)
    assert (step.entrypoint, step.argv) == (("sh", "-c"), ("echo $HOME",))


def test_other_images_run_as_themselves_in_their_folder() -> None:
    step = step_of({"name": "127.0.0.1:5000/p/tool", "dir": "sub", "allowFailure": True}, VALUES)
    assert (step.image, step.folder, step.may_fail) == ("127.0.0.1:5000/p/tool", "/workspace/sub", True)
