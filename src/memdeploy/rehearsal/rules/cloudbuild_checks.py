"""What Cloud Build refuses at once, how lists are filtered, and what decides a build's result. Pure.

Limits: https://cloud.google.com/build/quotas#resource_limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_STEPS, _ARGS, _ARG_LENGTH, _IMAGES, _TAGS, _TAG_LENGTH = 300, 100, 10_000, 100, 64, 128
_DAY = 86400.0
_TAG = re.compile(r"[\w][\w.-]*")


def violations(build: Mapping[str, Any]) -> Iterator[str]:
    steps = build.get("steps") or []
    if not steps:
        yield "invalid build: no build steps are specified"
    if len(steps) > _STEPS:
        yield f"invalid build: too many steps ({len(steps)}): the maximum is {_STEPS}"
    for index, step in enumerate(steps):
        yield from _step(index, step)
    if len(build.get("images") or ()) > _IMAGES:
        yield f"invalid build: too many images: the maximum is {_IMAGES}"
    yield from _tags(build.get("tags") or ())
    if not 0 < float(str(build.get("timeout") or "600s").rstrip("s")) <= _DAY:
        yield "invalid build: timeout must be between 1 second and 24 hours"
    if build.get("serviceAccount") and not _logging_said(build):
        yield (
            "if 'build.service_account' is specified, the build must either (a) specify 'build.logs_bucket', (b) use "
            "the REGIONAL_USER_OWNED_BUCKET build.options.default_logs_bucket_behavior option, or (c) use either "
            "CLOUD_LOGGING_ONLY / NONE logging options: invalid argument"
        )


def matches(build: Mapping[str, Any], filter_: str) -> bool:
    """`tags="a" AND status="SUCCESS"` (https://cloud.google.com/build/docs/view-build-results#filtering)."""
    terms = [term for term in re.split(r"\s+AND\s+", filter_.strip()) if term]
    return all(_term(build, term.strip("() ")) for term in terms)


def inputs(build: Mapping[str, Any]) -> str:
    """What the result depends on: the steps as they run. Not the tags, not the account."""
    return json.dumps([build.get("steps"), build.get("substitutions")], sort_keys=True)


def _step(index: int, step: Mapping[str, Any]) -> Iterator[str]:
    args: Sequence[str] = step.get("args") or ()
    if not step.get("name"):
        yield f"invalid build: invalid build step {index}: no name"
    if len(args) > _ARGS:
        yield f"invalid build: invalid build step {index}: too many arguments: the maximum is {_ARGS}"
    if any(len(arg) > _ARG_LENGTH for arg in args):
        yield f"invalid build: invalid .steps field: build step {index} arg too long (max: {_ARG_LENGTH})"
    if step.get("script") and (args or step.get("entrypoint")):  # discovery document, BuildStep.script
        yield f"invalid build: build step {index} has a script and must have neither args nor entrypoint"


def _tags(tags: Sequence[str]) -> Iterator[str]:
    if len(tags) > _TAGS:
        yield f"invalid build: too many tags: the maximum is {_TAGS}"
    for tag in tags:
        if len(tag) > _TAG_LENGTH or not _TAG.fullmatch(tag):
            yield f"invalid build: invalid tag {tag!r}"


def _logging_said(build: Mapping[str, Any]) -> bool:
    options = build.get("options") or {}
    return bool(
        build.get("logsBucket")
        or options.get("defaultLogsBucketBehavior") == "REGIONAL_USER_OWNED_BUCKET"
        or options.get("logging") in ("CLOUD_LOGGING_ONLY", "NONE", "STACKDRIVER_ONLY")
    )


def _term(build: Mapping[str, Any], term: str) -> bool:
    match = re.fullmatch(r"(?P<field>\w+)\s*(?P<operator>!=|=|:)\s*\"?(?P<value>[^\"]*)\"?", term)
    if match is None:
        return False
    have = build.get({"build_id": "id"}.get(match["field"], match["field"]))
    same = match["value"] in have if isinstance(have, list) else str(have) == match["value"]
    return not same if match["operator"] == "!=" else same
