"""Pages after the auction: review, contract, payment, archive."""
