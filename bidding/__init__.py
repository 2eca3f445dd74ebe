"""The live auction: its rules, the book that decides atomically, the log, the ledger and the gateway."""
