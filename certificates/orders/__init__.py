"""Orders for certificate services: one mechanism for all of them. Channels differ by data alone."""
