"""How much a property is tried: little in every run, much in the long proof (MEMDEPLOY_TEST_SLOW=1)."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings


def examples(few: int, many: int | None = None) -> Any:
    """Decorates a property with its number of examples."""
    number = (many or few * 20) if os.environ.get("MEMDEPLOY_TEST_SLOW") else few
    return settings(max_examples=number, suppress_health_check=list(HealthCheck))
