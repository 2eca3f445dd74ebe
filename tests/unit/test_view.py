"""The public view of a lot: folded from its entries, it equals the public side of the rules' session."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bidding import clock as clocks
from bidding import session as rules
from bidding.clock import Tolerances
from bidding.gateway.view import LotView, Step, Track, kind_of, paddle_in, reason_of
from bidding.ledger.standing import Standing
from bidding.messages import Commitments, Phase, PlaceBid, line
from bidding.terms import Fen, InquiryMode, Terms
from tests.model import Model

COMMITMENTS = Commitments(qualified="aa", reserve="bb", private="cc")
COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(
            *[
                (
                    *("touch", "touch", "bid", "bid", "beat", "beat", "beat"),
                    *("suspend", "resume", "request_abort", "confirm_abort", "notice", "settle"),
                )
            ]
        ),
        st.integers(0, 900),
        st.integers(0, 3),
    ),
    max_size=60,
)


def _do(terms: Terms, number: int, model: Model, time: int, command: str) -> None:
    run = "r"
    match command:
        case "beat":
            model.service(time, run, lambda clock, now: clocks.recorded(clock, 0, now))
            model.service(time, run, lambda clock, now: clocks.beat(clock, model.tolerances, "g", now))
        case "bid":
            current = model.session.price if model.session and model.session.bids else 900
            model.bid(time, run, PlaceBid(f"100{number}", f"id-{time}-{number}", Fen(current + 100)))
        case "suspend":
            model.command(time, run, lambda it, now: rules.suspend(terms, it, "公告", now))
        case "resume":
            model.command(time, run, lambda it, now: rules.resume(terms, it, now + 500, now))
        case "request_abort":
            model.command(time, run, lambda it, now: rules.request_abort(terms, it, "a", "x", now))
        case "confirm_abort":
            model.command(time, run, lambda it, now: rules.confirm_abort(terms, it, "b", "x", now))
        case "notice":
            model.command(time, run, lambda it, now: rules.notice(terms, it, "x", now))
        case "settle":
            sold = bool(model.session and model.session.leader)
            model.command(time, run, lambda it, now: rules.settle(terms, it, {}, sold=sold, now=now))
        case _:
            model.command(time, run, lambda it, now: (it, rules.Done()))


@given(COMMANDS)
def test_the_fold_equals_the_public_side_of_the_session(commands: list[tuple[str, int, int]]) -> None:
    terms = Terms(
        "XX-1", Fen(1000), Fen(100), inquiry_ms=500, window_ms=900, inquiry_mode=InquiryMode.PASSIVE
    )
    model = Model(terms, Tolerances(steady_ms=400, resume_after_ms=600))
    time = 1_700_000_000_000
    model.schedule(time, "r", time + 100, COMMITMENTS, {f"100{number}": 0 for number in range(4)})
    standing = Standing(seq=1, deadline=time + 100)
    track = Track(LotView(lot="XX-1", terms="{}", confirms=False, standing=standing))
    seen = 1
    for command, passed, number in commands:
        time += passed
        _do(terms, number, model, time, command)
        for entry in model.public[seen:]:
            fed = track.feed(entry.epoch, entry.seq, entry.kind, line(entry).encode())
            assert fed is Step.NEXT
        seen = len(model.public)
        session = model.session
        assert session is not None
        if number == 0:
            _same(track.view, session)
    assert model.session is not None
    _same(track.view, model.session)


def _same(view: LotView, session: rules.Session) -> None:
    public = (view.cause, view.suspended_from, view.resumes_at, view.settled)
    assert public == (session.cause, session.suspended_from, session.resumes_at, session.settled)
    seen = replace(view.standing, closed_at=None, sold=None, winner="")
    assert seen == Standing(
        phase=session.phase,
        epoch=session.epoch,
        seq=session.seq,
        price=session.price,
        leader=session.leader,
        bids=session.bids,
        deadline=session.deadline,
    )


def test_a_line_tells_its_kind_paddle_and_reason_without_being_parsed() -> None:
    accepted = (
        b'{"at":1,"bids":1,"deadline":5,"epoch":1,"kind":"bid_accepted","lot":"X","paddle":"1001","price":5}'
    )
    assert (kind_of(accepted), paddle_in(accepted), reason_of(accepted)) == ("bid_accepted", "1001", None)
    rejected = b'{"at":1,"kind":"bid_rejected","paddle":"1001","price":5,"reason":"off_grid"}'
    assert (kind_of(rejected), reason_of(rejected)) == ("bid_rejected", "off_grid")


def test_entries_of_an_older_epoch_are_known() -> None:
    standing = Standing(phase=Phase.TIMED_BIDDING, epoch=2, seq=5)
    track = Track(LotView(lot="XX-1", terms="{}", confirms=False, standing=standing))
    assert track.feed(1, 6, "notice", b"{}") is Step.KNOWN
