"""Trading days: which one an instrument is in, how it ends, and what becomes of its trades afterwards."""
