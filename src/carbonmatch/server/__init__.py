"""The only place with an event loop: pipeline, outbox, gateway, publisher, recovery, service."""
