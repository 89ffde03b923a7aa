"""Faults on demand: `503=0.1,reset=0.05,lost=0.05,slow=0.1,fail=0.02,seed=7`; aimed: `lost@sql.instances.insert=1x`.

| name | what happens | when |
|---|---|---|
| an HTTP code | that error, as the service words it (`injected.py`) | before the effect |
| `reset` | the connection is reset | before the effect |
| `lost` | the connection is reset | after the effect is committed |
| `slow` | an operation takes ten times as long | |
| `fail` | an operation ends with an error | |
| `unseen` | a read does not show yet what was made a moment ago, where the service promises no more (`injected.py`) | |
| `expires` | credentials are good for so many requests; then 401, until faults are set anew | before the effect |

The value is a probability, or `Nx`: exactly the first N requests that fit; of `expires` it is a number. `@` takes a
method id or a pattern (`compute.*.insert`). The same seed and order of requests gives the same faults, across restarts
too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

SLOW_FACTOR = 10.0
NAMES = ("reset", "lost", "slow", "fail", "unseen")
SEED, EXPIRES = "seed", "expires"
ITEM = re.compile(r"(?P<name>\w+)(?:@(?P<method>[\w.*?]+))?=(?P<value>[\d.]+)(?P<times>x?)")


@dataclass(frozen=True)
class Fault:
    name: str
    method: str
    chance: float
    times: int | None

    @property
    def key(self) -> str:
        return f"{self.name}@{self.method}"


@dataclass(frozen=True)
class Faults:
    items: tuple[Fault, ...] = ()
    seed: int = 0
    text: str = ""
    lifetime: int | None = None
    "Requests that the credentials are good for."

    def __bool__(self) -> bool:
        return bool(self.items) or self.lifetime is not None

    def draw(self, method: str, n: int, spent: Mapping[str, int], since: int = 0) -> list[Fault]:
        """Which faults strike request number `n`. `spent` counts how often each aimed one has struck; `since` is the
        last request before these faults were set."""
        if self.lifetime is not None and n - since > self.lifetime:
            return [Fault(EXPIRES, "*", 0.0, None)]
        dice = random.Random(f"{self.seed}/{n}")  # noqa: S311 - repeatable on purpose
        struck = []
        for fault in self.items:
            roll = dice.random()
            if not fnmatchcase(method, fault.method):
                continue
            if roll < fault.chance if fault.times is None else spent.get(fault.key, 0) < fault.times:
                struck.append(fault)
        return struck


def parse(text: str | None) -> Faults:
    """ValueError says which item is wrong and what would be right."""
    items, numbers = [], {SEED: 0}
    for part in (p.strip() for p in (text or "").split(",")):
        if not part:
            continue
        found = ITEM.fullmatch(part)
        if not found or (found["times"] and "." in found["value"]):
            raise ValueError(f"fault {part!r}: expected NAME=PROBABILITY or NAME@METHOD=Nx, for example 503=0.1")
        if found["name"] in (SEED, EXPIRES):
            numbers[found["name"]] = _number(found)
        else:
            items.append(_fault(found))
    return Faults(tuple(items), numbers[SEED], text or "", numbers.get(EXPIRES))


def _number(found: re.Match[str]) -> int:
    if found["method"] or found["times"] or not found["value"].isdigit():
        raise ValueError(f"fault {found[0]!r}: expected a whole number, {found['name']}=7")
    return int(found["value"])


def _fault(found: re.Match[str]) -> Fault:
    name, value = found["name"], found["value"]
    if name not in NAMES and not (name.isdigit() and 400 <= int(name) <= 599):
        raise ValueError(f"fault {name!r}: expected an HTTP error code or one of {', '.join(NAMES)}")
    if found["times"]:
        return Fault(name, found["method"] or "*", 0.0, int(value))
    if not 0 <= float(value) <= 1:
        raise ValueError(f"fault {name!r}: a probability lies between 0 and 1, not {value}")
    return Fault(name, found["method"] or "*", float(value), None)
