"""Bytes <-> messages, without a socket: frames, codec, session rules."""
