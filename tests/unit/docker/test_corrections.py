"""The corrections of MemMachine, on a class that has its fault."""

from __future__ import annotations

import asyncio

import corrections


class Manager:
    """As `SemanticResourceManager` builds its service: looked for, then built with pauses, then kept."""

    def __init__(self) -> None:
        self.service: object = None
        self.built = 0

    async def get_service(self) -> object:
        if self.service is None:
            self.built += 1
            await asyncio.sleep(0)
            self.service = object()
        return self.service


async def _together(manager: Manager, number: int) -> list[object]:
    return await asyncio.gather(*(manager.get_service() for _ in range(number)))


def test_uncorrected_it_is_built_by_everybody_who_asks() -> None:
    manager = Manager()
    asyncio.run(_together(manager, 3))
    assert manager.built == 3


def test_corrected_it_is_built_once_for_each_instance() -> None:
    class Corrected(Manager):
        get_service = corrections.one_at_a_time(Manager.get_service)

    for manager in (Corrected(), Corrected()):
        found = asyncio.run(_together(manager, 3))
        assert manager.built == 1
        assert len(set(found)) == 1


def test_a_failure_is_everybodys_own_and_blocks_nobody() -> None:
    class Failing:
        calls = 0

        async def get_service(self) -> object:
            self.calls += 1
            await asyncio.sleep(0)
            if self.calls == 1:
                raise RuntimeError("the first one fails")
            return self.calls

    Failing.get_service = corrections.one_at_a_time(Failing.get_service)  # type: ignore[method-assign]

    async def both() -> list[object]:
        failing = Failing()
        return await asyncio.gather(failing.get_service(), failing.get_service(), return_exceptions=True)

    first, second = asyncio.run(both())
    assert isinstance(first, RuntimeError)
    assert second == 2
