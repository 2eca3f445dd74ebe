"""Sealing in the browser: one flow for whatever is sealed, and what is particular to the papers of sales.

page ── POST prepare ──▶ job ──▶ assistant ── GET each file (one time) ──▶ person, one PIN, UKey
page ◀───────────────────────── sealings ── POST seal ──▶ judged, stamped, kept, next state
"""
