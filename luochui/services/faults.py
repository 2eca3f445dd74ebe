"""The root of the errors that a person can repair."""


class Repairable(Exception):
    """Something the person who runs luochui can put right; its text says what is wrong and what to do."""
