"""Which way of showing fits the terminal, and the consoles. Colours follow NO_COLOR and the stream; rich knows how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Show = Literal["live", "plain", "none"]


def in_ci(environ: Mapping[str, str]) -> bool:
    """`CI` is set by every known CI service; `CI=false` and `CI=0` say that this is none."""
    return environ.get("CI", "").lower() not in ("", "0", "false", "no")


def choose(stream: IO[str], environ: Mapping[str, str], *, as_json: bool) -> Show:
    """Live only where a terminal can be redrawn and somebody looks. NO_COLOR takes colours, not the screen."""
    if as_json:
        return "none"
    drawable = stream.isatty() and environ.get("TERM", "") not in ("", "dumb", "unknown")
    return "live" if drawable and not in_ci(environ) else "plain"


def console(stream: IO[str], environ: Mapping[str, str], *, width: int | None = None) -> Console:
    """Of foreign text nothing is markup, an emoji code or a link here."""
    from rich.console import Console

    wide = width or (None if stream.isatty() else _columns(environ))
    return Console(
        file=stream, width=wide, markup=False, emoji=False, highlight=False, soft_wrap=False, _environ=environ
    )


def put(console: Console, blocks: Iterable[RenderableType]) -> None:
    """Prints the blocks; into a pipe without the blanks that fill up a terminal's lines."""
    if console.is_terminal:
        for block in blocks:
            console.print(block, crop=False)
        return
    with console.capture() as captured:
        for block in blocks:
            console.print(block, crop=False)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _columns(environ: Mapping[str, str]) -> int:
    """A pipe has no width: so wide that no address or digest is broken, or what COLUMNS says."""
    columns = environ.get("COLUMNS", "")
    return max(40, int(columns)) if columns.isdigit() else 1000
