"""Which deployment a command means that reads journals alone: without the configuration model, so that it is quick."""

from __future__ import annotations

from memdeploy.cli.options import Call
from memdeploy.config.options import BY_PATH

_FILE = "memdeploy.yaml"


def named(call: Call) -> str | None:
    """The flag's name, else the variable's, else the file's; None: the only one. Raises `ConfigError` for a file that
    cannot be read."""
    given = call.flags.get("name") or call.seams.environ.get(BY_PATH["name"].env)
    return given or _in_file(call)


def files_own(call: Call) -> bool:
    """Whether the folder's memdeploy.yaml may speak for the deployment that is meant: not when the line or a variable
    names one, and the file another."""
    named_here = call.flags.get("name") or call.seams.environ.get(BY_PATH["name"].env)
    in_file = _in_file(call) if named_here else None
    return in_file in (None, named_here)


def _in_file(call: Call) -> str | None:
    path = call.seams.folder / (call.run.get("file") or _FILE)
    if call.run.get("file") is None and not path.exists():
        return None
    from memdeploy.config.document import read

    found = read(path).values.get("name")
    return found if isinstance(found, str) else None
