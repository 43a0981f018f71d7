"""Records <-> disk: append batches, learn when they are durable, read them back.

Knows no order and no price: a payload is bytes.
"""
