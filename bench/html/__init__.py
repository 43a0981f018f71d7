"""The report of one or several results: one HTML file that needs no network, and what draws in it."""
