"""Measurements. Each file says at its head what it measures, and how."""
