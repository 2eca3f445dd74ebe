"""The ledger: the log copied, chained and signed; settlement, receipts, files, replay, recovery."""
