"""Certificate services: what supports the sealing."""
