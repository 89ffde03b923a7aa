"""A rehearsal that is served at another address than last time. In the cloud a name is for good; here those of images
and services begin with the address that they are served at, so what the cloud holds names the new one from now on.
Clients may still know the old one, and are understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from memdeploy.rehearsal.call import Cloud

_FACT = "keep/addresses"


def settle(cloud: Cloud) -> None:
    """Once, when it begins to be served."""
    here, known = urlsplit(cloud.endpoint).netloc, _known(cloud)
    if known and known[-1] != here:
        cloud.store.rename(re.compile(rf"{re.escape(known[-1])}(?![0-9])"), here)
    cloud.store.put_fact(_FACT, [*(one for one in known if one != here), here])


def former(cloud: Cloud) -> Sequence[str]:
    """`127.0.0.1:PORT` where it was served before."""
    return _known(cloud)[:-1]


def _known(cloud: Cloud) -> list[str]:
    found: list[str] = cloud.store.fact(_FACT, [])
    return found
