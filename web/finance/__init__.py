"""Pages of finance: statements, deposits, refunds."""
