"""The bottom of the house: accounts, sessions, and the sealed link between persons and paddles."""
