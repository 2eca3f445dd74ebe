"""After the auction: review, award, contract, payment, result, certificate, archive."""
