"""Property: whatever the rules do, replay accepts it and reaches the same state."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bidding import session as rules
from bidding.ledger.replay import Known, replay
from bidding.ledger.standing import Standing, project
from bidding.messages import Phase
from bidding.session import ENDED, Session
from tests.ledgerkit import QUALIFIED, Played, terms

STEPS = st.sampled_from(
    [
        *["bid"] * 6,
        *(
            "priority",
            "wait",
            "silence",
            "set back",
            "suspend",
            "resume",
            "abort",
            "confirm abort",
            "notice",
            "recover",
            "confirm",
        ),
    ]
)


@st.composite
def auctions(draw: st.DrawFn) -> Played:
    played = Played(terms(match=draw(st.booleans()), confirm=draw(st.booleans())))
    played.until(draw(st.sampled_from([9_000, 10_100, 10_500])))
    for _ in range(draw(st.integers(1, 30))):
        step(played, draw(STEPS), draw(st.integers(1, 700)), draw(st.sampled_from(sorted(QUALIFIED))))
    return played


def step(played: Played, what: str, wait: int, paddle: str) -> None:
    model, lot = played.model, played.terms
    now = model.now + wait
    match what:
        case "bid":
            raised = played.session.price + 10 if played.session.bids else 100
            played.bid(paddle, raised, now)
        case "priority":
            played.bid("3003", max(100, played.session.price), now)
        case "wait":
            played.until(now)
        case "silence":
            played.touch(now + 1_100)
        case "set back":
            played.touch(max(1, model.now - 3_000))
        case "suspend":
            model.command(now, "r", lambda s, at: rules.suspend(lot, s, "故障", at))
        case "resume":
            model.command(now, "r", lambda s, at: rules.resume(lot, s, at + wait, at))
        case "abort":
            model.command(now, "r", lambda s, at: rules.request_abort(lot, s, "a", "故障", at))
        case "confirm abort":
            model.command(now, "r", lambda s, at: rules.confirm_abort(lot, s, "b", "故障", at))
        case "notice":
            model.command(now, "r", lambda s, at: rules.notice(lot, s, "公告", at))
        case "recover":
            model.observe(now, "r")
            if played.session.phase not in ENDED:
                model.session, happened = rules.recover(lot, played.session, model.clock.outage, now)
                model.public.append(happened)
        case "confirm":
            played.confirm(paddle, now)


def public_part(session: Session) -> Session:
    """What replay can know: not bid ids and refusals, and not the partition's outage number."""
    return replace(
        session, accepted={}, refused={}, recorded_refusals={}, privates=0, outage=0, abort_requested_by=""
    )


@settings(max_examples=100, deadline=None)
@given(auctions())
def test_replay_reproduces_the_state_of_any_auction(played: Played) -> None:
    known = Known(QUALIFIED, played.confirmed)
    replayed = replay(played.lines, known)
    assert replayed.findings == ()
    assert replayed.session is not None
    opened = any('"inquiry_opened"' in line for line in played.lines)
    expected = public_part(played.session)
    found = public_part(replayed.session)
    commitments = found.commitments if not opened else expected.commitments
    assert found == replace(expected, commitments=commitments)


@settings(max_examples=100, deadline=None)
@given(auctions())
def test_replay_without_the_private_facts_accepts_it_too(played: Played) -> None:
    assert replay(played.lines).findings == ()


@settings(max_examples=100, deadline=None)
@given(auctions())
def test_the_projection_follows_the_session(played: Played) -> None:
    standing = Standing()
    for event in played.model.public:
        standing = project(standing, event)
    session = played.session
    assert (standing.phase, standing.seq, standing.epoch) == (session.phase, session.seq, session.epoch)
    assert (standing.price, standing.leader, standing.bids) == (session.price, session.leader, session.bids)
    if session.phase in (Phase.INQUIRY, Phase.TIMED_BIDDING, Phase.SCHEDULED):
        assert standing.deadline == session.deadline
