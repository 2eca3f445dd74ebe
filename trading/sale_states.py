"""Whose turn it is to seal a document of a sale. Pure.

    AWAITING_TRANSFEREE ─▶ AWAITING_TRANSFEROR ─▶ AWAITING_PLATFORM ─▶ SEALED

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
    _S.AWAITING_TRANSFEROR: frozenset({_S.AWAITING_PLATFORM, _S.REFUSED, _S.VOID}),
    _S.AWAITING_PLATFORM: frozenset({_S.SEALED, _S.REFUSED, _S.VOID}),
    _S.SEALED: frozenset(),
    _S.REFUSED: frozenset(),
    _S.VOID: frozenset(),
}


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
AFTER: Final[Mapping[Party, SaleState]] = {
    Party.TRANSFEREE: _S.AWAITING_TRANSFEROR,
    Party.TRANSFEROR: _S.AWAITING_PLATFORM,
    Party.PLATFORM: _S.SEALED,
}
ENDED_BY_HAND: Final = frozenset({_S.REFUSED, _S.VOID})


class Overtaken(Exception):
    """The document went on in the meantime: somebody sealed, another tab did, or it was ended."""


def after_sealing(state: SaleState, party: Party, kind: DocumentKind) -> SaleState:
    """The state after a party's seal on a file. Raises Overtaken when it is not this party's turn."""
    if kind is DocumentKind.PDF:
        if TURN.get(state) is not party:
            raise Overtaken(state)
        return AFTER[party]
    if not has_sealed(state, party):
        raise Overtaken(state)
    return state


def has_sealed(state: SaleState, party: Party) -> bool:
    """Whether the party's seal is on the PDF, as the state of a document that goes on tells."""
    if state is SaleState.SEALED:
        return True
    turn, order = TURN.get(state), list(Party)
    return turn is not None and order.index(party) < order.index(turn)
