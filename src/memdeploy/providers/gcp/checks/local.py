"""This machine and this version: a container engine, the release."""

from __future__ import annotations

from collections.abc import Iterable

from memdeploy.errors import Refused
from memdeploy.memmachine import image, releases
from memdeploy.providers.base import Finding
from memdeploy.providers.gcp.checks.facts import Facts, failed, passed


def release(facts: Facts) -> Iterable[Finding]:
    """What brings it about has refused what cannot be deployed before it came here; `doctor` has not."""
    found = releases.find(facts.scope.deployment.release)
    try:
        releases.to_deploy(found.version)
    except Refused as error:
        yield failed("release", error.code, error.message, error.suggestion or "")
        return
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
