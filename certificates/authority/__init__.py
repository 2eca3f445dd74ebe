"""The demonstration's certificate authority. It has no legal standing, and says so in every name."""
