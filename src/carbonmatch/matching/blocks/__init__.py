"""Negotiated blocks: two sides agree on price and quantity before they trade. See proto/BLOCKS.md."""
