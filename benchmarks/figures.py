"""What benchmarks compute from their samples, and how they show it."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` (0 to 1) of them do not exceed: always one that was measured."""
    if not samples:
        raise ValueError("no samples")
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def median(samples: Sequence[float]) -> float:
    return percentile(samples, 0.5)


def shared(expected: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Of what was expected for each question, the share that was found; order does not matter."""
    pairs = [(set(one), set(other)) for one, other in zip(expected, found, strict=True)]
    wanted = sum(len(one) for one, _ in pairs)
    return sum(len(one & other) for one, other in pairs) / wanted if wanted else 0.0


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("|---" * len(heads) + "|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines)


def parser(text: str | None) -> argparse.ArgumentParser:
    """With what every benchmark with containers takes. From here on SIGTERM is an exception: it cleans up, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made = argparse.ArgumentParser(description=(text or "").split("\n\n")[0])
    made.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    made.add_argument("--ours", default="memdeploy-rig/memmachine:0.4.0", metavar="IMAGE")
    made.add_argument("--upstream", default="memmachine/memmachine:v0.4.0-cpu", metavar="IMAGE")
    return made


def show(result: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    print(json.dumps(result, indent=1) if as_json else text)
