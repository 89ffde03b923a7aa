import pytest

from memdeploy.rehearsal.backing.arguments import Refused
from memdeploy.rehearsal.backing.build_docker import parse_build


def test_flags_of_build_in_any_order() -> None:
    found = parse_build(["-t", "r/a:1", ".", "--build-arg=BASE=x", "--build-arg", "N=a=b", "-f", "D", "--tag=r/a:2"])
    assert found.tags == ("r/a:1", "r/a:2")
    assert found.arguments == {"BASE": "x", "N": "a=b"}
    assert found.dockerfile == "D"


@pytest.mark.parametrize(
    "argv", [["--secret", "id=x", "."], ["--ssh=default", "."], ["--platform", "linux/arm64", "."]]
)
def test_what_cannot_be_done_here_is_refused(argv: list[str]) -> None:
    with pytest.raises(Refused):
        parse_build(argv)
