"""What others can do to a client that only wants to trade: `python -m bench hostile WHAT`."""
