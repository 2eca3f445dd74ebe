"""Load tests and measurements; nothing of it is shipped. Loopback only."""
