"""The life of a lot, from draft to archive: one table of states and transitions, and what performs them."""
