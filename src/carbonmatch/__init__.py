"""carbonmatch: a durable, deterministic matching engine for emission-allowance markets."""

__version__ = "0.1.0"
