"""Whose turn it is to seal a document of a sale. Pure.

    AWAITING_TRANSFEREE ─▶ AWAITING_TRANSFEROR ─▶ AWAITING_PLATFORM ─▶ SEALED

Each kind of paper goes the part of this way that its parties seal (`ORDER`): the confirmation all of it, the
contract without the platform, the award and the certificate with the platform alone.

An administrator may end one that is not sealed: REFUSED (a party does not seal), VOID (it was wrong). The
PDF leads: its seals move the states. The OFD is the same document for readers of that form; each party seals
it too, after its seal on the PDF, now or later.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from signing.documents import DocumentKind


class SaleState(StrEnum):
    AWAITING_TRANSFEREE = "awaiting_transferee"
    AWAITING_TRANSFEROR = "awaiting_transferor"
    AWAITING_PLATFORM = "awaiting_platform"
    SEALED = "sealed"
    REFUSED = "refused"
    VOID = "void"


_S = SaleState
TRANSITIONS: Final[Mapping[SaleState, frozenset[SaleState]]] = {
    _S.AWAITING_TRANSFEREE: frozenset({_S.AWAITING_TRANSFEROR, _S.REFUSED, _S.VOID}),
    _S.AWAITING_TRANSFEROR: frozenset({_S.AWAITING_PLATFORM, _S.SEALED, _S.REFUSED, _S.VOID}),
    _S.AWAITING_PLATFORM: frozenset({_S.SEALED, _S.REFUSED, _S.VOID}),
    _S.SEALED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.VOID: frozenset(),
}


class Paper(StrEnum):
    """What a document of a sale is."""

    CONFIRMATION = "confirmation"
    CONTRACT = "contract"
    AWARD = "award"
    """The record of who gets the lot at which price, and why."""
    CERTIFICATE = "certificate"


class Party(StrEnum):
    """Who seals; also the name of the place in the document."""

    TRANSFEREE = "transferee"
    TRANSFEROR = "transferor"
    PLATFORM = "platform"


TURN: Final[Mapping[SaleState, Party]] = {
    _S.AWAITING_TRANSFEREE: Party.TRANSFEREE,
    _S.AWAITING_TRANSFEROR: Party.TRANSFEROR,
    _S.AWAITING_PLATFORM: Party.PLATFORM,
}
ORDER: Final[Mapping[Paper, tuple[Party, ...]]] = {
    Paper.CONFIRMATION: (Party.TRANSFEREE, Party.TRANSFEROR, Party.PLATFORM),
    Paper.CONTRACT: (Party.TRANSFEREE, Party.TRANSFEROR),
    Paper.AWARD: (Party.PLATFORM,),
    Paper.CERTIFICATE: (Party.PLATFORM,),
}
"""Who seals, one after the other."""
AWAITING: Final[Mapping[Party, SaleState]] = {party: state for state, party in TURN.items()}
ENDED_BY_HAND: Final = frozenset({_S.REFUSED, _S.VOID})


class Overtaken(Exception):
    """The document went on in the meantime: somebody sealed, another tab did, or it was ended."""


def first_state(paper: Paper) -> SaleState:
    """In which state a new document of this kind is."""
    return AWAITING[ORDER[paper][0]]


def after(party: Party, paper: Paper = Paper.CONFIRMATION) -> SaleState:
    """The state that a party's seal on the PDF leads to."""
    order = ORDER[paper]
    later = order[order.index(party) + 1 :]
    return AWAITING[later[0]] if later else SaleState.SEALED


def after_sealing(
    state: SaleState, party: Party, kind: DocumentKind, paper: Paper = Paper.CONFIRMATION
) -> SaleState:
    """The state after a party's seal on a file. Raises Overtaken when it is not this party's turn."""
    if kind is DocumentKind.PDF:
        if TURN.get(state) is not party or party not in ORDER[paper]:
            raise Overtaken(state)
        return after(party, paper)
    if not has_sealed(state, party, paper):
        raise Overtaken(state)
    return state


def has_sealed(state: SaleState, party: Party, paper: Paper = Paper.CONFIRMATION) -> bool:
    """Whether the party's seal is on the PDF, as the state of a document that goes on tells."""
    order = ORDER[paper]
    if party not in order:
        return False
    if state is SaleState.SEALED:
        return True
    turn = TURN.get(state)
    return turn is not None and turn in order and order.index(party) < order.index(turn)
