"""The life of an order as one table: who may do what, in which state, what must be true, where it leads.

Pure. `performing.perform` carries it out and is the only code that writes `orders.state`. Where an act leads
to several states, the steps of the channel decide which (steps.next_state): that order is data, not code.
Source: spec/certificates.md, "Channels, services, ways" and "Steps".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certificates.orders.states import OrderAct, OrderActor, OrderState
from certificates.orders.steps import HANDING_OVER, ISSUING, MATERIAL, PAYING, Step

_S, _A, _W = OrderState, OrderAct, OrderActor


class Need(StrEnum):
    """What must be true besides state and actor."""

    REASON = "reason"
    """A reason in words, which the applicant is told."""
    FILLED = "filled"
    """Every step before it is done: certificate, authority, agreements, details."""
    ACTING = "acting"
    """Who began it still acts for the market subject that it is for."""
    CERTIFICATE = "certificate"
    """The certificate that it is about: this subject's, not revoked, in its window (about.py)."""
    MATERIAL = "material"
    """Everything that service, subject and way ask for is uploaded."""
    CORRECTED = "corrected"
    """No item that the review refused is still the refused one."""
    PROVED = "proved"
    """What the channel asks for (Consent.by): the one-time code of this order was right (facts["code"]), the
    UKey that is held has signed (facts["signed"]), or both."""
    IDENTIFIED = "identified"
    """Every identity check that the channel asks for has passed."""
    AMOUNT = "amount"
    """facts["fen"] is the price, to the fen."""
    UNPAID = "unpaid"
    """No money is in, and none is on its way."""
    MONEY = "money"
    """Money is in."""
    UNREFUNDED = "unrefunded"
    """Nothing of what it was paid with has gone back, or is on its way back."""
    HANDED_OVER = "handed_over"
    """A clerk called it handed over last, less than TAKEN_BACK_WITHIN ago."""
    PAID = "paid"
    """Where the channel wants the money first: it is in."""
    PAPER = "paper"
    """The channel asks for paper, and it has not come yet."""
    FREE = "free"
    """No other clerk works on it."""
    TAKEN = "taken"
    """This clerk works on it."""
    ANOTHER = "another"
    """Neither the clerk who approved it first nor the one who typed it in at the counter."""
    AT_HOME = "at_home"
    """The subscriber's own assistant writes it, or sets the new PIN; a first issue is the desk's."""
    OVERDUE = "overdue"
    """Nothing happened for KEPT_FOR."""
    ARRIVED = "arrived"
    """Sent ARRIVES_WITHIN ago, nothing was heard since, and the UKey has not come back."""
    TRACKING = "tracking"
    """facts["courier"] and facts["tracking"]: the number of the parcel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row. `does`: the step that is done with it; `undoes`: steps that have to be done again."""

    act: OrderAct
    before: frozenset[OrderState]
    after: frozenset[OrderState]
    who: frozenset[OrderActor]
    needs: tuple[Need, ...] = ()
    does: frozenset[Step] = frozenset()
    undoes: frozenset[Step] = frozenset()
    tells: bool = False
    """The applicant hears of it: on the site, and by SMS."""


SAVABLE: Final = frozenset({_S.FILLING, _S.AWAITING_MATERIAL, _S.AWAITING_PAYMENT, _S.RETURNED})
"""Where something may be kept: fields, files, how it is paid and handed over, a transfer's voucher."""
UNSENT: Final = frozenset(
    {_S.FILLING, _S.AWAITING_MATERIAL, _S.AWAITING_CONSENT, _S.AWAITING_IDENTITY, _S.AWAITING_PAYMENT}
)
AT_REVIEW: Final = frozenset({_S.IN_REVIEW, _S.SECOND_REVIEW})
AFTER_FILLING: Final = frozenset(
    {
        _S.AWAITING_MATERIAL,
        _S.AWAITING_CONSENT,
        _S.AWAITING_IDENTITY,
        _S.AWAITING_PAYMENT,
        _S.AWAITING_PAPER,
        _S.IN_REVIEW,
        _S.APPROVED,
    }
)
"""Where the steps of a channel may lead to from the form."""
ISSUED: Final = frozenset({_S.AWAITING_COLLECTION, _S.AWAITING_DELIVERY, _S.DONE})
FINAL: Final = frozenset({_S.DONE, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})
STAYS: Final = frozenset({_A.SAVE, _A.TAKE, _A.PUT_BACK})
"""Acts that leave an order in the state it was in."""


def _row(
    act: OrderAct,
    before: OrderState | frozenset[OrderState],
    after: OrderState | frozenset[OrderState],
    who: OrderActor | frozenset[OrderActor],
    *needs: Need,
    does: frozenset[Step] = frozenset(),
    undoes: frozenset[Step] = frozenset(),
    tells: bool = False,
) -> Transition:
    return Transition(
        act=act,
        before=frozenset({before}) if isinstance(before, OrderState) else before,
        after=frozenset({after}) if isinstance(after, OrderState) else after,
        who=frozenset({who}) if isinstance(who, OrderActor) else who,
        needs=needs,
        does=does,
        undoes=undoes,
        tells=tells,
    )


_CLERK_OR_CLOCK: Final = frozenset({_W.CLERK, _W.CLOCK})
_CONSENTED: Final = frozenset({Step.CONFIRM, *MATERIAL, Step.CONSENT})
"""What has to be done again once something was changed."""
_WITH_APPLICANT: Final = frozenset(
    {_S.AWAITING_MATERIAL, _S.AWAITING_CONSENT, _S.AWAITING_IDENTITY, _S.RETURNED}
)
"""The applicant has to go on, and may have paid."""

_STOPPABLE: Final = frozenset(
    {
        _S.AWAITING_MATERIAL,
        _S.AWAITING_CONSENT,
        _S.AWAITING_IDENTITY,
        _S.AWAITING_PAPER,
        _S.IN_REVIEW,
        _S.SECOND_REVIEW,
    }
)
"""Paid, and nothing is decided: what is approved is taken back to the review first."""

_ROWS: Final = (
    # ── the applicant's ──
    _row(_A.SAVE, SAVABLE, SAVABLE, _W.APPLICANT),
    _row(
        _A.CONFIRM,
        _S.FILLING,
        AFTER_FILLING,
        _W.APPLICANT,
        Need.FILLED,
        Need.CERTIFICATE,
        does=frozenset({Step.CONFIRM}),
    ),
    _row(
        _A.CHANGE,
        UNSENT - {_S.FILLING},
        _S.FILLING,
        _W.APPLICANT,
        Need.UNPAID,
        undoes=_CONSENTED | {Step.IDENTITY, Step.PAPER} | PAYING,  # what was free may cost something then
    ),
    _row(
        _A.FINISH_MATERIAL,
        _S.AWAITING_MATERIAL,
        AFTER_FILLING - {_S.AWAITING_MATERIAL},
        _W.APPLICANT,
        Need.MATERIAL,
        does=MATERIAL,
    ),
    _row(
        _A.CONSENT,
        _S.AWAITING_CONSENT,
        AFTER_FILLING - {_S.AWAITING_CONSENT},
        _W.APPLICANT,
        Need.PROVED,
        does=frozenset({Step.CONSENT}),
    ),
    _row(
        _A.IDENTIFY,
        _S.AWAITING_IDENTITY,
        AFTER_FILLING - {_S.AWAITING_IDENTITY},
        frozenset({_W.APPLICANT, _W.CLOCK}),
        Need.IDENTIFIED,
        does=frozenset({Step.IDENTITY}),
    ),
    _row(
        _A.PAID,
        _S.AWAITING_PAYMENT,
        AFTER_FILLING - {_S.AWAITING_PAYMENT},
        frozenset({_W.CLOCK, _W.FINANCE, _W.CLERK}),
        Need.AMOUNT,
        does=PAYING,
        tells=True,
    ),
    _row(
        _A.RECEIVE_PAPER,
        frozenset({_S.AWAITING_PAYMENT, _S.AWAITING_PAPER}),
        frozenset({_S.AWAITING_PAYMENT, _S.IN_REVIEW, _S.APPROVED}),
        _W.CLERK,
        Need.PAPER,
        does=frozenset({Step.PAPER}),
        tells=True,
    ),
    # ── review ──
    _row(_A.TAKE, AT_REVIEW | {_S.AWAITING_PAPER}, AT_REVIEW | {_S.AWAITING_PAPER}, _W.CLERK, Need.FREE),
    _row(_A.PUT_BACK, AT_REVIEW | {_S.AWAITING_PAPER}, AT_REVIEW | {_S.AWAITING_PAPER}, _W.CLERK, Need.TAKEN),
    _row(
        _A.APPROVE,
        _S.IN_REVIEW,
        frozenset({_S.SECOND_REVIEW, _S.APPROVED}),
        _W.CLERK,
        Need.TAKEN,
        Need.ACTING,
        Need.PAID,
        Need.CERTIFICATE,
        does=frozenset({Step.REVIEW}),
        tells=True,
    ),
    _row(
        _A.APPROVE,
        _S.SECOND_REVIEW,
        _S.APPROVED,
        _W.CLERK,
        Need.TAKEN,
        Need.ANOTHER,
        Need.ACTING,
        Need.PAID,
        Need.CERTIFICATE,
        does=frozenset({Step.REVIEW}),
        tells=True,
    ),
    _row(
        _A.APPROVE,
        _S.IN_REVIEW,
        _S.APPROVED,
        _W.CLOCK,
        Need.PAID,
        Need.CERTIFICATE,
        does=frozenset({Step.REVIEW}),
        tells=True,
    ),
    _row(
        _A.RETURN,
        AT_REVIEW,
        _S.RETURNED,
        _W.CLERK,
        Need.TAKEN,
        Need.REASON,
        undoes=_CONSENTED,
        tells=True,
    ),
    _row(
        _A.RETURN,
        _S.AWAITING_PAPER,
        _S.RETURNED,
        _W.CLERK,
        Need.REASON,
        undoes=_CONSENTED,
        tells=True,
    ),
    _row(
        _A.RETURN,
        _S.AWAITING_PAYMENT,
        _S.RETURNED,
        _W.CLERK,
        Need.PAPER,
        Need.REASON,
        undoes=_CONSENTED,
        tells=True,
    ),
    _row(
        _A.RESUBMIT,
        _S.RETURNED,
        AFTER_FILLING - {_S.AWAITING_MATERIAL},
        _W.APPLICANT,
        Need.FILLED,
        Need.MATERIAL,
        Need.CORRECTED,
        does=MATERIAL | {Step.CONFIRM},
    ),
    _row(_A.REJECT, AT_REVIEW, _S.REJECTED, _W.CLERK, Need.TAKEN, Need.REASON, tells=True),
    _row(_A.REJECT, _S.AWAITING_PAPER, _S.REJECTED, _W.CLERK, Need.FREE, Need.REASON, tells=True),
    _row(_A.REJECT, _WITH_APPLICANT, _S.REJECTED, _W.CLERK, Need.MONEY, Need.REASON, tells=True),
    _row(_A.REJECT, _S.IN_REVIEW, _S.REJECTED, _W.CLOCK, Need.REASON, tells=True),
    _row(
        _A.REVERSE,
        _S.APPROVED,
        _S.IN_REVIEW,
        _W.CLERK,
        Need.REASON,
        undoes=frozenset({Step.REVIEW}),
        tells=True,
    ),
    _row(
        _A.REVERSE_PAYMENT,
        _STOPPABLE,
        _S.AWAITING_PAYMENT,
        _W.CLERK,
        Need.FREE,
        Need.REASON,
        undoes=PAYING,
        tells=True,
    ),
    _row(
        _A.REVERSE_REJECTION,
        _S.REJECTED,
        AT_REVIEW - {_S.SECOND_REVIEW} | {_S.AWAITING_PAPER} | _WITH_APPLICANT,
        _W.CLERK,
        Need.REASON,
        Need.UNREFUNDED,
        Need.CERTIFICATE,
        tells=True,
    ),
    _row(
        _A.REVERSE_HAND_OVER,
        _S.DONE,
        frozenset({_S.AWAITING_COLLECTION, _S.AWAITING_DELIVERY}),
        _W.CLERK,
        Need.REASON,
        Need.HANDED_OVER,
        undoes=HANDING_OVER,
        tells=True,
    ),
    # ── the certificate ──
    _row(_A.BEGIN_ISSUE, _S.APPROVED, _S.ISSUING, _CLERK_OR_CLOCK),
    _row(_A.BEGIN_ISSUE, _S.APPROVED, _S.ISSUING, _W.APPLICANT, Need.AT_HOME),
    _row(_A.FAIL_ISSUE, _S.ISSUING, _S.APPROVED, _CLERK_OR_CLOCK, Need.REASON),
    _row(_A.FAIL_ISSUE, _S.ISSUING, _S.APPROVED, _W.APPLICANT, Need.AT_HOME, Need.REASON),
    _row(_A.ISSUED, _S.ISSUING, ISSUED, _CLERK_OR_CLOCK, does=ISSUING, tells=True),
    _row(
        _A.REISSUE,
        frozenset({_S.AWAITING_COLLECTION, _S.AWAITING_DELIVERY, _S.SHIPPED}),
        _S.APPROVED,
        _W.CLERK,
        Need.REASON,
        undoes=ISSUING,
        tells=True,
    ),
    _row(_A.SHIP, _S.AWAITING_DELIVERY, _S.SHIPPED, _W.CLERK, Need.ACTING, Need.TRACKING, tells=True),
    _row(_A.HAND_OVER, _S.AWAITING_COLLECTION, _S.DONE, _W.CLERK, Need.ACTING, does=HANDING_OVER, tells=True),
    _row(
        _A.HAND_OVER,
        _S.AWAITING_DELIVERY,
        _S.DONE,
        _W.CLERK,
        Need.ACTING,
        Need.REASON,
        does=HANDING_OVER,
        tells=True,
    ),
    _row(_A.RECEIVE, _S.SHIPPED, _S.DONE, frozenset({_W.APPLICANT, _W.CLERK}), does=HANDING_OVER),
    _row(_A.RECEIVE, _S.SHIPPED, _S.DONE, _W.CLOCK, Need.ARRIVED, does=HANDING_OVER),
    # ── the end without a certificate ──
    _row(_A.CANCEL, UNSENT, _S.CANCELLED, _W.APPLICANT),
    _row(
        _A.CANCEL,
        frozenset({_S.AWAITING_PAPER, _S.IN_REVIEW, _S.SECOND_REVIEW, _S.RETURNED}),
        _S.CANCELLED,
        _W.APPLICANT,
        Need.FREE,
    ),
    _row(
        _A.EXPIRE,
        UNSENT | {_S.AWAITING_PAPER, _S.RETURNED},
        _S.EXPIRED,
        _W.CLOCK,
        Need.OVERDUE,
        tells=True,
    ),
    _row(  # nobody downloads it, or unlocks: a window, a check and a price are not kept for years
        _A.EXPIRE,
        frozenset({_S.APPROVED, _S.ISSUING}),
        _S.EXPIRED,
        _W.CLOCK,
        Need.OVERDUE,
        Need.AT_HOME,
        tells=True,
    ),
)

TRANSITIONS: Final[Mapping[OrderAct, tuple[Transition, ...]]] = {
    act: tuple(row for row in _ROWS if row.act is act) for act in OrderAct
}


def row_for(act: OrderAct, before: OrderState, who: OrderActor) -> Transition | None:
    """The one row of this act, state and actor; None: refused."""
    found = [row for row in TRANSITIONS[act] if before in row.before and who in row.who]
    assert len(found) <= 1, f"{act} by {who} while {before} stands in {len(found)} rows"
    return found[0] if found else None


def acts_of(state: OrderState, who: OrderActor) -> tuple[OrderAct, ...]:
    """What somebody may do now, in the order of the table: for the buttons of a page."""
    return tuple(act for act in OrderAct if row_for(act, state, who) is not None)
