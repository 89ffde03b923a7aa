"""One run that nobody disturbed, for all tests of a worker."""

from __future__ import annotations

import pytest

from tests.crash.product import Undisturbed, undisturbed_run


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed_run(tmp_path_factory.mktemp("undisturbed"))
