"""Keeping it running: backup, restore, readiness, disk alarm, doctor."""
