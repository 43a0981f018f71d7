"""Clearing: what accounts own, reserve and pay."""
