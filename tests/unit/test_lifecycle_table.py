"""The table of the lifecycle against what the spec demands, written down a second time by hand.

The list below was taken from spec/trading.md and issue "The trading workflow", not from the table: who may do
what in which state, where it leads, what is published.
"""

from itertools import product

import pytest

from trading.lifecycle.states import Act, Actor, AnnouncementKind, LotState
from trading.lifecycle.table import FINAL, STAYS, TRANSITIONS, Need, acts_of, allowed, rows, targets

S, K = LotState, AnnouncementKind
CLOCK, ADMIN, OWNER = Actor.CLOCK, Actor.ADMINISTRATOR, Actor.TRANSFEROR
FINANCE, BIDDER = Actor.FINANCE, Actor.BIDDER

# act, state, state afterwards, who, what is published
DEMANDED = [
    # "The transferor enters the asset … An administrator reviews and publishes the announcement"
    (Act.SUBMIT, S.DRAFT, S.SUBMITTED, {OWNER}, None),
    (Act.RETURN, S.SUBMITTED, S.DRAFT, {ADMIN}, None),
    (Act.ANNOUNCE, S.SUBMITTED, S.ANNOUNCED, {ADMIN}, K.ANNOUNCEMENT),
    (Act.WITHDRAW, S.DRAFT, S.WITHDRAWN, {OWNER}, None),
    (Act.WITHDRAW, S.SUBMITTED, S.WITHDRAWN, {OWNER}, None),
    # "Corrections after publication are announced"; a provisional date is "shown so and recomputed"
    (Act.CORRECT, S.ANNOUNCED, S.ANNOUNCED, {ADMIN}, K.CORRECTION),
    (Act.CORRECT, S.EXTENDED, S.EXTENDED, {ADMIN}, K.CORRECTION),
    (Act.REDATE, S.ANNOUNCED, S.ANNOUNCED, {CLOCK}, K.SUPPLEMENTARY),
    (Act.REDATE, S.EXTENDED, S.EXTENDED, {CLOCK}, K.SUPPLEMENTARY),
    (Act.REDATE, S.PUBLICATION, S.PUBLICATION, {CLOCK}, K.SUPPLEMENTARY),
    # "A suspension states its reason publicly and resumes with notice"; objections within the announcement
    # or the result period may suspend
    *((Act.SUSPEND, s, S.SUSPENDED, {ADMIN}, K.SUSPENSION) for s in (S.ANNOUNCED, S.EXTENDED, S.EVALUATION)),
    *((Act.SUSPEND, s, S.SUSPENDED, {ADMIN}, K.SUSPENSION) for s in (S.NEGOTIATION, S.REVIEW, S.PUBLICATION)),
    *((Act.RESUME, S.SUSPENDED, s, {ADMIN}, K.RESUMPTION) for s in (S.ANNOUNCED, S.EXTENDED, S.EVALUATION)),
    *((Act.RESUME, S.SUSPENDED, s, {ADMIN}, K.RESUMPTION) for s in (S.NEGOTIATION, S.REVIEW, S.PUBLICATION)),
    # the transferor requests, an administrator withdraws; never once it is in auction
    *((Act.WITHDRAW, s, S.WITHDRAWN, {ADMIN}, K.WITHDRAWAL) for s in (S.ANNOUNCED, S.EXTENDED, S.EVALUATION)),
    *((Act.WITHDRAW, s, S.WITHDRAWN, {ADMIN}, K.WITHDRAWAL) for s in (S.NEGOTIATION, S.SUSPENDED)),
    (Act.ABORT, S.SUSPENDED, S.ABORTED, {ADMIN}, K.TERMINATION),
    # "End of the announcement"
    (Act.END_REGISTRATION, S.ANNOUNCED, S.EVALUATION, {CLOCK}, None),
    (Act.END_REGISTRATION, S.EXTENDED, S.EVALUATION, {CLOCK}, None),
    (Act.EXTEND, S.EVALUATION, S.EXTENDED, {CLOCK}, K.SUPPLEMENTARY),
    (Act.GO_TO_AUCTION, S.EVALUATION, S.IN_AUCTION, {CLOCK}, None),
    (Act.NEGOTIATE, S.EVALUATION, S.NEGOTIATION, {CLOCK}, None),
    (Act.FAIL, S.EVALUATION, S.UNSOLD, {CLOCK}, K.UNSOLD),
    # "the transferor enters the final price and uploads the meeting decision"
    (Act.AGREE_PRICE, S.NEGOTIATION, S.CONFIRMATION, {OWNER}, None),
    (Act.FAIL, S.NEGOTIATION, S.UNSOLD, {OWNER, ADMIN}, K.UNSOLD),
    # the auction's result, which nobody decides by hand
    (Act.HAMMER, S.IN_AUCTION, S.REVIEW, {CLOCK}, None),
    (Act.FAIL, S.IN_AUCTION, S.UNSOLD, {CLOCK}, K.UNSOLD),
    (Act.ABORT, S.IN_AUCTION, S.ABORTED, {CLOCK}, K.TERMINATION),
    # "Qualification review": accept, refuse with reason, next step by profile; priority `offer` mode
    (Act.OFFER_PRIORITY, S.REVIEW, S.PRIORITY_OFFER, {CLOCK}, None),
    (Act.ANSWER_PRIORITY, S.PRIORITY_OFFER, S.REVIEW, {BIDDER, CLOCK}, None),
    (Act.AWARD, S.REVIEW, S.CONFIRMATION, {ADMIN}, None),
    (Act.REFUSE_AWARD, S.REVIEW, S.REVIEW, {ADMIN}, None),
    (Act.REFUSE_AWARD, S.REVIEW, S.UNSOLD, {ADMIN}, K.UNSOLD),
    (Act.OFFER_NEXT, S.REVIEW, S.NEXT_OFFER, {CLOCK}, None),
    (Act.ANSWER_NEXT, S.NEXT_OFFER, S.REVIEW, {BIDDER, CLOCK}, None),
    (Act.ANSWER_NEXT, S.NEXT_OFFER, S.UNSOLD, {BIDDER, CLOCK}, K.UNSOLD),
    *((Act.DEFAULT, s, S.REVIEW, {ADMIN}, None) for s in (S.CONFIRMATION, S.CONTRACT, S.PAYMENT)),
    *((Act.DEFAULT, s, S.UNSOLD, {ADMIN}, K.UNSOLD) for s in (S.CONFIRMATION, S.CONTRACT, S.PAYMENT)),
    # confirmation, contract, money, result announcement, archive
    (Act.CONFIRM, S.CONFIRMATION, S.CONTRACT, {CLOCK}, None),
    (Act.CONTRACT_SEALED, S.CONTRACT, S.PAYMENT, {OWNER, CLOCK}, None),
    (Act.PAID, S.PAYMENT, S.PUBLICATION, {CLOCK, FINANCE, ADMIN}, K.RESULT),
    (Act.END_PUBLICATION, S.PUBLICATION, S.COMPLETED, {CLOCK}, None),
    (Act.ARCHIVE, S.COMPLETED, S.ARCHIVED, {CLOCK}, None),
]
NEEDED = {
    Act.RETURN: {Need.REASON},
    Act.SUSPEND: {Need.REASON},
    Act.RESUME: {Need.REASON},
    Act.CORRECT: {Need.REASON},
    Act.DEFAULT: {Need.REASON},
    Act.REFUSE_AWARD: {Need.REASON},
    Act.AGREE_PRICE: {Need.FINAL_PRICE, Need.MEETING_DECISION},
    Act.SUBMIT: {Need.PRICE_FLOOR, Need.RELIST_FLOOR, Need.DEPOSIT_SHARE},
    Act.ANNOUNCE: {Need.PRICE_FLOOR, Need.RELIST_FLOOR, Need.DEPOSIT_SHARE, Need.PROFILE, Need.DATES},
    Act.END_REGISTRATION: {Need.DUE},
    Act.END_PUBLICATION: {Need.DUE},
    Act.EXTEND: {Need.EXTENSION_LEFT},
    Act.HAMMER: {Need.RESULT_SOLD},
}


def found() -> list[tuple[Act, LotState, LotState, frozenset[Actor], AnnouncementKind | None]]:
    return [
        (act, before, after, row.who, row.announces)
        for act, several in TRANSITIONS.items()
        for row in several
        for before in row.before
        for after in targets(row, before)
    ]


def test_the_table_says_what_the_spec_demands_and_nothing_else() -> None:
    demanded = {(act, before, after, frozenset(who), kind) for act, before, after, who, kind in DEMANDED}
    assert len(demanded) == len(DEMANDED)
    assert set(found()) == demanded


@pytest.mark.parametrize("state", LotState)
def test_everything_else_is_refused_to_everybody(state: LotState) -> None:
    may = {(act, actor) for act, before, _, who, _ in DEMANDED if before is state for actor in who}
    for act, actor in product(Act, Actor):
        assert allowed(state, act, actor) == ((act, actor) in may), (state, act, actor)


@pytest.mark.parametrize("act", NEEDED)
def test_what_the_spec_asks_for_is_needed_on_every_way(act: Act) -> None:
    for row in TRANSITIONS[act]:
        assert NEEDED[act] <= set(row.needs), row


def test_an_administrator_who_withdraws_says_why() -> None:
    rows_of = [row for row in TRANSITIONS[Act.WITHDRAW] if Actor.ADMINISTRATOR in row.who]
    assert rows_of
    assert all(Need.REASON in row.needs for row in rows_of)


def test_two_rows_never_say_different_things_about_the_same_way() -> None:
    ways = [(act, before, after) for act, before, after, _, _ in found()]
    assert len(ways) == len(set(ways))


def test_what_is_over_stays_over() -> None:
    for state, act in product(FINAL, Act):
        assert not rows(act, state)


def test_every_other_state_leads_on_and_all_are_reached_from_a_draft() -> None:
    reached, new = {S.DRAFT}, {S.DRAFT}
    while new:
        new = {after for _, before, after, _, _ in found() if before in new} - reached
        reached |= new
    assert reached == set(LotState)
    for state in set(LotState) - FINAL:
        assert any(before is state and after is not state for _, before, after, _, _ in found()), state


def test_acts_that_stay_keep_the_state() -> None:
    for act in STAYS:
        for row in TRANSITIONS[act]:
            assert all(targets(row, before) == {before} for before in row.before)


def test_a_page_asks_for_the_acts_of_a_person() -> None:
    assert acts_of(S.SUBMITTED, Actor.ADMINISTRATOR) == (Act.RETURN, Act.ANNOUNCE)
    assert acts_of(S.ARCHIVED, Actor.ADMINISTRATOR) == ()
