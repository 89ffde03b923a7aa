"""The command: programs, engine, images; each image as soon as its parents are there, three at a time."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from kit import host, recipes
from kit.image import Image, present
from kit.shell import RigError

PARALLEL = 3


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/rig/up", description="Engine and images for tests with real servers.")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="only these (and what they are made from)")
    parser.add_argument("--list", action="store_true", help="print the images' names and whether they are there")
    options = parser.parse_args(arguments)
    work = Path(os.environ.get("MEMDEPLOY_RIG_WORK", f"/var/tmp/memdeploy-rig-{os.getuid()}"))
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _list(work) if options.list else _up(work, options.images)
    except RigError as error:
        print(f"rig: {error}", file=sys.stderr)
        return 1


def _list(work: Path) -> int:
    table = recipes.images(work)
    found = present([image.tag for image in table])
    for image in table:
        state = {None: "absent", "": "present, not ours", image.key: "present"}.get(found[image.tag], "outdated")
        print(f"{image.tag:40} {state}")
    return 0


def _up(work: Path, only: list[str]) -> int:
    started = time.monotonic()
    with _phase("programs"):
        host.ensure_programs()
    with _phase("engine"):
        host.ensure_engine(work)
    with _locked(work):
        table = _selected(recipes.images(work), only)
        _build_all(table, present([image.tag for image in table]))
        recipes.clean(work)
    print(f"rig: ready in {time.monotonic() - started:.1f} s", flush=True)
    return 0


def _selected(table: tuple[Image, ...], only: list[str]) -> tuple[Image, ...]:
    known = {image.tag: image for image in table}
    unknown = [tag for tag in only if tag not in known]
    if unknown:
        raise RigError(f"no such image: {', '.join(unknown)}; there are: {', '.join(known)}")
    wanted = set(only or known)
    for image in reversed(table):
        if image.tag in wanted:
            wanted.update(image.parents)
    return tuple(image for image in table if image.tag in wanted)


def _build_all(table: tuple[Image, ...], found: dict[str, str | None]) -> None:
    futures: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(PARALLEL) as pool:
        for image in table:  # parents come first, so a waiting thread never waits for one that is queued behind it
            futures[image.tag] = pool.submit(_ensure, image, found[image.tag], [futures[p] for p in image.parents])
    for future in futures.values():
        future.result()


def _ensure(image: Image, label: str | None, parents: list[Future[None]]) -> None:
    for parent in parents:
        parent.result()
    if label == "":
        _say(image.tag, 0.0, "is there and not ours: used as it is")
    elif label != image.key:
        with _phase(image.tag):
            image.build(image.key)


@contextmanager
def _phase(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    _say(name, time.monotonic() - started)


def _say(name: str, seconds: float, note: str = "") -> None:
    print(f"rig: {name:40} {seconds:6.1f} s  {note}".rstrip(), flush=True)


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    """One run at a time; a second waits, then finds everything made."""
    with (work / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
