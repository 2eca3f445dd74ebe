"""Messages to persons: written with the act that causes them, delivered once, in both languages."""
