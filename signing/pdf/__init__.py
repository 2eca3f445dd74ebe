"""Seals in PDF files: the hole, the seal's picture, reading, and what was added after a seal."""
