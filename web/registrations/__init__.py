"""Pages of registrations and of one's own trades."""
