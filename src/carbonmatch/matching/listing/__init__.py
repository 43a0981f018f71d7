"""Listing and selecting: orders that never trade by themselves, and the list of them that is public."""
