"""The life of an order: every act that is allowed, every other one refused, for every role; and the steps."""

import itertools

import pytest

from certificates.catalogue.model import ChannelRules, Step
from certificates.catalogue.reading import read_channel
from certificates.catalogue.scope import Case
from certificates.catalogue.store import BESIDES, shipped
from certificates.orders.states import OrderAct as A
from certificates.orders.states import OrderActor as W
from certificates.orders.states import OrderState as S
from certificates.orders.steps import FILLED, next_state, to_fill
from certificates.orders.table import FINAL, STAYS, TRANSITIONS, acts_of, row_for

ALLOWED: dict[W, dict[S, set[A]]] = {
    W.APPLICANT: {
        S.FILLING: {A.SAVE, A.CONFIRM, A.CANCEL},
        S.AWAITING_MATERIAL: {A.SAVE, A.CHANGE, A.FINISH_MATERIAL, A.CANCEL},
        S.AWAITING_CONSENT: {A.CHANGE, A.CONSENT, A.CANCEL},
        S.AWAITING_IDENTITY: {A.CHANGE, A.IDENTIFY, A.CANCEL},
        S.AWAITING_PAYMENT: {A.SAVE, A.CHANGE, A.CANCEL},
        S.AWAITING_PAPER: {A.CANCEL},
        S.IN_REVIEW: {A.CANCEL},
        S.SECOND_REVIEW: {A.CANCEL},
        S.RETURNED: {A.SAVE, A.RESUBMIT, A.CANCEL},
        S.APPROVED: {A.BEGIN_ISSUE},
        S.ISSUING: {A.FAIL_ISSUE},
        S.SHIPPED: {A.RECEIVE},
    },
    W.CLERK: {
        S.AWAITING_MATERIAL: {A.REJECT, A.REVERSE_PAYMENT},
        S.AWAITING_CONSENT: {A.REJECT, A.REVERSE_PAYMENT},
        S.AWAITING_IDENTITY: {A.REJECT, A.REVERSE_PAYMENT},
        S.RETURNED: {A.REJECT},
        S.AWAITING_PAYMENT: {A.PAID, A.RECEIVE_PAPER, A.RETURN},
        S.AWAITING_PAPER: {A.RECEIVE_PAPER, A.TAKE, A.PUT_BACK, A.RETURN, A.REJECT, A.REVERSE_PAYMENT},
        S.IN_REVIEW: {A.TAKE, A.PUT_BACK, A.APPROVE, A.RETURN, A.REJECT, A.REVERSE_PAYMENT},
        S.SECOND_REVIEW: {A.TAKE, A.PUT_BACK, A.APPROVE, A.RETURN, A.REJECT, A.REVERSE_PAYMENT},
        S.APPROVED: {A.REVERSE, A.BEGIN_ISSUE},
        S.ISSUING: {A.FAIL_ISSUE, A.ISSUED},
        S.AWAITING_COLLECTION: {A.HAND_OVER, A.REISSUE},
        S.AWAITING_DELIVERY: {A.SHIP, A.HAND_OVER, A.REISSUE},
        S.SHIPPED: {A.RECEIVE, A.REISSUE},
        S.DONE: {A.REVERSE_HAND_OVER},
        S.REJECTED: {A.REVERSE_REJECTION},
    },
    W.FINANCE: {S.AWAITING_PAYMENT: {A.PAID}},
    W.CLOCK: {
        S.FILLING: {A.EXPIRE},
        S.AWAITING_MATERIAL: {A.EXPIRE},
        S.AWAITING_CONSENT: {A.EXPIRE},
        S.AWAITING_IDENTITY: {A.IDENTIFY, A.EXPIRE},
        S.AWAITING_PAYMENT: {A.PAID, A.EXPIRE},
        S.AWAITING_PAPER: {A.EXPIRE},
        S.IN_REVIEW: {A.APPROVE, A.REJECT},
        S.RETURNED: {A.EXPIRE},
        S.APPROVED: {A.BEGIN_ISSUE, A.EXPIRE},
        S.ISSUING: {A.FAIL_ISSUE, A.ISSUED, A.EXPIRE},
        S.SHIPPED: {A.RECEIVE},
    },
}


@pytest.mark.parametrize("who", W)
def test_every_act_is_allowed_where_it_says_and_refused_everywhere_else(who: W) -> None:
    for state, act in itertools.product(S, A):
        expected = act in ALLOWED[who].get(state, set())
        assert (row_for(act, state, who) is not None) is expected, (who, state, act)
        assert (act in acts_of(state, who)) is expected


def test_nothing_leads_out_of_an_end_but_a_clerks_mistake_taken_back() -> None:
    for state, who in itertools.product(FINAL, W):
        assert set(acts_of(state, who)) <= {A.REVERSE_HAND_OVER, A.REVERSE_REJECTION}


def test_every_state_is_reached_and_every_act_has_a_row() -> None:
    reached = {state for rows in TRANSITIONS.values() for row in rows for state in row.after}
    assert reached == set(S)
    assert {act for act in A if not TRANSITIONS[act]} == {A.BEGIN}


def test_what_stays_leads_nowhere() -> None:
    for act in STAYS:
        for row in TRANSITIONS[act]:
            assert row.before == row.after


def _channels() -> dict[str, ChannelRules]:
    return {key: read_channel(content) for key, content in shipped().items() if key not in BESIDES}


def test_the_steps_of_every_channel_lead_through_rows_of_the_table() -> None:
    """Whatever a channel's data say, every act on its way has a target that the table knows."""
    seen = 0
    for key, rules in _channels().items():
        for route in rules.routes:
            seen += 1
            _walk(key, route.steps)
    assert seen > 5


def _walk(key: str, steps: tuple[Step, ...]) -> None:
    acts = {
        S.AWAITING_MATERIAL: (A.FINISH_MATERIAL, W.APPLICANT),
        S.AWAITING_CONSENT: (A.CONSENT, W.APPLICANT),
        S.AWAITING_IDENTITY: (A.IDENTIFY, W.APPLICANT),
        S.AWAITING_PAYMENT: (A.PAID, W.CLOCK),
        S.AWAITING_PAPER: (A.RECEIVE_PAPER, W.CLERK),
        S.IN_REVIEW: (A.APPROVE, W.CLERK),
        S.APPROVED: (A.BEGIN_ISSUE, W.CLERK),
        S.ISSUING: (A.ISSUED, W.CLERK),
        S.AWAITING_COLLECTION: (A.HAND_OVER, W.CLERK),
        S.AWAITING_DELIVERY: (A.SHIP, W.CLERK),
        S.SHIPPED: (A.RECEIVE, W.CLERK),
    }
    for collected in (False, True):
        state, act, who, done = S.FILLING, A.CONFIRM, W.APPLICANT, set(FILLED)
        for _ in range(20):
            row = row_for(act, state, who)
            assert row is not None
            done |= row.does
            single = next(iter(row.after)) if len(row.after) == 1 else None
            after = single or next_state(steps, done, collected=collected)
            assert after in row.after, (key, steps, act, state, after)
            state = after
            if state is S.DONE:
                break
            act, who = acts[state]
        assert state is S.DONE, (key, steps, state)


def test_the_form_always_ends_with_the_confirming_page() -> None:
    assert to_fill((Step.DETAILS, Step.UPLOADS)) == (Step.DETAILS, Step.CONFIRM)
    assert to_fill((Step.CONFIRM, Step.DETAILS)) == (Step.DETAILS, Step.CONFIRM)


def test_a_case_that_a_channel_does_not_offer_has_no_route_that_would_begin() -> None:
    from certificates.catalogue.model import Service, SubjectKind, Way

    rules = _channels()["hunan_shared"]
    assert rules.offer(Case(service=Service.REVOKE, subject=SubjectKind.ORGANIZATION, way=Way.ONLINE)) is None
