"""What an error or a log line means and what to do about it: the table `suggestions.yaml`, first match wins."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("suggestions.yaml")
_LOOKED_AT = 32 * 1024
"Characters of a text. Patterns with a gap take the square of it, and anybody may have written what is in a log."


@dataclass(frozen=True)
class Rule:
    id: str
    pattern: re.Pattern[str]
    says: str
    suggestion: str


@dataclass(frozen=True)
class Advice:
    """`rule` is the rule's id, a stable word."""

    rule: str
    says: str
    suggestion: str


def advise(*texts: str) -> Advice | None:
    """Of the texts in their order: the first for which there is a rule; of a long one its end counts."""
    for text in texts:
        for rule in rules():
            if rule.pattern.search(text, max(0, len(text) - _LOOKED_AT)):
                return Advice(rule.id, rule.says, rule.suggestion)
    return None


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Read once, when something went wrong."""
    import yaml

    listed = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(Rule(one["id"], re.compile(one["pattern"]), one["says"], one["suggestion"]) for one in listed)
