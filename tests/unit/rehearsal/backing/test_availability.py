import pytest

from memdeploy.rehearsal.backing.containers import _unsuitable

LOCAL = "http+docker://localhost"
LINUX = {"OSType": "linux", "OperatingSystem": "Debian GNU/Linux 12", "Architecture": "x86_64"}


def test_a_local_linux_engine_will_do() -> None:
    assert _unsuitable(LOCAL, LINUX) is None


@pytest.mark.parametrize(
    ("url", "changed", "word"),
    [
        ("http://10.0.0.5:2375", {}, "not on this machine"),
        (LOCAL, {"OperatingSystem": "Docker Desktop"}, "unix socket"),
        (LOCAL, {"OSType": "windows"}, "unix socket"),
        (LOCAL, {"Architecture": "aarch64"}, "aarch64"),
    ],
)
def test_others_are_refused_with_the_reason(url: str, changed: dict[str, str], word: str) -> None:
    assert word in (_unsuitable(url, {**LINUX, **changed}) or "")
