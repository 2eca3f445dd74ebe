"""The states of a request to the authority and of a certificate, as tables. Pure.

Writing into a UKey, step by step; process, browser, assistant or machine may end at any of them:

    order APPROVED     job 1 is given out: nothing is kept, it is given out again
    key in the UKey    the key is there, the request is not: job 1 again signs with that key
    ASKED              the authority's round answers it, once, however often it is killed
    ANSWERED           certificate and seal are made: job 2 is given out, again and again; for a new UKey with
                       its first PIN, drawn once (pins.py) and encrypted to the assistant that asks
    in the UKey        job 2 again finds it, reads it back and signs the receipt
    WRITTEN            with the order's ISSUED, in one transaction

Until job 2 has written the own certificate into the UKey, the former one is the one that it uses.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from certificates.catalogue.scope import Service

CHOOSES_AUTHORITY: Final = frozenset({Service.ISSUE, Service.ADDITIONAL, Service.CONVERT})
"""Services whose order says who issues; every other one goes on where the former certificate was issued."""


class RequestKind(StrEnum):
    CERTIFICATE = "certificate"
    REVOCATION = "revocation"
    AUTHORIZATION = "authorization"
    """To unlock a UKey: its code, encrypted to one assistant."""
    FIRST_PIN = "first_pin"
    """For a new UKey: its first PIN, and the code that sets it, encrypted to the assistant that writes it."""


class RequestState(StrEnum):
    ASKED = "asked"
    ANSWERED = "answered"
    REFUSED = "refused"
    """The authority does not: `refusal` says why."""
    WRITTEN = "written"
    """The UKey has it: a receipt was signed by its key."""
    ABANDONED = "abandoned"
    """Another UKey took its place, also after it was written, or the order did not go on; a certificate that
    was made is revoked."""


REQUESTS: Final[Mapping[RequestState, frozenset[RequestState]]] = {
    RequestState.ASKED: frozenset({RequestState.ANSWERED, RequestState.REFUSED, RequestState.ABANDONED}),
    RequestState.ANSWERED: frozenset({RequestState.WRITTEN, RequestState.ABANDONED}),
    RequestState.REFUSED: frozenset(),
    RequestState.WRITTEN: frozenset({RequestState.ABANDONED}),
    RequestState.ABANDONED: frozenset(),
}
OPEN: Final = frozenset({RequestState.ASKED, RequestState.ANSWERED})


class Holding(StrEnum):
    """A certificate, as the platform knows it."""

    MADE = "made"
    """By the authority; no UKey is known to have it."""
    WRITTEN = "written"
    FOLLOWED = "followed"
    """Its renewal took its place in the UKey."""
    REVOKED = "revoked"


HOLDINGS: Final[Mapping[Holding, frozenset[Holding]]] = {
    Holding.MADE: frozenset({Holding.WRITTEN, Holding.REVOKED}),
    Holding.WRITTEN: frozenset({Holding.FOLLOWED, Holding.REVOKED}),
    Holding.FOLLOWED: frozenset({Holding.REVOKED}),
    Holding.REVOKED: frozenset(),
}


def before(after: Holding) -> tuple[str, ...]:
    """The states from which a certificate gets to this one, for a condition."""
    return tuple(str(state) for state, to in HOLDINGS.items() if after in to)
