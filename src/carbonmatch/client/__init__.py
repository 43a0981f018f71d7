"""The asyncio client library that gateways, the demo, the bench and the tests use."""
