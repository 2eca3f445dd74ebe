"""Pages of the certificate services."""
