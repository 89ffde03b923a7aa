"""This machine and this version: a container engine, the release."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.memmachine import image, releases
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, passed


def release(facts: Facts) -> Iterable[Finding]:
    """`open_cloud` has refused an unknown one."""
    found = releases.find(facts.scope.deployment.release)
    yield passed("release", f"MemMachine {found.version}; {found.upstream_image} where the hub has it, else from PyPI")


def engine(facts: Facts) -> Iterable[Finding]:
    """Not needed, only quicker."""
    if not facts.scope.context.engine_allowed:
        yield passed("engine", "not used: Cloud Build makes the image")
        return
    found = image.open_engine()
    try:
        reason = image.unusable(found)
    finally:
        if found is not None:
            found.close()
    if found is None or reason:
        yield passed("engine", f"{reason or 'none answers'}: Cloud Build makes the image")
    else:
        yield passed("engine", "answers: the image is built here")
