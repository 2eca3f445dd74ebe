"""The lifecycle of a listing as one table: who may do what, what must be true, what is announced, who hears.

Pure. `performing.perform` carries it out; no other code changes a state. docs/lifecycle.md is made from it.
Source: spec/trading.md, "From listing to archive".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trading.lifecycle.states import Act, Actor, AnnouncementKind, Audience, LotState

_S = LotState
_A = AnnouncementKind


class Need(StrEnum):
    """What must be true besides state and actor; `performing` knows how each is looked up."""

    REASON = "reason"
    """A reason in words, within bounds, which is shown to those who are told."""
    PROFILE = "profile"
    """A published rule profile of the class and the method."""
    PRICE_FLOOR = "price_floor"
    """The starting price against the valuation, or the approval document (facts["approval_document"])."""
    RELIST_FLOOR = "relist_floor"
    """Relisted: the starting price against the old one."""
    DEPOSIT_SHARE = "deposit_share"
    """The deposit is within the profile's share of the starting price."""
    DATES = "dates"
    """Start before end before opening, and the period is as long as the profile says."""
    DUE = "due"
    """The date has come, and is not provisional."""
    NOT_OVER = "not_over"
    """The end of registration has not come yet."""
    EXTENSION_LEFT = "extension_left"
    FINAL_PRICE = "final_price"
    """At least the starting price."""
    MEETING_DECISION = "meeting_decision"
    """Uploaded: facts["meeting_decision"] is the digest of the kept file."""
    RESULT_SOLD = "result_sold"
    """The ledger's sealed result says sold."""
    RESULT_UNSOLD = "result_unsold"
    RESULT_ABORTED = "result_aborted"
    NEXT_IS_OFFERED = "next_is_offered"
    """The profile offers the lot to the next bidder after a refusal or a default; or a priority right lapses
    with its holder's refusal, and the highest bidder's turn has come."""
    PRIORITY_IS_OFFERED = "priority_is_offered"
    """The lot was auctioned in the priority mode `offer`, and the right was not offered yet."""
    BEFORE_AUCTION = "before_auction"
    """Suspended before anything was auctioned."""
    AFTER_AUCTION = "after_auction"
    """Suspended when there was a result already."""


class Dating(StrEnum):
    """What an act does to the dates of a listing (dates.py)."""

    KEEP = "keep"
    ANNOUNCE = "announce"
    CORRECT = "correct"
    EXTEND = "extend"
    RESUME = "resume"
    OPEN = "open"
    REDATE = "redate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row. `after` has several states only where `resume_state` or `before` says which."""

    act: Act
    before: frozenset[LotState]
    after: frozenset[LotState]
    who: frozenset[Actor]
    needs: tuple[Need, ...] = ()
    dating: Dating = Dating.KEEP
    announces: AnnouncementKind | None = None
    tells: frozenset[Audience] = frozenset()


REGISTERING: Final = frozenset({_S.ANNOUNCED, _S.EXTENDED})
BEFORE_AUCTION: Final = REGISTERING | {_S.EVALUATION, _S.NEGOTIATION}
SUSPENDABLE: Final = BEFORE_AUCTION | {_S.REVIEW, _S.PUBLICATION}
FINAL: Final = frozenset({_S.ARCHIVED, _S.UNSOLD, _S.WITHDRAWN, _S.ABORTED})
STAYS: Final = frozenset({Act.CORRECT, Act.REDATE})
"""Acts that leave a lot in the state it was in."""


def _row(
    act: Act,
    before: LotState | frozenset[LotState],
    after: LotState | frozenset[LotState],
    who: Actor | frozenset[Actor],
    *needs: Need,
    dating: Dating = Dating.KEEP,
    announces: AnnouncementKind | None = None,
    tells: tuple[Audience, ...] = (),
) -> Transition:
    return Transition(
        act=act,
        before=frozenset({before}) if isinstance(before, LotState) else before,
        after=frozenset({after}) if isinstance(after, LotState) else after,
        who=frozenset({who}) if isinstance(who, Actor) else who,
        needs=needs,
        dating=dating,
        announces=announces,
        tells=frozenset(tells),
    )


_ADMINISTRATOR, _TRANSFEROR, _CLOCK = Actor.ADMINISTRATOR, Actor.TRANSFEROR, Actor.CLOCK
_ADMINISTRATORS, _OWNER = Audience.ADMINISTRATORS, Audience.TRANSFEROR
_REGISTRANTS, _WINNER, _FINANCE = Audience.REGISTRANTS, Audience.WINNER, Audience.FINANCE
_SOUND: Final = (Need.PROFILE, Need.PRICE_FLOOR, Need.RELIST_FLOOR, Need.DEPOSIT_SHARE)

_ROWS: Final = (
    # ── listing ──
    _row(Act.SUBMIT, _S.DRAFT, _S.SUBMITTED, _TRANSFEROR, *_SOUND, tells=(_ADMINISTRATORS,)),
    _row(Act.RETURN, _S.SUBMITTED, _S.DRAFT, _ADMINISTRATOR, Need.REASON, tells=(_OWNER,)),
    _row(
        Act.ANNOUNCE,
        _S.SUBMITTED,
        _S.ANNOUNCED,
        _ADMINISTRATOR,
        *_SOUND,
        Need.DATES,
        dating=Dating.ANNOUNCE,
        announces=_A.ANNOUNCEMENT,
        tells=(_OWNER,),
    ),
    _row(Act.WITHDRAW, frozenset({_S.DRAFT, _S.SUBMITTED}), _S.WITHDRAWN, _TRANSFEROR),
    # ── the announcement ──
    _row(
        Act.CORRECT,
        REGISTERING,
        REGISTERING,
        _ADMINISTRATOR,
        Need.REASON,
        Need.NOT_OVER,
        *_SOUND,
        dating=Dating.CORRECT,
        announces=_A.CORRECTION,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.REDATE,
        frozenset({*REGISTERING, _S.PUBLICATION}),
        frozenset({*REGISTERING, _S.PUBLICATION}),
        _CLOCK,
        dating=Dating.REDATE,
        announces=_A.SUPPLEMENTARY,
        tells=(_OWNER, _REGISTRANTS, _ADMINISTRATORS),
    ),
    _row(
        Act.SUSPEND,
        SUSPENDABLE,
        _S.SUSPENDED,
        _ADMINISTRATOR,
        Need.REASON,
        announces=_A.SUSPENSION,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.RESUME,
        _S.SUSPENDED,
        SUSPENDABLE,
        _ADMINISTRATOR,
        Need.REASON,
        dating=Dating.RESUME,
        announces=_A.RESUMPTION,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.WITHDRAW,
        BEFORE_AUCTION,
        _S.WITHDRAWN,
        _ADMINISTRATOR,
        Need.REASON,
        announces=_A.WITHDRAWAL,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.WITHDRAW,
        _S.SUSPENDED,
        _S.WITHDRAWN,
        _ADMINISTRATOR,
        Need.REASON,
        Need.BEFORE_AUCTION,
        announces=_A.WITHDRAWAL,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.ABORT,
        _S.SUSPENDED,
        _S.ABORTED,
        _ADMINISTRATOR,
        Need.REASON,
        Need.AFTER_AUCTION,
        announces=_A.TERMINATION,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(Act.END_REGISTRATION, REGISTERING, _S.EVALUATION, _CLOCK, Need.DUE, tells=(_FINANCE,)),
    # ── its end: the table of the spec, decided by ending.decide_end ──
    _row(
        Act.EXTEND,
        _S.EVALUATION,
        _S.EXTENDED,
        _CLOCK,
        Need.EXTENSION_LEFT,
        dating=Dating.EXTEND,
        announces=_A.SUPPLEMENTARY,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.GO_TO_AUCTION,
        _S.EVALUATION,
        _S.IN_AUCTION,
        _CLOCK,
        dating=Dating.OPEN,
        tells=(_OWNER, _REGISTRANTS, _ADMINISTRATORS),
    ),
    _row(Act.NEGOTIATE, _S.EVALUATION, _S.NEGOTIATION, _CLOCK, tells=(_OWNER, _REGISTRANTS)),
    _row(
        Act.FAIL,
        _S.EVALUATION,
        _S.UNSOLD,
        _CLOCK,
        announces=_A.UNSOLD,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.AGREE_PRICE,
        _S.NEGOTIATION,
        _S.CONFIRMATION,
        _TRANSFEROR,
        Need.FINAL_PRICE,
        Need.MEETING_DECISION,
        tells=(_REGISTRANTS, _ADMINISTRATORS),
    ),
    _row(
        Act.FAIL,
        _S.NEGOTIATION,
        _S.UNSOLD,
        frozenset({_TRANSFEROR, _ADMINISTRATOR}),
        Need.REASON,
        announces=_A.UNSOLD,
        tells=(_OWNER, _REGISTRANTS, _ADMINISTRATORS),
    ),
    # ── the auction's result, from the sealed ledger ──
    _row(
        Act.HAMMER,
        _S.IN_AUCTION,
        _S.REVIEW,
        _CLOCK,
        Need.RESULT_SOLD,
        tells=(_OWNER, _ADMINISTRATORS, _REGISTRANTS),
    ),
    _row(
        Act.FAIL,
        _S.IN_AUCTION,
        _S.UNSOLD,
        _CLOCK,
        Need.RESULT_UNSOLD,
        announces=_A.UNSOLD,
        tells=(_OWNER, _REGISTRANTS),
    ),
    _row(
        Act.ABORT,
        _S.IN_AUCTION,
        _S.ABORTED,
        _CLOCK,
        Need.RESULT_ABORTED,
        announces=_A.TERMINATION,
        tells=(_OWNER, _REGISTRANTS, _ADMINISTRATORS),
    ),
    # ── the award ──
    _row(
        Act.OFFER_PRIORITY,
        _S.REVIEW,
        _S.PRIORITY_OFFER,
        _CLOCK,
        Need.PRIORITY_IS_OFFERED,
        tells=(_OWNER, _ADMINISTRATORS),
    ),
    _row(
        Act.ANSWER_PRIORITY,
        _S.PRIORITY_OFFER,
        _S.REVIEW,
        frozenset({Actor.BIDDER, _CLOCK}),
        tells=(_OWNER, _ADMINISTRATORS),
    ),
    _row(
        Act.OFFER_NEXT,
        _S.REVIEW,
        _S.NEXT_OFFER,
        _CLOCK,
        Need.NEXT_IS_OFFERED,
        tells=(_OWNER, _ADMINISTRATORS),
    ),
    _row(
        Act.ANSWER_NEXT,
        _S.NEXT_OFFER,
        _S.REVIEW,
        frozenset({Actor.BIDDER, _CLOCK}),
        tells=(_OWNER, _ADMINISTRATORS),
    ),
    _row(
        Act.ANSWER_NEXT,
        _S.NEXT_OFFER,
        _S.UNSOLD,
        frozenset({Actor.BIDDER, _CLOCK}),
        announces=_A.UNSOLD,
        tells=(_OWNER, _ADMINISTRATORS),
    ),
    _row(Act.AWARD, _S.REVIEW, _S.CONFIRMATION, _ADMINISTRATOR, tells=(_OWNER, _WINNER)),
    _row(
        Act.REFUSE_AWARD,
        _S.REVIEW,
        _S.REVIEW,
        _ADMINISTRATOR,
        Need.REASON,
        Need.NEXT_IS_OFFERED,
        tells=(_OWNER, _WINNER),
    ),
    _row(
        Act.REFUSE_AWARD,
        _S.REVIEW,
        _S.UNSOLD,
        _ADMINISTRATOR,
        Need.REASON,
        announces=_A.UNSOLD,
        tells=(_OWNER, _WINNER),
    ),
    _row(
        Act.DEFAULT,
        frozenset({_S.CONFIRMATION, _S.CONTRACT, _S.PAYMENT}),
        _S.REVIEW,
        _ADMINISTRATOR,
        Need.REASON,
        Need.NEXT_IS_OFFERED,
        tells=(_OWNER, _WINNER, _FINANCE),
    ),
    _row(
        Act.DEFAULT,
        frozenset({_S.CONFIRMATION, _S.CONTRACT, _S.PAYMENT}),
        _S.UNSOLD,
        _ADMINISTRATOR,
        Need.REASON,
        announces=_A.UNSOLD,
        tells=(_OWNER, _WINNER, _FINANCE),
    ),
    # ── documents, money, archive ──
    _row(Act.CONFIRM, _S.CONFIRMATION, _S.CONTRACT, _CLOCK, tells=(_OWNER, _WINNER)),
    _row(
        Act.CONTRACT_SEALED,
        _S.CONTRACT,
        _S.PAYMENT,
        frozenset({_TRANSFEROR, _CLOCK}),
        tells=(_OWNER, _WINNER, _FINANCE),
    ),
    _row(
        Act.PAID,
        _S.PAYMENT,
        _S.PUBLICATION,
        frozenset({_CLOCK, Actor.FINANCE, _ADMINISTRATOR}),
        announces=_A.RESULT,
        tells=(_OWNER, _WINNER, _ADMINISTRATORS),
    ),
    _row(Act.END_PUBLICATION, _S.PUBLICATION, _S.COMPLETED, _CLOCK, Need.DUE, tells=(_OWNER, _WINNER)),
    _row(Act.ARCHIVE, _S.COMPLETED, _S.ARCHIVED, _CLOCK, tells=(_OWNER, _WINNER)),
)

TRANSITIONS: Final[Mapping[Act, tuple[Transition, ...]]] = {
    act: tuple(row for row in _ROWS if row.act is act) for act in Act
}


def rows(act: Act, before: LotState) -> tuple[Transition, ...]:
    """What the act may do to a lot in this state; several rows differ by where they lead."""
    return tuple(row for row in TRANSITIONS[act] if before in row.before)


def targets(row: Transition, before: LotState) -> frozenset[LotState]:
    """Where a row leads from a state."""
    return frozenset({before}) if row.act in STAYS else row.after


def allowed(state: LotState, act: Act, actor: Actor) -> bool:
    """Whether somebody may do this now; what else must be true is not asked here."""
    return any(actor in row.who for row in rows(act, state))


def acts_of(state: LotState, actor: Actor) -> tuple[Act, ...]:
    """What somebody may do now, in the order of the table: for the buttons of a page."""
    return tuple(act for act in TRANSITIONS if allowed(state, act, actor))
