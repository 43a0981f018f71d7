"""A journal as tables for people who analyse markets: columns in, files of columns out.

What is in the tables is in docs/export.md, of which `columns` is the authority. Nothing here writes into a
journal or needs a running venue.
"""
