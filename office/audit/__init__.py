"""What was done and what was looked at: an append-only log whose entries are chained by their digests."""
