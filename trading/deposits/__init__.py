"""Deposits: sub-accounts, matching, refunds, forfeiture."""
