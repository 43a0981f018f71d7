"""A feed republished by a process of its own: the engine has one subscriber more, however many read here.

`mirror` is the market as the feed tells it; `relay` follows the engine and has the listener; `subjects` puts
the same onto NATS; `command` is the process. docs/fanout.md says what a reader sees.
"""
