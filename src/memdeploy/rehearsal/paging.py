"""Lists in pages: `pageSize`/`pageToken` (or compute's `maxResults`) in, `nextPageToken` out."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from memdeploy.rehearsal.call import Call
from memdeploy.rehearsal.refusal import invalid


def page(
    call: Call, key: str, items: Sequence[Any], *, query: Mapping[str, Sequence[str]] | None = None, **more: Any
) -> dict[str, Any]:
    """One page of `items` under `key`; the key is left out when there are none, as Google's JSON does.

    `query` stands in for the call's where a method has its page size and token in the body.
    """
    asked = {name: values[0] for name, values in (call.query if query is None else query).items() if values}
    size = int(asked.get("pageSize") or asked.get("maxResults") or 0) or len(items) or 1
    first = _offset(asked.get("pageToken", ""))
    shown = items[first : first + size]
    answer: dict[str, Any] = dict(more)
    if shown:
        answer[key] = list(shown)
    if first + size < len(items):
        answer["nextPageToken"] = base64.urlsafe_b64encode(str(first + size).encode()).decode()
    return answer


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid("Invalid page token.", reason="invalidPageToken") from None
