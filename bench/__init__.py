"""Measurements of carbonmatch: load over TCP, the limits of the machine, the parts by themselves.

    python -m bench load --preset batched

Absolute figures are worth what the machine was worth in that minute. Read the ratios: whatever is
compared is measured in the same run, in turns.
"""
