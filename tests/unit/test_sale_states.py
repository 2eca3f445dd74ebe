"""Whose turn it is to seal: the table, and what follows from it."""

import pytest

from signing.documents import DocumentKind
from trading.sale_states import (
    ENDED_BY_HAND,
    TRANSITIONS,
    TURN,
    Overtaken,
    Party,
    SaleState,
    after,
    after_sealing,
    has_sealed,
)


def test_every_state_is_in_the_table_and_reachable() -> None:
    assert set(TRANSITIONS) == set(SaleState)
    reached, ahead = set(), [SaleState.AWAITING_TRANSFEREE]
    while ahead:
        state = ahead.pop()
        if state not in reached:
            reached.add(state)
            ahead += TRANSITIONS[state]
    assert reached == set(SaleState)


def test_each_seal_is_a_step_of_the_table() -> None:
    for state, party in TURN.items():
        assert after_sealing(state, party, DocumentKind.PDF) is after(party)
        assert after(party) in TRANSITIONS[state]


def test_what_was_ended_or_sealed_stays_so() -> None:
    for state in (*ENDED_BY_HAND, SaleState.SEALED):
        assert not TRANSITIONS[state]
        assert state not in TURN


@pytest.mark.parametrize("party", Party)
@pytest.mark.parametrize("state", SaleState)
def test_nobody_seals_the_pdf_out_of_turn(state: SaleState, party: Party) -> None:
    if TURN.get(state) is party:
        return
    with pytest.raises(Overtaken):
        after_sealing(state, party, DocumentKind.PDF)


@pytest.mark.parametrize("party", Party)
@pytest.mark.parametrize("state", SaleState)
def test_the_ofd_follows_ones_own_seal_on_the_pdf_and_moves_nothing(state: SaleState, party: Party) -> None:
    if has_sealed(state, party):
        assert after_sealing(state, party, DocumentKind.OFD) is state
    else:
        with pytest.raises(Overtaken):
            after_sealing(state, party, DocumentKind.OFD)


def test_who_has_sealed_is_told_by_the_state() -> None:
    assert [party for party in Party if has_sealed(SaleState.AWAITING_PLATFORM, party)] == [
        Party.TRANSFEREE,
        Party.TRANSFEROR,
    ]
    assert all(has_sealed(SaleState.SEALED, party) for party in Party)
    assert not any(has_sealed(SaleState.VOID, party) for party in Party)
