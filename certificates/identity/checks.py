"""The checks of an order: one mechanism with those of market subjects, office/identity_checks.py."""

from office.identity_checks import (
    LIVES,
    MOST_IN_A_DAY,
    TRIES,
    IdentityOutcome,
    TooManyChecks,
    make_stale,
    of,
    prove_transfer,
    remember,
    require_room,
)

__all__ = [
    "LIVES",
    "MOST_IN_A_DAY",
    "TRIES",
    "IdentityOutcome",
    "TooManyChecks",
    "make_stale",
    "of",
    "prove_transfer",
    "remember",
    "require_room",
]
