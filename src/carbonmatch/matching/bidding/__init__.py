"""One-way bidding: sealed bids for what one party offers, or asks for. See proto/BIDDING.md."""
