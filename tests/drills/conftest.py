"""No drill leaves a venue running, however it ends."""

from collections.abc import Iterator

import pytest

from tests.drills.versions import cleaned_up


@pytest.fixture(autouse=True)
def _cleaned_up() -> Iterator[None]:
    with cleaned_up():
        yield
