"""Counts every project's memories in both stores and names those that are in one of them only. Changes nothing.

Ends with one line of JSON on standard output (`halves.Look.line`); no content of a memory is read.
"""

from __future__ import annotations

from typing import Any

import looking
import machine
import words

DEADLINE = 540.0


async def count(place: words.Place) -> dict[str, Any]:
    async with place.reached(), machine.opened() as resources:
        return (await looking.look(resources)).line()


if __name__ == "__main__":
    words.run(count, seconds=DEADLINE)
