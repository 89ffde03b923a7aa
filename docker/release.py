"""Which MemMachine this image holds, and in what it differs from the others: `releases/<version>.json`.

An image carries the one file of its own release; a checkout has them all. Facts were read in each release's sources
and are held against them in the image (tests/e2e/test_image_models.py). Standard library only.

- `module`: the server's Python package. `packages`: the distributions that carry its version, all of which are pinned.
  `adds`: what upstream's image of it lacks, where there is no other source.
- `episode_key`: the column of `episodestore` that names an episode.
- `lacks`: settings of ours, by path in the configuration, that it does not know. MemMachine ignores what it does not
  know without a word, so what stands in a configuration should do something.
- `corrections`: those of `corrections.py` whose fault it has.
- `chat_fields`: what it adds to a request for chat completions.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "releases"
VARIABLE = "MEMMACHINE_RELEASE"


@dataclass(frozen=True)
class Release:
    version: str
    module: str
    episode_key: str
    lacks: tuple[str, ...]
    corrections: tuple[str, ...]
    chat_fields: Mapping[str, Any]

    def part(self, name: str) -> Any:
        """A module of the server's, by its place in it: `server.app`."""
        with unswept():
            return importlib.import_module(f"{self.module}.{name}")

    def known(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of a configuration without what this release does not know."""
        found = copy.deepcopy(dict(document))
        for path in self.lacks:
            *parents, last = path.split(".")
            place: Any = found
            for name in parents:
                place = place.get(name, {})
            place.pop(last, None)
        return found


@contextlib.contextmanager
def unswept() -> Iterator[None]:
    """Python's collector of garbage finds none in modules that are loaded for good, and looks through all of them again
    and again: a sixth of the time that loading MemMachine takes. So it rests meanwhile."""
    swept = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if swept:
            gc.freeze()
            gc.enable()


def there() -> list[str]:
    """Versions, the oldest first; in an image one."""
    return sorted((path.stem for path in FOLDER.glob("*.json")), key=lambda name: [int(n) for n in name.split(".")])


def problems(environment: Mapping[str, str]) -> list[str]:
    if _name(environment) in there():
        return []
    return [f"{VARIABLE} is not the release of this image ({', '.join(there())})"]


def find(environment: Mapping[str, str]) -> Release:
    version = _name(environment)
    facts = json.loads((FOLDER / f"{version}.json").read_text())
    return Release(
        version, facts["module"], facts["episode_key"], tuple(facts["lacks"]), tuple(facts["corrections"]),
        dict(facts["chat_fields"]),
    )  # fmt: skip


def _name(environment: Mapping[str, str]) -> str:
    """The image sets the variable; where nobody does, the newest there is."""
    return environment.get(VARIABLE) or there()[-1]
