"""What a label may be, in every service. https://cloud.google.com/resource-manager/docs/labels-overview#requirements

International characters are allowed there and not here: nothing of ours writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.refusal import invalid

KEY, VALUE = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
# Cloud Run's are Kubernetes': a key may have a prefix (`client.knative.dev/nonce`), a value dots and capitals.
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_PREFIXED = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LOOSE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_MOST = 64


def problem(labels: Mapping[str, Any] | None, *, prefixed: bool = False) -> str:
    """The first of them that is none; '' when all are."""
    key_form, value_form = (_PREFIXED, _LOOSE) if prefixed else (KEY, VALUE)
    for key, value in (labels or {}).items():
        if not key_form.fullmatch(key):
            return f"Invalid label key: {key}"
        if not value_form.fullmatch(str(value)):
            return f"Invalid label value: {value}"
    return f"There are more than {_MOST} labels." if len(labels or {}) > _MOST else ""


def check(labels: Mapping[str, Any] | None) -> None:
    if text := problem(labels):
        raise invalid(text)
