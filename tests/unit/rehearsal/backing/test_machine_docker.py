import pytest

from memdeploy.rehearsal.backing.arguments import Refused
from memdeploy.rehearsal.backing.machine_docker import render

ATTRS = {"State": {"Status": "running", "Running": True}, "RestartCount": 2}


def test_fields_of_inspect_are_rendered() -> None:
    assert render("{{.State.Status}} {{ .RestartCount }} {{.State.Running}}", ATTRS) == "running 2 true"


@pytest.mark.parametrize("template", ["{{json .State}}", "{{range .Mounts}}{{end}}", "{{.State.Nothing}}"])
def test_other_templates_are_refused(template: str) -> None:
    with pytest.raises(Refused):
        render(template, ATTRS)
