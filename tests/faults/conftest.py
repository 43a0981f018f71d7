"""Engines in processes of their own, as the tests from end to end have them."""

from tests.end_to_end.conftest import process, pytest_asyncio_loop_factories

__all__ = ["process", "pytest_asyncio_loop_factories"]
