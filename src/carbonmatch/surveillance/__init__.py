"""Surveillance over a journal, offline: patterns that a supervisor may want to look at, as a report."""
