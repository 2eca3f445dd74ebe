"""State as the script keeps it in Redis <-> terms, session and service clock."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from bidding.clock import Outage, OutageCause, ServiceClock
from bidding.messages import (
    Answer,
    BidAccepted,
    BidRejected,
    Cause,
    Commitments,
    Phase,
    commitments_line,
    parse,
    terms_from,
    terms_line,
)
from bidding.session import Session
from bidding.terms import Fen, InquiryMode, PriorityMode, Terms


def mapping(flat: list[bytes]) -> dict[str, str]:
    """A reply of HGETALL as a mapping of texts."""
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}


def decode_clock(state: list[bytes], leases: list[bytes], outages: list[bytes]) -> ServiceClock:
    """The service clock that these three keys stand for."""
    fields, ended = mapping(state), mapping(outages)
    return ServiceClock(
        last=int(fields.get("last", 0)),
        beat=int(fields.get("beat", 0)),
        steady_since=int(fields.get("steady_since", 0)),
        ledger=int(fields.get("ledger", 0)),
        run=fields.get("run", ""),
        outages=tuple(_outage(ended[str(number)]) for number in range(1, int(fields.get("outage", 0)) + 1)),
        leases={name: int(float(at)) for name, at in mapping(leases).items()},
    )


def _outage(text: str) -> Outage:
    since, until, cause = text.split(":")
    return Outage(int(since), int(until), OutageCause(cause))


def decode(
    state: Mapping[str, str],
    answers: Mapping[str, str],
    qualified: Mapping[str, str],
    confirmed: Iterable[bytes],
    refused_ids: Mapping[str, tuple[str, ...]],
) -> tuple[Terms, Session]:
    """The terms and the session that a lot's keys stand for."""
    known = {
        (name.split(":")[1], name.split(":")[2]): parse(value.split(" ", 1)[1])
        for name, value in answers.items()
        if name.startswith("b:")
    }
    numbers = {
        name: int(state.get(name, 0))
        for name in (
            *("deadline", "epoch", "seq", "leader_rank", "bids", "outage"),
            *("resumes_at", "outage_since", "privates"),
        )
    }
    session = Session(
        phase=Phase(state["phase"]),
        commitments=Commitments(**json.loads(state["commitments"])),
        qualified={paddle: int(rank) for paddle, rank in qualified.items()},
        price=Fen(int(state.get("price", 0))),
        leader=state.get("leader", ""),
        suspended_from=Phase(state["suspended_from"]) if state.get("suspended_from") else None,
        cause=Cause(state["cause"]) if state.get("cause") else None,
        abort_requested_by=state.get("abort_requested_by", ""),
        confirmations=state.get("confirmations", ""),
        settled=state.get("settled") == "1",
        confirmed=frozenset(paddle.decode() for paddle in confirmed),
        accepted={key: answer for key, answer in known.items() if isinstance(answer, BidAccepted)},
        refused={
            paddle: tuple((bid_id, _refusal(known[paddle, bid_id])) for bid_id in ids)
            for paddle, ids in refused_ids.items()
            if ids
        },
        recorded_refusals={
            name.removeprefix("n:"): int(count) for name, count in answers.items() if name.startswith("n:")
        },
        **numbers,
    )
    return terms_from(json.loads(state["terms"])), session


def _refusal(answer: Answer) -> BidRejected:
    if not isinstance(answer, BidRejected):
        raise AssertionError("a refused id has another answer")
    return answer


def encode(terms: Terms, session: Session) -> dict[str, str]:
    """The hash of a lot, as the script keeps it (recovery writes it; `decode` reads it)."""
    raw = asdict(session)
    names = (
        *("phase", "deadline", "epoch", "seq", "price", "leader", "leader_rank", "bids", "outage"),
        *(
            "suspended_from",
            "cause",
            "resumes_at",
            "outage_since",
            "abort_requested_by",
            "privates",
            "confirmations",
        ),
    )
    state = {name: "" if raw[name] is None else str(raw[name]) for name in names}
    return state | {
        "settled": "1" if session.settled else "",
        "lot": terms.lot,
        "terms": terms_line(terms),
        "commitments": commitments_line(session.commitments),
        "starting_price": str(terms.starting_price),
        "increment": str(terms.increment),
        "max_steps": str(terms.max_steps),
        "inquiry_ms": str(terms.inquiry_ms),
        "window_ms": str(terms.window_ms),
        "confirm": "1" if terms.inquiry_mode is InquiryMode.CONFIRM else "0",
        "match": "1" if terms.priority_mode is PriorityMode.MATCH else "0",
        "self_raise": "1" if terms.self_raise else "0",
    }
