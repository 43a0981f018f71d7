"""The prices that the rules of a market make of its trades: reference, band, open, close."""
