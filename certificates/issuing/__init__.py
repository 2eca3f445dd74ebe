"""From an approved order to a certificate in a UKey, and who holds what."""
