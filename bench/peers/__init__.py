"""The engine beside what others have built: Redis as a durable store, and other matching engines."""
