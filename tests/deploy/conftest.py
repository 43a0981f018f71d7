"""One venue under load with one Prometheus for all tests of a run that only look."""

from collections.abc import Iterator

import pytest

from tests.deploy.observed import Observed, observed
from tests.end_to_end.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """To be looked at and not broken: it is everybody's."""
    with observed(tmp_path_factory.mktemp("observed")) as one:
        yield one
        one.load.check()
